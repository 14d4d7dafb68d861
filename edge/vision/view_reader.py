"""Reads the faces in one view of a frame: detects, measures and verifies them. Without memory."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Protocol

from edge.datatypes import BBox, BgrImage, Detection, FloatArray
from edge.vision.nms import SAME_FACE_IOU, is_same_face, merge_detections
from edge.vision.tiling import follow_view, sees_enough, sees_whole

# The least probability of a verified face that is whole in the frame.
_VERIFIED = 0.4
AT_EDGE, AT_EDGE_AGAIN = 0.25, 0.7
"""The same of a face that the frame's edge cuts, and of one that only the search with the mirror of
`INSET` found.

Of 918 FER2013 faces, 686 of them with 60% in view, 92% reached the first as they were seen or
as they were measured again, and so did 12 of 12,927 false candidates.
"""
# The same of a face that was verified before.
_VERIFIED_AGAIN = 0.1
# The mirror image past the edge makes much look like a face. One of which less than this share is
# in the frame must score more in a narrower crop, too, than 99% of false candidates do.
_MUCH_IN_FRAME, _NARROWER, _UNLIKELY = 0.6, 0.83, 0.03

INSET = 0.08
"""Where the mirror stands when a face that the frame's edge cuts is searched or measured again.

Past the edge a view shows the frame's mirror image. A mirror at the edge completes half a face
well, one inside it a face of which more is in view.
"""


class ViewDetector(Protocol):
    """Finds the faces in one square view, in frame pixels, and may find one several times."""

    def detect(self, bgr: BgrImage, view: BBox, inset: float = 0.0) -> list[Detection]:
        """Return the faces in `view`, before non-maximum suppression.

        Past the frame's edge a view shows the frame's mirror image. The mirror stands `inset`, a
        share of the view's side, inside the edge.
        """
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

    def read(self, bgr: BgrImage, views: Iterable[BBox], inset: float = 0.0) -> list[SeenFace]:
        """Run on each of `views`; return each face once, the highest score first.

        A face that is cut in one view counts only where no view shows it whole.
        """
        size = (bgr.shape[1], bgr.shape[0])
        seen: dict[bool, list[Detection]] = {False: [], True: []}
        for view in views:
            for face in self._faces.detect(bgr, view, inset):
                if sees_enough(view, face.box, size):
                    seen[not sees_whole(view, face.box, size)].append(face)
        whole = merge_detections(seen[False])
        cut = merge_detections(seen[True])
        left = [f for f in cut if not any(_shows_better(w, f) for w in whole)]
        both = [*map(SeenFace, whole), *(SeenFace(face, is_cut=True) for face in left)]
        return sorted(both, key=lambda seen: seen.face.score, reverse=True)

    def look_closer(self, bgr: BgrImage, box: BBox, inset: float = 0.0) -> Detection | None:
        """Run on the view around `box`; return its face, measured well, None without one."""
        found = self.read(bgr, [follow_view(box)], inset)
        own = (s.face for s in found if not s.is_cut and is_same_face(box, s.face.box))
        return next(own, None)

    def is_face(self, bgr: BgrImage, face: Detection, at_edge: float = AT_EDGE) -> bool:
        """Run the verifier on a new face; twice when about half of it is outside the frame."""
        in_frame = face.box.clip(bgr.shape[1], bgr.shape[0])
        least = _VERIFIED if in_frame == face.box else at_edge
        if self._probability(bgr, face) < least:
            return False
        if in_frame.area >= _MUCH_IN_FRAME * face.box.area:
            return True
        narrower = replace(face, box=face.box.expand(_NARROWER))
        return self._probability(bgr, narrower) >= _UNLIKELY

    def is_still_face(self, bgr: BgrImage, face: Detection) -> bool:
        """Run the verifier on a face that was verified in an earlier frame."""
        return self._probability(bgr, face) >= _VERIFIED_AGAIN

    def verify(self, bgr: BgrImage, seen: SeenFace, at_edge: float = AT_EDGE) -> Detection | None:
        """Return the face as seen, or measured again, when the verifier accepts it; else None.

        It costs eight runs at most: six of the verifier, and two to measure a face at the edge.
        """
        if not seen.is_cut and self.is_face(bgr, seen.face, at_edge):
            return seen.face
        box = seen.face.box
        is_at_edge = box != box.clip(bgr.shape[1], bgr.shape[0])
        for inset in (0.0, INSET) if is_at_edge else (0.0,):
            closer = self.look_closer(bgr, box, inset)
            if closer and self.is_face(bgr, closer, at_edge):
                return closer
        return None

    def _probability(self, bgr: BgrImage, face: Detection) -> float:
        if face.keypoints is None:
            return 0.0
        return self._verifier.probability(bgr, face.box, face.keypoints)


def _shows_better(whole: Detection, cut: Detection) -> bool:
    """Whether `whole` is the face that a view's edge cuts in `cut`, and no mere part of it."""
    is_part = whole.box.iou(cut.box) < SAME_FACE_IOU and whole.box.area < cut.box.area
    return is_same_face(whole.box, cut.box) and not is_part
