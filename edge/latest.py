"""A slot between threads that holds only the newest value."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Latest(Generic[T]):
    """Holds the newest value for any number of readers; a slow reader skips values."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._value: T | None = None
        self._version = 0
        self._closed = False
        self._forgetters: list[Callable[[], None]] = []
        self._listeners: list[Callable[[], None]] = []

    def put(self, value: T) -> None:
        """Replace the value and wake every reader; after `close` it is not kept."""
        with self._changed:
            if self._closed:
                return
            self._value = value
            self._version += 1
            self._changed.notify_all()
        self._tell_listeners()

    def clear(self) -> None:
        """Drop the value and everything derived from it; see `when_cleared`."""
        with self._changed:
            self._value = None
        for forget in self._forgetters:
            forget()

    def when_cleared(self, forget: Callable[[], None]) -> None:
        """Call `forget` on each `clear`, after the value was dropped."""
        self._forgetters.append(forget)

    def get(self) -> T | None:
        """Return the newest value, None before the first and after `clear` or `close`."""
        with self._changed:
            return self._value

    def wait_newer(self, version: int, timeout_s: float) -> tuple[int, T] | None:
        """Wait for a value newer than `version` (0: any); None after `timeout_s` or on close.

        Returns the value with its version, to be passed to the next call.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._holds_newer(version), timeout_s)
            if self._value is None or not self._holds_newer(version):
                return None
            return self._version, self._value

    def _holds_newer(self, version: int) -> bool:
        return self._value is not None and self._version > version

    def close(self) -> None:
        """Drop the value and wake every reader; from now on `wait_newer` returns None at once."""
        with self._changed:
            self._closed = True
            self._value = None
            self._changed.notify_all()
        self._tell_listeners()

    def when_changed(self, listener: Callable[[], None]) -> None:
        """Have `listener` called after each `put` and `close`; it must not block."""
        self._listeners.append(listener)

    def _tell_listeners(self) -> None:
        for listener in self._listeners:
            listener()

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._closed
