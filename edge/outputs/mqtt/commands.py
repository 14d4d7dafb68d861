"""Commands that arrive over MQTT: pause and resume, brightness, privacy.

A thread of its own carries them out: closing a camera takes seconds. It holds the newest command of
each name only, so a flood of them takes no memory.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from edge.errors import EdgeError
from edge.process.threads import start_thread

log = logging.getLogger(__name__)

_LEAST_PERCENT = 5
_LONGEST_SHOWN = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Controls:
    """What a command can do to the device; each may be called twice. Brightness is 0..1.

    `privacy_modes` are the modes that a command may set.
    """

    pause: Callable[[], None]
    resume: Callable[[], None]
    set_brightness: Callable[[float], None] | None
    set_privacy: Callable[[str], None]
    privacy_modes: Sequence[str]


class Commands:
    """Carries out commands one after the other; `done` is called after each."""

    def __init__(self, controls: Controls, done: Callable[[], None]) -> None:
        self._controls = controls
        self._done = done
        self._changed = threading.Condition()
        self._waiting: dict[str, bytes] = {}
        self._is_closed = False
        self._names = {
            "running": self._run_or_pause,
            "brightness": self._set_brightness,
            "privacy": self._set_privacy,
        }

    def start(self) -> None:
        """Start the thread. Raises ResourceError when it cannot be started."""
        start_thread("mqtt-commands", self._work)

    def add(self, name: str, payload: bytes) -> None:
        """Take a command in place of an earlier one of this name; never blocks."""
        if name not in self._names:
            return
        with self._changed:
            self._waiting.pop(name, None)
            self._waiting[name] = payload
            self._changed.notify_all()

    def close(self) -> None:
        """End the thread after the present command."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._is_closed or self._waiting)
                if self._is_closed:
                    return
                name = next(iter(self._waiting))
                payload = self._waiting.pop(name)
            self._carry_out(name, payload)

    def _carry_out(self, name: str, payload: bytes) -> None:
        text = payload[:_LONGEST_SHOWN].decode("utf-8", "replace").strip()
        try:
            self._names[name](text)
        except (ValueError, EdgeError) as exc:
            log.warning("mqtt: command %s %r: %s", name, text, exc)
        except Exception:
            log.exception("mqtt: command %s %r failed", name, text)
        self._done()

    def _run_or_pause(self, text: str) -> None:
        match text.upper():
            case "ON":
                self._controls.resume()
            case "OFF":
                self._controls.pause()
            case _:
                raise ValueError("expected ON or OFF")

    def _set_brightness(self, text: str) -> None:
        if self._controls.set_brightness is None:
            raise ValueError('there are no LEDs: [leds] mode = "off"')
        expected = f"expected a number from {_LEAST_PERCENT} to 100"
        try:
            percent = float(text)
        except ValueError:
            raise ValueError(expected) from None
        if not _LEAST_PERCENT <= percent <= 100:  # not for NaN, either
            raise ValueError(expected)
        self._controls.set_brightness(percent / 100)

    def _set_privacy(self, text: str) -> None:
        if text not in self._controls.privacy_modes:
            raise ValueError(f"expected one of {', '.join(self._controls.privacy_modes)}")
        self._controls.set_privacy(text)
