"""Finds people across a room at the cost of a selfie detector.

BlazeFace's 128 px network misses every face under 90 px of a 640x480 frame. Here it looks at the
whole frame and at tiles of it in rotation, and closely at each known track, a fixed number of
network runs per frame; what it takes for a new face is believed when the presence network
agrees. Stills get every view at once.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from edge.datatypes import BBox, BgrImage, Detection, FloatArray, Sighting, Track
from edge.vision.nms import is_same_face, merge_detections
from edge.vision.tiling import follow_view, sees_whole, still_views, video_views

# A face is believed from here on. Of 192 FER2013 faces 1% scored under 0.79, of 1,244 false
# candidates 1% over 0.03.
_PRESENT = 0.3

# A followed face is confirmed again after this many looks: a track that has slid onto the
# wallpaper must not live there.
_LOOKS_BETWEEN_CONFIRMATIONS = 20

MAX_FACES = 200
"""Of a still, the surest: each costs two more runs, and noise may look like any number of them."""


class FaceDetector(Protocol):
    """Finds the faces in a frame."""

    def detect(self, bgr: BgrImage, tracks: Sequence[Track]) -> Sighting:
        """Look at the next frame of a video, in which `tracks` are already known."""
        ...

    def detect_still(self, bgr: BgrImage) -> list[Detection]:
        """Return every face of a still, the surest first."""
        ...

    def reset(self) -> None:
        """Forget what was seen: the next frame begins another video."""
        ...


class ViewDetector(Protocol):
    """Finds the faces in one square view, in frame pixels; the same face several times."""

    def detect(self, bgr: BgrImage, view: BBox) -> list[Detection]:
        """Return the faces in `view`, before non-maximum suppression."""
        ...


class PresenceCheck(Protocol):
    """Tells how sure it is, 0..1, that a box holds a face."""

    def probability(self, bgr: BgrImage, box: BBox, keypoints: FloatArray) -> float:
        """Return 0..1 for the face in `box` with `keypoints` (6, 2), in frame pixels."""
        ...


@dataclass(slots=True)
class _Followed:
    """What the detector remembers of a track."""

    looks: int = 0
    last_look: int = 0
    doubted: bool = False


@dataclass(slots=True)
class _Glance:
    """One frame's work in progress."""

    bgr: BgrImage
    tracks: Sequence[Track]
    found: list[Detection] = field(default_factory=list)
    looked_for: set[int] = field(default_factory=set)
    candidates: list[Detection] = field(default_factory=list)

    @property
    def size(self) -> tuple[int, int]:
        return self.bgr.shape[1], self.bgr.shape[0]


def frames_per_round(size: tuple[int, int], runs_per_frame: int) -> int:
    """Return in how many frames of (width, height) `size` a RoomDetector looks everywhere.

    At worst every view's search is followed by a confirmation and a look at a known face; the last
    find is confirmed in one frame more, and shown in another.
    """
    return math.ceil(3 * len(video_views(size)) / runs_per_frame) + 2


class RoomDetector:
    """Spends `runs_per_frame` network runs on each frame, in turn on three kinds of look.

    `_search` looks for new faces in the next view of the rotation, `_confirm` asks the presence
    network about the surest new one, `_follow` looks closely at the track not looked at for
    longest.
    """

    def __init__(
        self, faces: ViewDetector, presence: PresenceCheck, *, runs_per_frame: int
    ) -> None:
        self._faces = faces
        self._presence = presence
        self._runs_per_frame = runs_per_frame
        self.reset()

    def reset(self) -> None:
        """Begin the rotation anew, with nobody known. See FaceDetector."""
        self._run = 0
        self._turn = 0
        self._view = 0
        self._candidate: Detection | None = None
        self._followed: dict[int, _Followed] = {}

    def detect(self, bgr: BgrImage, tracks: Sequence[Track]) -> Sighting:
        """Look at the next frame of a video. See FaceDetector."""
        self._followed = {t.track_id: self._followed.get(t.track_id, _Followed()) for t in tracks}
        glance = _Glance(bgr, tracks)
        kinds: tuple[Callable[[_Glance], bool], ...] = (self._search, self._confirm, self._follow)
        runs = 0
        while runs < self._runs_per_frame:
            self._run += 1
            runs += kinds[self._turn % len(kinds)](glance)
            self._turn += 1
        return Sighting(
            detections=tuple(merge_detections(glance.found)),
            looked_for=frozenset(glance.looked_for),
            candidates=tuple(glance.candidates),
        )

    def detect_still(self, bgr: BgrImage) -> list[Detection]:
        """Look at every view of a still, and twice at each face. See FaceDetector."""
        size = (bgr.shape[1], bgr.shape[0])
        seen = [face for view in still_views(size) for face in self._look(bgr, view, size)]
        found = merge_detections(seen)[:MAX_FACES]
        return [face for face in found if self._is_present(bgr, face)]

    def _search(self, glance: _Glance) -> bool:
        """Look at the rotation's next view; remember the surest face that is not a track's."""
        views = video_views(glance.size)
        view = views[self._view % len(views)]
        self._view += 1
        for face in merge_detections(self._look(glance.bgr, view, glance.size)):
            owner = _owner(face, glance.tracks)
            if owner is None:
                glance.candidates.append(face)
                if self._candidate is None or face.score > self._candidate.score:
                    self._candidate = face
            elif not self._followed[owner.track_id].doubted:
                glance.found.append(face)
        return True

    def _confirm(self, glance: _Glance) -> bool:
        """Ask about the surest new face, which then counts as found in this frame."""
        face, self._candidate = self._candidate, None
        if face is None or _owner(face, glance.tracks):
            return False
        if self._is_present(glance.bgr, face):
            glance.found.append(face)
        return True

    def _follow(self, glance: _Glance) -> bool:
        """Look closely at the track whose last look is the oldest."""
        if not glance.tracks:
            return False
        track = min(glance.tracks, key=lambda t: self._followed[t.track_id].last_look)
        memory = self._followed[track.track_id]
        memory.last_look = self._run
        memory.looks += 1
        glance.looked_for.add(track.track_id)
        if memory.doubted or memory.looks % _LOOKS_BETWEEN_CONFIRMATIONS == 0:
            seen = Detection(box=track.box, score=1.0, keypoints=track.keypoints)
            memory.doubted = not self._is_present(glance.bgr, seen)
            glance.found += [] if memory.doubted else [seen]
        else:
            faces = self._look(glance.bgr, follow_view(track.box), glance.size)
            glance.found += [f for f in merge_detections(faces) if _owner(f, [track])][:1]
        return True

    def _look(self, bgr: BgrImage, view: BBox, size: tuple[int, int]) -> list[Detection]:
        faces = self._faces.detect(bgr, view)
        return [face for face in faces if sees_whole(view, face.box, size)]

    def _is_present(self, bgr: BgrImage, face: Detection) -> bool:
        if face.keypoints is None:
            return False
        return self._presence.probability(bgr, face.box, face.keypoints) >= _PRESENT


def _owner(face: Detection, tracks: Sequence[Track]) -> Track | None:
    """Return the first track whose face this is."""
    return next((track for track in tracks if is_same_face(track.box, face.box)), None)
