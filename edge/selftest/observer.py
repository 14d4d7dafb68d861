"""What a run of the device shows in figures: frames, faces in view, temperature. No I/O here.

Of a face only the number of faces is kept.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from edge.datatypes import CameraState, Report, Snapshot

MINUTE_S = 60.0


@dataclass(slots=True)
class Minute:
    """The figures of one minute; temperatures are the highest, None where they are unknown."""

    frames: int = 0
    fps: float = 0.0
    most_faces: int = 0
    temperature_c: float | None = None
    throttled: bool = False
    hot: bool = False

    def line(self, number: int) -> str:
        """Return the minute for a terminal."""
        heat = "" if self.temperature_c is None else f", {self.temperature_c:.0f} C"
        slow = ", throttled" if self.throttled else ", hot" if self.hot else ""
        return f"minute {number}: {self.fps:.1f} frames/s, faces {self.most_faces}{heat}{slow}"


class Observer:
    """Outputs that note figures; called by one thread at a time.

    `told` is called with each minute and its number, from 1 on.
    """

    def __init__(self, told: Callable[[int, Minute], None], clock: Callable[[], float]) -> None:
        self._told = told
        self._clock = clock
        self._began_s = self._minute_began_s = clock()
        self._before: Snapshot | None = None
        self._state: CameraState | None = None
        self._age_sum_s = self._longest_age_s = 0.0
        self._arrived = self._with_face = 0
        self.processed = 0
        self.losses = 0
        self.size: tuple[int, int] | None = None
        self.minutes: list[Minute] = [Minute()]

    def show(self, report: Report) -> None:
        """Note a report. See Outputs."""
        now_s = self._clock()
        if now_s - self._minute_began_s >= MINUTE_S:
            self._end_minute(now_s)
        self._note_state(report)
        if report.snapshot is not None and report.snapshot is not self._before:
            self._note_frame(report.snapshot, now_s)

    def failing(self) -> tuple[str, ...]:
        """Return no name: there is no output that fails."""
        return ()

    def end(self) -> None:
        """Complete the last minute, which may be a shorter one."""
        self._end_minute(self._clock())
        self.minutes.pop()

    def figures(self) -> dict[str, Any]:
        """Return JSON-ready figures of the whole run, after `end`."""
        passed_s = self._minute_began_s - self._began_s
        return {
            "seconds": round(passed_s, 1),
            "frame_size": self.size,
            "camera_fps": _rate(self._arrived, passed_s),
            "processed_fps": _rate(self.processed, passed_s),
            "frame_age_ms": {
                "mean": round(self._age_sum_s / max(self.processed, 1) * 1000),
                "most": round(self._longest_age_s * 1000),
            },
            "times_lost": self.losses,
            "most_faces": max(minute.most_faces for minute in self.minutes),
            "share_of_frames_with_a_face": round(self._with_face / max(self.processed, 1), 3),
            "minutes": [asdict(minute) for minute in self.minutes],
        }

    def _end_minute(self, now_s: float) -> None:
        minute = self.minutes[-1]
        minute.fps = _rate(minute.frames, now_s - self._minute_began_s)
        self._told(len(self.minutes), minute)
        self._minute_began_s = now_s
        self.minutes.append(Minute())

    def _note_state(self, report: Report) -> None:
        minute, health = self.minutes[-1], report.health
        if health.camera is CameraState.LOST and self._state is not CameraState.LOST:
            self.losses += 1
        self._state = health.camera
        celsius = health.vitals.temperature_c
        if celsius is not None:
            minute.temperature_c = max(minute.temperature_c or celsius, celsius)
        minute.throttled |= health.vitals.throttled
        minute.hot |= health.vitals.hot

    def _note_frame(self, snapshot: Snapshot, now_s: float) -> None:
        before, self._before = self._before, snapshot
        # Each opening of the camera counts from 0.
        last = before.seq if before is not None and before.seq < snapshot.seq else -1
        self._arrived += max(snapshot.seq - last, 1)
        self.processed += 1
        self.size = snapshot.size
        age_s = max(now_s - snapshot.captured_at_s, 0.0)
        self._age_sum_s += age_s
        self._longest_age_s = max(self._longest_age_s, age_s)
        minute = self.minutes[-1]
        minute.frames += 1
        minute.most_faces = max(minute.most_faces, len(snapshot.faces))
        self._with_face += bool(snapshot.faces)


def _rate(count: int, seconds: float) -> float:
    return round(count / seconds, 1) if seconds > 0 else 0.0
