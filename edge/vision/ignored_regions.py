"""Regions of the frame in which faces are ignored: a poster, a television, the street."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from edge.datatypes import BBox, BgrImage, Detection, Sighting, Track
from edge.vision.detector import FaceDetector
from edge.vision.view_reader import ViewDetector


class IgnoredRegions:
    """Boxes in shares of the frame, 0..1; replaced as a whole, from any thread."""

    def __init__(self, boxes: Iterable[BBox] = ()) -> None:
        self.boxes: tuple[BBox, ...] = tuple(boxes)

    def hide(self, box: BBox, size: tuple[int, int]) -> bool:
        """Whether the centre of this box, in pixels of a frame of (width, height), is ignored."""
        width, height = size
        x, y = box.center
        x, y = x / width, y / height
        return any(b.x1 <= x < b.x2 and b.y1 <= y < b.y2 for b in self.boxes)

    def in_pixels(self, size: tuple[int, int]) -> list[BBox]:
        """Return the boxes in pixels of a frame of (width, height)."""
        w, h = size
        return [BBox(b.x1 * w, b.y1 * h, b.x2 * w, b.y2 * h) for b in self.boxes]


class IgnoringViews:
    """A ViewDetector that finds no face in the regions: none takes the turn of another."""

    def __init__(self, faces: ViewDetector, regions: IgnoredRegions) -> None:
        self._faces = faces
        self._regions = regions

    def detect(self, bgr: BgrImage, view: BBox, inset: float = 0.0) -> list[Detection]:
        """Return the faces in `view`. See ViewDetector."""
        return _seen(self._faces.detect(bgr, view, inset), self._regions, bgr)


class IgnoringDetector:
    """A FaceDetector that finds no face in the regions.

    The regions themselves are among the candidates: a filter that hides faces hides them whole,
    since there may be people in them.
    """

    def __init__(self, detector: FaceDetector, regions: IgnoredRegions) -> None:
        self._detector = detector
        self._regions = regions
        self.reset: Callable[[], None] = detector.reset

    def detect(self, bgr: BgrImage, tracks: Sequence[Track]) -> Sighting:
        """Detect faces in the next frame of a video. See FaceDetector."""
        sighting = self._detector.detect(bgr, tracks)
        if not self._regions.boxes:
            return sighting
        regions = self._regions.in_pixels((bgr.shape[1], bgr.shape[0]))
        whole = (Detection(box=box, score=0.0) for box in regions)
        return replace(
            sighting,
            detections=tuple(_seen(sighting.detections, self._regions, bgr)),
            candidates=(*_seen(sighting.candidates, self._regions, bgr), *whole),
        )

    def detect_still(self, bgr: BgrImage) -> list[Detection]:
        """Return every face of a still image: the regions are those of the camera."""
        return self._detector.detect_still(bgr)


def _seen(faces: Iterable[Detection], regions: IgnoredRegions, bgr: BgrImage) -> list[Detection]:
    size = (bgr.shape[1], bgr.shape[0])
    return [face for face in faces if not regions.hide(face.box, size)]
