"""Finds faces across a room with a short-range detector.

BlazeFace's 128 px network misses every face under 90 px of a 640x480 frame. The detector therefore
runs it on the whole frame, on tiles of the frame in rotation, and on a view around each track. The
number of network runs per frame is fixed. A second network verifies each new face. A still image
gets every view at once.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from edge.datatypes import BBox, BgrImage, Detection, FloatArray, Sighting, Track
from edge.vision.nms import is_same_face, merge_detections
from edge.vision.tiling import follow_view, sees_whole, still_views, video_views

# The least probability of a verified face. Of 192 FER2013 faces 1% scored under 0.79, of 1,244
# false candidates 1% over 0.03.
_VERIFIED = 0.3

# A track is verified again after this many runs on it: it may have drifted onto the background.
_RUNS_BETWEEN_VERIFICATIONS = 20

MAX_FACES = 200
"""The most faces of a still, the highest scores first. Each costs another run of the network."""


class FaceDetector(Protocol):
    """Finds the faces in a frame."""

    def detect(self, bgr: BgrImage, tracks: Sequence[Track]) -> Sighting:
        """Detect faces in the next frame of a video, in which `tracks` are already known."""
        ...

    def detect_still(self, bgr: BgrImage) -> list[Detection]:
        """Return every face of a still image, the highest score first."""
        ...

    def reset(self) -> None:
        """Forget every face: the next frame begins another video."""
        ...


class ViewDetector(Protocol):
    """Finds the faces in one square view, in frame pixels, and may find one several times."""

    def detect(self, bgr: BgrImage, view: BBox) -> list[Detection]:
        """Return the faces in `view`, before non-maximum suppression."""
        ...


class FaceVerifier(Protocol):
    """Estimates the probability that a box holds a face."""

    def probability(self, bgr: BgrImage, box: BBox, keypoints: FloatArray) -> float:
        """Return 0..1 for the face in `box` with `keypoints` (6, 2), in frame pixels."""
        ...


@dataclass(slots=True)
class _Followed:
    """The detector's record of a track: the runs on it, and whether it failed verification."""

    runs: int = 0
    last_run: int = 0
    doubted: bool = False


@dataclass(slots=True)
class _FrameContext:
    """One frame, its known tracks, and what the runs on it have found so far."""

    bgr: BgrImage
    tracks: Sequence[Track]
    found: list[Detection] = field(default_factory=list)
    searched: set[int] = field(default_factory=set)
    candidates: list[Detection] = field(default_factory=list)

    @property
    def size(self) -> tuple[int, int]:
        return self.bgr.shape[1], self.bgr.shape[0]


def frames_per_round(size: tuple[int, int], runs_per_frame: int) -> int:
    """Return in how many frames of (width, height) `size` a RoomDetector covers every view.

    In the worst case each search is followed by a verification and a run on a known track. The
    last face found is verified one frame later, and shown in the frame after that.
    """
    return math.ceil(3 * len(video_views(size)) / runs_per_frame) + 2


class RoomDetector:
    """Spends `runs_per_frame` network runs on each frame, in turn on three kinds of run.

    `_search` detects new faces in the next view of the rotation. `_verify` verifies the new face
    with the highest score. `_follow` runs on a view around the track with the oldest run.
    """

    def __init__(self, faces: ViewDetector, verifier: FaceVerifier, *, runs_per_frame: int) -> None:
        self._faces = faces
        self._verifier = verifier
        self._runs_per_frame = runs_per_frame
        self.reset()

    def reset(self) -> None:
        """Restart the rotation, without any track. See FaceDetector."""
        self._run = 0
        self._turn = 0
        self._view = 0
        self._candidate: Detection | None = None
        self._followed: dict[int, _Followed] = {}

    def detect(self, bgr: BgrImage, tracks: Sequence[Track]) -> Sighting:
        """Detect faces in the next frame of a video. See FaceDetector."""
        self._followed = {t.track_id: self._followed.get(t.track_id, _Followed()) for t in tracks}
        context = _FrameContext(bgr, tracks)
        kinds: tuple[Callable[[_FrameContext], bool], ...] = (
            self._search,
            self._verify,
            self._follow,
        )
        runs = 0
        while runs < self._runs_per_frame:
            self._run += 1
            runs += kinds[self._turn % len(kinds)](context)
            self._turn += 1
        return Sighting(
            detections=tuple(merge_detections(context.found)),
            searched=frozenset(context.searched),
            candidates=tuple(context.candidates),
        )

    def detect_still(self, bgr: BgrImage) -> list[Detection]:
        """Run on every view of a still image, and verify each face. See FaceDetector."""
        size = (bgr.shape[1], bgr.shape[0])
        seen = [face for view in still_views(size) for face in self._detect_in(bgr, view, size)]
        found = merge_detections(seen)[:MAX_FACES]
        return [face for face in found if self._is_verified(bgr, face)]

    def _search(self, context: _FrameContext) -> bool:
        """Run on the next view of the rotation; keep the best face that belongs to no track."""
        views = video_views(context.size)
        view = views[self._view % len(views)]
        self._view += 1
        for face in merge_detections(self._detect_in(context.bgr, view, context.size)):
            owner = _owner(face, context.tracks)
            if owner is None:
                context.candidates.append(face)
                if self._candidate is None or face.score > self._candidate.score:
                    self._candidate = face
            elif not self._followed[owner.track_id].doubted:
                context.found.append(face)
        return True

    def _verify(self, context: _FrameContext) -> bool:
        """Verify the best new face; a verified one counts as found in this frame."""
        face, self._candidate = self._candidate, None
        if face is None or _owner(face, context.tracks):
            return False
        if self._is_verified(context.bgr, face):
            context.found.append(face)
        return True

    def _follow(self, context: _FrameContext) -> bool:
        """Run on a view around the track whose last run is the oldest."""
        if not context.tracks:
            return False
        track = min(context.tracks, key=lambda t: self._followed[t.track_id].last_run)
        memory = self._followed[track.track_id]
        memory.last_run = self._run
        memory.runs += 1
        context.searched.add(track.track_id)
        if memory.doubted or memory.runs % _RUNS_BETWEEN_VERIFICATIONS == 0:
            seen = Detection(box=track.box, score=1.0, keypoints=track.keypoints)
            memory.doubted = not self._is_verified(context.bgr, seen)
            context.found += [] if memory.doubted else [seen]
        else:
            faces = self._detect_in(context.bgr, follow_view(track.box), context.size)
            context.found += [f for f in merge_detections(faces) if _owner(f, [track])][:1]
        return True

    def _detect_in(self, bgr: BgrImage, view: BBox, size: tuple[int, int]) -> list[Detection]:
        faces = self._faces.detect(bgr, view)
        return [face for face in faces if sees_whole(view, face.box, size)]

    def _is_verified(self, bgr: BgrImage, face: Detection) -> bool:
        if face.keypoints is None:
            return False
        return self._verifier.probability(bgr, face.box, face.keypoints) >= _VERIFIED


def _owner(face: Detection, tracks: Sequence[Track]) -> Track | None:
    """Return the first track whose face this is."""
    return next((track for track in tracks if is_same_face(track.box, face.box)), None)
