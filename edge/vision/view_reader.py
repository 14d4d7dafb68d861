"""Reads the faces in one view of a frame: detects, measures and verifies them. Without memory."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from edge.datatypes import BBox, BgrImage, Detection, FloatArray
from edge.vision.nms import is_same_face, merge_detections
from edge.vision.tiling import follow_view, sees_enough, sees_whole

# The least probability of a verified face, in the first attempt and in the others, which are taken
# where the first refused. Of 192 FER2013 faces 1% scored under 0.79, of 1,244 false candidates 1%
# over 0.03. Of 50 faces at an edge that an attempt verified with 0.3, at least 42 reached 0.9.
_VERIFIED, _VERIFIED_LATER = 0.3, 0.8
# Only a face narrower than this, or one that the frame's edge cuts, is worth another attempt.
_SMALL_PX = 90
# Of which less than this share is in the frame, a face must convince in two crops: the mirror image
# past the edge makes much look like a face. Of 30 such faces all did, of 75 other candidates none.
_MUCH_IN_FRAME = 0.6
# The attempts to verify a face: the scale of its box, and whether its eyes are taken for level. The
# eyes of a small face or of one at the frame's edge may be misplaced. Of 29 faces with 60% in view
# that the first attempt refused, the others verified 19, and none of 195 false candidates.
_ATTEMPTS = ((1.0, False), (0.83, False), (0.83, True), (1.0, True))


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


@dataclass(frozen=True, slots=True, eq=False)
class SeenFace:
    """A face in a view. `is_cut` is whether the view's edge cuts it: its box is too small then."""

    face: Detection
    is_cut: bool = False


class ViewReader:
    """The two networks that detect and verify faces."""

    def __init__(self, faces: ViewDetector, verifier: FaceVerifier) -> None:
        self._faces = faces
        self._verifier = verifier

    def read(self, bgr: BgrImage, views: Iterable[BBox]) -> list[SeenFace]:
        """Run on each of `views`; return each face once, the highest score first.

        A face that is cut in one view counts only where no view shows it whole.
        """
        size = (bgr.shape[1], bgr.shape[0])
        seen: dict[bool, list[Detection]] = {False: [], True: []}
        for view in views:
            for face in self._faces.detect(bgr, view):
                if sees_enough(view, face.box, size):
                    seen[not sees_whole(view, face.box, size)].append(face)
        whole = merge_detections(seen[False])
        cut = merge_detections(seen[True])
        left = [f for f in cut if not any(is_same_face(w.box, f.box) for w in whole)]
        both = [*map(SeenFace, whole), *(SeenFace(face, is_cut=True) for face in left)]
        return sorted(both, key=lambda seen: seen.face.score, reverse=True)

    def look_closer(self, bgr: BgrImage, box: BBox) -> Detection | None:
        """Run on the view around `box`; return its face, measured well, None without one."""
        found = self.read(bgr, [follow_view(box)])
        own = (s.face for s in found if not s.is_cut and is_same_face(box, s.face.box))
        return next(own, None)

    def is_face(self, bgr: BgrImage, face: Detection, attempt: int = 0) -> bool:
        """Run the verifier on `face`; the `attempt`, counted from 0, decides on its crop.

        A large face that is whole in the frame has only the first: its eyes are where they seem.
        """
        share = face.box.clip(bgr.shape[1], bgr.shape[0]).area / max(face.box.area, 1e-6)
        if share == 1 and face.box.width >= _SMALL_PX:
            attempt = 0
        least = _VERIFIED if attempt == 0 else _VERIFIED_LATER
        attempts = (attempt,) if share >= _MUCH_IN_FRAME else (attempt, attempt + 1)
        return all(self._probability(bgr, face, each) >= least for each in attempts)

    def verify(self, bgr: BgrImage, seen: SeenFace) -> Detection | None:
        """Return the face as seen, or measured again, when an attempt verifies it; else None.

        It costs five runs at most: four attempts, and one run to measure the face.
        """
        if not seen.is_cut and any(self.is_face(bgr, seen.face, attempt) for attempt in (0, 1)):
            return seen.face
        closer = self.look_closer(bgr, seen.face.box)
        left = (0, 2, 3) if seen.is_cut else (2, 3)
        if closer and any(self.is_face(bgr, closer, attempt) for attempt in left):
            return closer
        return None

    def _probability(self, bgr: BgrImage, face: Detection, attempt: int) -> float:
        """Return 0..1; see _ATTEMPTS."""
        if face.keypoints is None:
            return 0.0
        scale, is_level = _ATTEMPTS[attempt % len(_ATTEMPTS)]
        keypoints = _with_level_eyes(face.keypoints) if is_level else face.keypoints
        return self._verifier.probability(bgr, face.box.expand(scale), keypoints)


def _with_level_eyes(keypoints: FloatArray) -> FloatArray:
    """Return the keypoints (6, 2) with both eyes at the height of their middle."""
    level = keypoints.copy()
    half = np.linalg.norm(keypoints[1] - keypoints[0]) / 2
    level[:2] = keypoints[:2].mean(axis=0) + np.array([(-half, 0), (half, 0)], np.float32)
    return level
