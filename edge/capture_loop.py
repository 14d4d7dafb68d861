"""The capture loop: opens the camera, reads its frames, and reopens it after a stall or a pause."""

from __future__ import annotations

from edge.camera.source import FIRST_FRAME_S
from edge.camera_condition import CLOSING_S
from edge.camera_openings import Opening, Openings
from edge.errors import CameraError
from edge.live_state import LiveState

_FIRST_RETRY_S, _LONGEST_RETRY_S = 0.5, 2.0
# How often the loop checks whether a pause has ended.
_POLL_S = 0.2


class CaptureLoop:
    """Puts each frame into the slot of `live`, until `live.stopping` is set."""

    def __init__(self, camera: Openings, live: LiveState, stall_s: float) -> None:
        self._camera = camera
        self._live = live
        self._stall_s = stall_s

    def run(self) -> None:
        """Read frames until the end. Raises what opening raises, but for a CameraError."""
        while self._has_opening():
            self._use_opening()

    def begin(self, opening: Opening) -> None:
        """Continue with a new opening; close it when a pause began in the meantime."""
        if not self._live.begin(opening):
            opening.close(CLOSING_S)

    def _use_opening(self) -> None:
        opening = self._live.opening
        if opening is None:
            return  # paused
        try:
            self._read_from(opening)
        except CameraError as exc:
            self._live.note_camera_error(exc, opening)
        finally:
            opening.close(CLOSING_S)
            self._live.end(opening)

    def _read_from(self, opening: Opening) -> None:
        timeout_s = max(self._stall_s, FIRST_FRAME_S)
        while not self._live.stopping.is_set():
            if not self._live.offer(opening, opening.read(timeout_s)):
                return
            timeout_s = self._stall_s

    def _has_opening(self) -> bool:
        """Open a closed camera, with growing pauses between the attempts; False at the end."""
        live = self._live
        pause_s = _FIRST_RETRY_S if live.fault else 0.0
        while live.opening is None:
            if live.stopping.wait(pause_s):
                return False
            if not live.awake.wait(_POLL_S):
                pause_s = 0.0
                continue
            try:
                self.begin(self._camera.open())
            except CameraError as exc:
                live.note_camera_error(exc, None)
            pause_s = min(max(pause_s * 2, _FIRST_RETRY_S), _LONGEST_RETRY_S)
        return True
