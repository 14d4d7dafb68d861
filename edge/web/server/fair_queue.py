"""Which request gets the next free thread: each client in turn, and no client all the threads."""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict, deque
from typing import Generic, TypeVar

T = TypeVar("T")


class Turns(Generic[T]):
    """Requests that wait for a thread, in a queue for each client; callable from any thread.

    Bounded by who puts in: a client's queue is gone when it is empty.
    """

    def __init__(self, most_of_one: int) -> None:
        """`most_of_one` requests of one client are served at the same time."""
        self._most_of_one = most_of_one
        self._changed = threading.Condition()
        self._waiting: OrderedDict[str, deque[T]] = OrderedDict()
        self._served: Counter[str] = Counter()
        self._closed = False

    def put(self, client: str, request: T) -> None:
        """Let a request of this client wait for its turn."""
        with self._changed:
            self._waiting.setdefault(client, deque()).append(request)
            self._changed.notify()

    def take(self) -> tuple[str, T] | None:
        """Wait for the next request whose turn it is; None once closed. `done` must follow."""
        with self._changed:
            while not self._closed:
                client = next((c for c in self._waiting if self._may_have_more(c)), None)
                if client is not None:
                    return client, self._next_of(client)
                self._changed.wait()
            return None

    def done(self, client: str) -> None:
        """Note that a request of this client is served."""
        with self._changed:
            self._served[client] -= 1
            if not self._served[client]:
                del self._served[client]
            self._changed.notify()

    def close(self) -> list[T]:
        """Let every `take` return None, at once and from now on; return what still waited."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            left = [request for queue in self._waiting.values() for request in queue]
            self._waiting.clear()
            return left

    def _may_have_more(self, client: str) -> bool:
        return self._served[client] < self._most_of_one

    def _next_of(self, client: str) -> T:
        queue = self._waiting.pop(client)
        request = queue.popleft()
        if queue:
            self._waiting[client] = queue  # behind all the others
        self._served[client] += 1
        return request
