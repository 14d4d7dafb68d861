"""The frozen records that flow between the stages, and nothing else. No I/O here.

camera -> Frame -> detector -> Detection -> tracker -> Track -> classifier -> EmotionScores
-> smoother -> FaceState -> Snapshot -> outputs and web, where Health joins it in a Report.

Boxes and points are in frame pixels, x to the right and y down. Times called `_s` are seconds
of `time.monotonic()`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from edge.bbox import BBox as BBox  # noqa: PLC0414 (re-exported: one of the records)

BgrImage = npt.NDArray[np.uint8]
GrayImage = npt.NDArray[np.uint8]
FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Frame:
    """One frame from a camera: `bgr` uint8 (H, W, 3).

    `opening` is the number of the camera opening. Frames of different openings are unrelated.
    """

    bgr: BgrImage
    seq: int
    captured_at_s: float
    opening: int = 0

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        return self.bgr.shape[1], self.bgr.shape[0]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Detection:
    """A face in one frame. `keypoints` float32 (6, 2) px or None when the detector has none.

    The six points are BlazeFace's: the eye on the frame's left (the person's right), the eye on the
    frame's right, nose tip, mouth, left and right ear.
    """

    box: BBox
    score: float
    keypoints: FloatArray | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sighting:
    """The detections of one frame, and the tracks that the detector searched for.

    The detector covers a part of each frame: only a track in `searched` that matches no detection
    was missed. `candidates` are possible new faces that are not verified yet. `is_complete` is
    whether the whole frame was searched, as in a still: it has no other faces.
    """

    detections: tuple[Detection, ...]
    searched: frozenset[int]
    candidates: tuple[Detection, ...] = ()
    is_complete: bool = False


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Track:
    """A face followed through time. `hits` and `missed` count the runs that found it or did not."""

    track_id: int
    box: BBox
    keypoints: FloatArray | None
    hits: int
    missed: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EmotionScores:
    """The classifier's output for one face: `probs` float32 (7,), sum 1."""

    track_id: int
    probs: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceState:
    """The displayed state of a face. `label` is None while the expression is uncertain.

    `probs` maps each label to its smoothed probability, in the manifest's order, and is empty
    until the face has been classified once; `confidence` is the shown label's probability, or
    the largest one while uncertain.
    """

    track_id: int
    box: BBox
    label: str | None
    confidence: float
    probs: Mapping[str, float]

    def to_dict(self) -> dict[str, Any]:
        """Return the face as rounded JSON-ready values."""
        b = self.box
        return {
            "id": self.track_id,
            "box": [round(v, 1) for v in (b.x1, b.y1, b.x2, b.y2)],
            "label": self.label,
            "confidence": round(self.confidence, 4),
            "probs": {label: round(p, 4) for label, p in self.probs.items()},
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The result for one frame. `dominant` is the dominant expression, None when unclear.

    `size` is the frame's, (width, height), None when unknown; a box may reach beyond it.
    `unshown` are the boxes, by track, of faces that no output shows: seen only once, or not
    for a moment. `candidates` are the boxes of possible faces. A filter that hides faces hides
    both.
    """

    seq: int
    captured_at_s: float
    faces: tuple[FaceState, ...]
    dominant: str | None
    stage_ms: Mapping[str, float]
    unshown: Mapping[int, BBox] = field(default_factory=dict)
    candidates: tuple[BBox, ...] = ()
    size: tuple[int, int] | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the snapshot as JSON-ready values, without the time and the faces not shown.

        Each box is clipped to the frame.
        """
        faces = self.faces
        if self.size is not None:
            faces = tuple(replace(face, box=face.box.clip(*self.size)) for face in faces)
        return {
            "seq": self.seq,
            "size": None if self.size is None else list(self.size),
            "faces": [face.to_dict() for face in faces],
            "dominant": self.dominant,
            "stage_ms": {stage: round(ms, 2) for stage, ms in self.stage_ms.items()},
        }


UNCERTAIN = "uncertain"
"""The name, in the history, of the time of faces without a label."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """The sums of a period of time. `start_s` is in seconds of the Unix epoch.

    `watched_s` is the time the camera was live, `face_s` the time faces were in view by label,
    two faces for a second being two seconds.
    """

    start_s: int
    watched_s: float
    face_s: Mapping[str, float]

    @property
    def faces(self) -> float:
        """Mean number of faces in view."""
        return sum(self.face_s.values()) / self.watched_s if self.watched_s > 0 else 0.0

    def shares(self, labels: Iterable[str]) -> dict[str, float]:
        """Return each label's share of the time of all faces, 0..1, and UNCERTAIN's at the end."""
        total_s = sum(self.face_s.values())
        return {
            label: self.face_s.get(label, 0.0) / total_s if total_s > 0 else 0.0
            for label in (*labels, UNCERTAIN)
        }


class CameraState(StrEnum):
    """The state of the camera, as every output shows it.

    PAUSED means that the camera is closed. From the request to pause until then it is PAUSING.
    """

    STARTING = "starting"
    LIVE = "live"
    LOST = "lost"
    PAUSING = "pausing"
    PAUSED = "paused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Vitals:
    """The state of the board. `temperature_c` is the SoC's in degrees Celsius, None if unknown.

    `throttled` is true while the firmware throttles the board for heat or a weak power supply,
    `hot` while inference does less so that the board stays cool.
    """

    temperature_c: float | None = None
    throttled: bool = False
    hot: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Return the vitals as JSON-ready values."""
        celsius = None if self.temperature_c is None else round(self.temperature_c, 1)
        return {"temperature_c": celsius, "throttled": self.throttled, "hot": self.hot}


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """Why the camera is paused.

    `by` is "person", "schedule", or "clock": there is a schedule, and the time of day is not known.
    `until` is the local time, HH:MM, at which the schedule opens the camera, None for other pauses.
    """

    by: Literal["person", "schedule", "clock"] = "person"
    until: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return {"by": ..., "until": ... or None}."""
        return {"by": self.by, "until": self.until}


BY_PERSON = Pause()
"""The pause of a person: the page's, the button's or a command's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """The health of the device. `age_s` is the age of the newest finished frame, None without one.

    `camera_open` is whether the camera is, or may be, open, even if it delivers no frame. `pause`
    is the pause in force, None without one.
    """

    camera: CameraState
    detail: str
    source: str
    fps: float
    age_s: float | None
    uptime_s: float
    failing_outputs: tuple[str, ...] = ()
    vitals: Vitals = Vitals()
    camera_open: bool = False
    pause: Pause | None = None

    @property
    def camera_on(self) -> bool:
        """Whether the camera may be capturing: what the privacy LED shows."""
        if self.camera is CameraState.LOST:
            return self.camera_open
        return self.camera is not CameraState.PAUSED

    @property
    def healthy(self) -> bool:
        """True only while frames arrive and are processed to the end."""
        return self.camera is CameraState.LIVE

    def to_dict(self) -> dict[str, Any]:
        """Return the health as JSON-ready values."""
        return {
            "healthy": self.healthy,
            "camera": str(self.camera),
            "detail": self.detail,
            "source": self.source,
            "fps": round(self.fps, 1),
            "age_ms": None if self.age_s is None else round(self.age_s * 1000),
            "uptime_s": round(self.uptime_s, 1),
            "failing_outputs": list(self.failing_outputs),
            "pause": None if self.pause is None else self.pause.to_dict(),
            **self.vitals.to_dict(),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The input of the outputs: the newest snapshot, None before the first, and the health."""

    snapshot: Snapshot | None
    health: Health

    def to_dict(self) -> dict[str, Any]:
        """Return {"health": ..., "snapshot": ... or None}."""
        snapshot = None if self.snapshot is None else self.snapshot.to_dict()
        return {"health": self.health.to_dict(), "snapshot": snapshot}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scene:
    """A frame and its snapshot, for the viewers."""

    frame: Frame
    snapshot: Snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class LedState:
    """The state of the LEDs: brightness 0..1 by LED name, in the order of their wiring.

    Names are the expressions in mode "per_emotion", red, green and blue in mode "rgb", and
    `status` and `privacy` in both.
    """

    mode: str
    levels: Mapping[str, float]

    def to_dict(self) -> dict[str, Any]:
        """Return {"mode": ..., "levels": {name: 0..1}}."""
        return {"mode": self.mode, "levels": {k: round(v, 3) for k, v in self.levels.items()}}
