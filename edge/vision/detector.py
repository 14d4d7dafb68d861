"""Finds faces across a room with a short-range detector.

BlazeFace's 128 px network misses every face under 90 px of a 640x480 frame. The detector therefore
runs it on the whole frame, on tiles of the frame in rotation, and on a view around each track. The
number of network runs per frame is fixed. A second network verifies each new face. A still image
gets every view at once.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from edge.datatypes import BBox, BgrImage, Detection, Sighting, Track
from edge.vision.nms import is_same_face, merge_detections
from edge.vision.refusals import Refusals
from edge.vision.tiling import still_views, video_views
from edge.vision.view_reader import (
    AT_EDGE,
    AT_EDGE_AGAIN,
    INSET,
    FaceVerifier,
    SeenFace,
    ViewDetector,
    ViewReader,
)

# A track is verified again after this many runs on it: it may have drifted onto the background.
_RUNS_BETWEEN_VERIFICATIONS = 20

# A mirror inside the frame's edge adds the mirror image of a face near the edge. What shares so
# much with a known face is no second one.
_MIRRORED = 0.2

MAX_FACES = 200
"""The most faces of a still, the highest scores first. Each costs one to eight more runs."""


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


class ViewFilter(Protocol):
    """Decides which runs on a frame of a video may find something new."""

    def is_due(self, view: BBox) -> bool:
        """Whether to search `view` in this frame; if so, it counts as searched."""
        ...

    def is_face_due(self, track: Track) -> bool:
        """Whether to follow `track` in this frame; if so, it counts as followed."""
        ...

    def reset(self) -> None:
        """Forget every frame: each view is due."""
        ...


class EveryView:
    """A ViewFilter without state: every run is due."""

    def is_due(self, view: BBox) -> bool:  # noqa: ARG002 (the protocol's)
        """Return True. See ViewFilter."""
        return True

    def is_face_due(self, track: Track) -> bool:  # noqa: ARG002 (the protocol's)
        """Return True. See ViewFilter."""
        return True

    def reset(self) -> None:
        """Do nothing. See ViewFilter."""


@dataclass(slots=True)
class _Followed:
    """The detector's record of a track: the runs on it; whether its last verification failed."""

    runs: int = 0
    last_run: int = 0
    is_doubted: bool = False


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
    last face found may be measured again first. It is verified one frame later, and shown in the
    frame after that.
    """
    return math.ceil(3 * (len(video_views(size)) + 1) / runs_per_frame) + 2


class RoomDetector:
    """Spends `runs_per_frame` network runs on each frame, in turn on three kinds of run.

    `_search` detects new faces in the next view of the rotation. `_verify` verifies the new face
    with the highest score, and before that it measures one that its view cuts. `_follow` runs on a
    view around the track with the oldest run. A run that `due` spares counts as spent: the time is
    left to the processor, not to another run.
    """

    def __init__(
        self,
        faces: ViewDetector,
        verifier: FaceVerifier,
        *,
        runs_per_frame: int,
        due: ViewFilter | None = None,
    ) -> None:
        self._reader = ViewReader(faces, verifier)
        self._due = due or EveryView()
        self._runs_per_frame = runs_per_frame
        self.reset()

    def reset(self) -> None:
        """Restart the rotation, without any track. See FaceDetector."""
        self._due.reset()
        self._run = 0
        self._turn = 0
        self._view = 0
        self._candidate: SeenFace | None = None
        self._measured: Detection | None = None
        self._refusals = Refusals()
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
        """Run on every view of a still image, and verify each face. See FaceDetector.

        Then faces that the frame's edge cuts are searched for again, with the mirror of `INSET`.
        """
        size = (bgr.shape[1], bgr.shape[0])
        frame = BBox(0, 0, *size)
        seen = self._reader.read(bgr, still_views(size))[:MAX_FACES]
        found = self._verified(bgr, seen, AT_EDGE)
        at_edge = [view for view in video_views(size) if not frame.contains(view)]
        again = self._reader.read(bgr, at_edge, INSET)
        new = [one for one in again if not _is_mirrored(one.face, found)]
        found += self._verified(bgr, new[: MAX_FACES - len(seen)], AT_EDGE_AGAIN)
        return merge_detections(found)

    def _verified(self, bgr: BgrImage, seen: Sequence[SeenFace], at_edge: float) -> list[Detection]:
        found = (self._reader.verify(bgr, face, at_edge) for face in seen)
        return [face for face in found if face is not None]

    def _search(self, context: _FrameContext) -> bool:
        """Run on the next due view of the rotation; keep the best face that belongs to no track."""
        view = self._next_due(video_views(context.size))
        if view is None:
            return True
        for seen in self._reader.read(context.bgr, [view]):
            owner = _owner(seen.face, context.tracks)
            if owner is None:
                context.candidates.append(seen.face)
                if self._candidate is None or seen.face.score > self._candidate.face.score:
                    self._candidate = seen
            elif not seen.is_cut and not self._followed[owner.track_id].is_doubted:
                context.found.append(seen.face)
        return True

    def _next_due(self, views: Sequence[BBox]) -> BBox | None:
        """Return the next view of the rotation that is due, None when none is."""
        for _ in views:
            view = views[self._view % len(views)]
            self._view += 1
            if self._due.is_due(view):
                return view
        return None

    def _verify(self, context: _FrameContext) -> bool:
        """Verify the best new face; a verified one counts as found in this frame.

        A face that its view cuts, or that was refused before, is measured in one turn and verified
        in the next. After every second refusal it is measured with the mirror of `INSET`.
        """
        face, self._measured = self._measured, None
        if face is None:
            candidate, self._candidate = self._candidate, None
            if candidate is None or _owner(candidate.face, context.tracks):
                return False
            face = candidate.face
            refused = self._refusals.count(face.box)
            if candidate.is_cut or refused:
                inset = INSET if refused and refused % 2 == 0 else 0.0
                self._measured = self._reader.look_closer(context.bgr, face.box, inset)
                if self._measured or candidate.is_cut:
                    return True
        if self._reader.is_face(context.bgr, face):
            context.found.append(face)
        else:
            self._refusals.add(face.box)
        return True

    def _follow(self, context: _FrameContext) -> bool:
        """Run on a view around the track whose last run is the oldest."""
        if not context.tracks:
            return False
        track = min(context.tracks, key=lambda t: self._followed[t.track_id].last_run)
        memory = self._followed[track.track_id]
        memory.last_run = self._run
        if not memory.is_doubted and not self._due.is_face_due(track):
            return True
        memory.runs += 1
        context.searched.add(track.track_id)
        if memory.is_doubted or memory.runs % _RUNS_BETWEEN_VERIFICATIONS == 0:
            seen = Detection(box=track.box, score=1.0, keypoints=track.keypoints)
            is_face = self._reader.is_still_face(context.bgr, seen)
            memory.is_doubted = not is_face
            context.found += [seen] if is_face else []
        elif closer := self._reader.look_closer(context.bgr, track.box):
            context.found.append(closer)
        return True


def _is_mirrored(face: Detection, known: Iterable[Detection]) -> bool:
    """Whether a face may be a part of a known one together with its mirror image."""
    return any(face.box.overlap(other.box) >= _MIRRORED for other in known)


def _owner(face: Detection, tracks: Sequence[Track]) -> Track | None:
    """Return the first track whose face this is."""
    return next((track for track in tracks if is_same_face(track.box, face.box)), None)
