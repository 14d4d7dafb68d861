"""The images of the MQTT output: what viewers of the page see, encoded on a thread of its own."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from edge.datatypes import CameraState
from edge.process.threads import start_thread

log = logging.getLogger(__name__)


class Images:
    """Holds the newest JPEG, made every `interval_s` and as soon as the camera's state changes.

    `jpeg` returns what the page shows, with its privacy filter, and may block; during a pause that
    is a notice. Nothing that was made before a pause is held after it.
    """

    def __init__(self, jpeg: Callable[[], bytes | None], interval_s: float) -> None:
        self._jpeg = jpeg
        self._interval_s = interval_s
        self._changed = threading.Condition()
        self._camera = CameraState.STARTING
        self._round = 0
        self._newest: bytes | None = None
        self._is_closed = False

    def start(self, made: Callable[[], None]) -> None:
        """Start the thread, which calls `made` after each image. Raises ResourceError."""
        start_thread("mqtt-images", self._run, made)

    def tell(self, camera: CameraState) -> None:
        """Set the state of the camera; an image made before it changed is dropped."""
        with self._changed:
            if camera is not self._camera:
                self._camera, self._newest = camera, None
                self._round += 1
                self._changed.notify_all()

    def take(self) -> bytes | None:
        """Return the newest image once, None while there is none."""
        with self._changed:
            jpeg, self._newest = self._newest, None
            return jpeg

    def close(self) -> None:
        """End the thread and drop the image."""
        with self._changed:
            self._is_closed, self._newest = True, None
            self._changed.notify_all()

    def _run(self, made: Callable[[], None]) -> None:
        while not self._is_closed:
            with self._changed:
                before = self._round
            jpeg = self._encoded()
            with self._changed:
                if jpeg is not None and before == self._round and not self._is_closed:
                    self._newest = jpeg
            made()
            with self._changed:
                self._changed.wait_for(
                    lambda before=before: self._is_closed or self._round != before,  # type: ignore[misc]
                    self._interval_s,
                )

    def _encoded(self) -> bytes | None:
        try:
            return self._jpeg()
        except Exception:
            log.exception("mqtt: no image can be made")
            return None
