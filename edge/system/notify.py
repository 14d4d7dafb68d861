"""Reports the service's state to systemd by its datagram protocol, and to no other manager.

sd_notify(3) is one text datagram, lines of NAME=VALUE, to the socket named in NOTIFY_SOCKET: a
path, or an abstract name after an "@".
"""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Callable, Mapping

from edge.datatypes import CameraState, Report
from edge.errors import OutputError

logger = logging.getLogger(__name__)

# sd_watchdog_enabled(3) recommends two; the others are a margin for a busy machine.
_FEEDS_PER_PERIOD = 4


class Notifier:
    """Sends states to the service manager that started this process, if any.

    Sending never blocks and never raises: a manager that does not listen must not stop the device.
    """

    def __init__(
        self,
        environment: Mapping[str, str] = os.environ,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Raise OutputError when NOTIFY_SOCKET or WATCHDOG_USEC is malformed."""
        self._address = _address(environment.get("NOTIFY_SOCKET", ""))
        self._period_s = _watchdog_s(environment)
        self._clock = clock
        self._fed_s = float("-inf")
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        self._socket.setblocking(False)
        self._unheard = False

    @property
    def has_manager(self) -> bool:
        """Whether a service manager is listening for states."""
        return self._address is not None

    def close(self) -> None:
        """Release the socket; may be called twice."""
        self._socket.close()

    def ready(self) -> None:
        """Report that the start is complete."""
        self._send("READY=1")

    def stopping(self) -> None:
        """Report that the program is stopping."""
        self._send("STOPPING=1")

    def status(self, text: str) -> None:
        """Report the state in one line, which `systemctl status` shows."""
        self._send(f"STATUS={' '.join(text.split())}")

    def alive(self) -> None:
        """Feed the watchdog, if there is one. Cheap enough for every frame."""
        if self._period_s is None:
            return
        now_s = self._clock()
        if now_s - self._fed_s >= self._period_s / _FEEDS_PER_PERIOD:
            self._fed_s = now_s
            self._send("WATCHDOG=1")

    def _send(self, state: str) -> None:
        if self._address is None:
            return
        try:
            self._socket.sendto(state.encode(), self._address)
        except BlockingIOError:
            pass  # its queue is full of earlier states
        except OSError as exc:
            if not self._unheard:
                logger.warning("NOTIFY_SOCKET: systemd does not listen: %s", exc.strerror)
            self._unheard = True


class StatusLine:
    """A sink that updates the service manager's status line when it changes."""

    name = "systemd"

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._said = ""

    def show(self, report: Report) -> None:
        """Report the camera's state. See Sink."""
        text = _status(report)
        if text != self._said:
            self._say(text)
            self._said = text

    def close(self) -> None:
        """Do nothing: `stopping` reports the end. See Sink."""


def _status(report: Report) -> str:
    health = report.health
    if health.camera is CameraState.LIVE:
        return f"watching: {health.source}"
    return f"camera {health.camera}: {health.detail}"


def _address(name: str) -> str | None:
    if not name:
        return None
    if name.startswith("/"):
        return name
    if name.startswith("@") and len(name) > 1:
        return "\0" + name[1:]
    raise OutputError(f"NOTIFY_SOCKET={name!r}: neither a path nor an abstract name (@...)")


def _watchdog_s(environment: Mapping[str, str]) -> float | None:
    """Return the watchdog's period in seconds, None without a watchdog for this process."""
    wanted = environment.get("WATCHDOG_USEC", "")
    process = environment.get("WATCHDOG_PID", "")
    if not wanted or (process and process != str(os.getpid())):
        return None
    if not (wanted.isascii() and wanted.isdigit() and int(wanted) > 0):
        raise OutputError(f"WATCHDOG_USEC={wanted!r}: not a number of microseconds")
    return int(wanted) / 1e6
