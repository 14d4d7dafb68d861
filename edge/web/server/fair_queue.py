"""The queue of requests: clients take turns, and no client can use all threads."""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict, deque
from collections.abc import Container
from typing import Generic, TypeVar

T = TypeVar("T")


class FairQueue(Generic[T]):
    """Requests that wait for a thread, in a queue for each client; callable from any thread.

    The caller limits the number of requests. The empty queue of a client is removed.
    """

    def __init__(
        self,
        limit_per_client: int,
        known: Container[str] = (),
        limit_of_unknown: int | None = None,
    ) -> None:
        """At most `limit_per_client` requests of one client are answered at the same time.

        Those of `known` clients go first, and at most `limit_of_unknown` of all others are answered
        at the same time; None: any number.
        """
        self._limit_per_client = limit_per_client
        self._known = known
        self._limit_of_unknown = limit_of_unknown
        self._changed = threading.Condition()
        self._waiting: OrderedDict[str, deque[T]] = OrderedDict()
        self._served: Counter[str] = Counter()
        self._closed = False

    def put(self, client: str, request: T) -> None:
        """Add a request of this client."""
        with self._changed:
            self._waiting.setdefault(client, deque()).append(request)
            self._changed.notify()

    def take(self) -> tuple[str, T] | None:
        """Wait for the next request; None once closed. Call `done` afterwards."""
        with self._changed:
            while not self._closed:
                client = self._next_client()
                if client is not None:
                    return client, self._next_of(client)
                self._changed.wait()
            return None

    def done(self, client: str) -> None:
        """Record that a request of this client was answered."""
        with self._changed:
            self._served[client] -= 1
            if not self._served[client]:
                del self._served[client]
            self._changed.notify()

    def close(self) -> list[T]:
        """Make every `take` return None at once; return the requests that still waited."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            left = [request for queue in self._waiting.values() for request in queue]
            self._waiting.clear()
            return left

    def _next_client(self) -> str | None:
        able = [client for client in self._waiting if self._may_have_more(client)]
        known = next((client for client in able if client in self._known), None)
        if known is not None or self._limit_of_unknown is None:
            return known or next(iter(able), None)
        served = sum(n for client, n in self._served.items() if client not in self._known)
        return next(iter(able), None) if served < self._limit_of_unknown else None

    def _may_have_more(self, client: str) -> bool:
        return self._served[client] < self._limit_per_client

    def _next_of(self, client: str) -> T:
        queue = self._waiting.pop(client)
        request = queue.popleft()
        if queue:
            self._waiting[client] = queue  # behind all the others
        self._served[client] += 1
        return request
