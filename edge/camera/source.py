"""The protocol that every camera implements."""

from __future__ import annotations

import threading
from typing import Protocol

from edge.datatypes import Frame
from edge.process.threads import start_thread

FIRST_FRAME_S = 4.0
"""How long to wait for the first frame: a webcam sets its exposure before it delivers one."""


class FrameSource(Protocol):
    """An open camera. Opening happens in the constructor and raises CameraNotFound or MediaError.

    `read` is called from one thread; `close` may be called from another, at any time, twice.
    A caller that cannot wait for a driver that hangs uses `close_in_background`.
    """

    name: str
    """The name in messages: "demo scene", "USB camera 0 (/dev/video0)"."""

    def read(self, timeout_s: float) -> Frame:
        """Return the newest frame, waiting at most `timeout_s`.

        Raises CameraStalled when no frame arrives in time, CameraError when none ever will.
        """
        ...

    def close(self) -> None:
        """Release the camera and return when it is off. A pending `read` ends soon."""
        ...


def close_in_background(source: FrameSource) -> threading.Event:
    """Close `source` in a background thread; the event is set when it is closed."""
    closed = threading.Event()

    def close() -> None:
        source.close()
        closed.set()

    start_thread("camera-close", close)
    return closed
