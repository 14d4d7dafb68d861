"""A slot that holds one value: the newest. Between threads, the latest frame wins."""

from __future__ import annotations

import threading
from typing import Generic, TypeVar

T = TypeVar("T")


class Latest(Generic[T]):
    """One-place mailbox for any number of readers; a slow reader skips, nothing queues."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._value: T | None = None
        self._version = 0
        self._closed = False

    def put(self, value: T) -> None:
        """Replace the value and wake every reader."""
        with self._changed:
            self._value = value
            self._version += 1
            self._changed.notify_all()

    def get(self) -> T | None:
        """Return the newest value, None before the first."""
        with self._changed:
            return self._value

    def wait_newer(self, version: int, timeout_s: float) -> tuple[int, T] | None:
        """Wait for a value newer than `version` (0: any); None after `timeout_s` or on close.

        Returns the value with its version, to be passed to the next call.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._version > version or self._closed, timeout_s)
            if self._closed or self._version <= version or self._value is None:
                return None
            return self._version, self._value

    def close(self) -> None:
        """Wake every reader for good: from now on `wait_newer` returns None at once."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._closed
