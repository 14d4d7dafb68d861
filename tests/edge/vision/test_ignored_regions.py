"""No face is found in a region; a filter that hides faces hides the whole region."""

import numpy as np
import pytest

from edge.config import StreamConfig, load_config
from edge.datatypes import BBox, Detection, Frame, Scene, Sighting, Snapshot
from edge.models import load_detectors
from edge.vision.ignored_regions import IgnoredRegions, IgnoringDetector, IgnoringViews
from edge.web.privacy import filter_for

FRAME = np.zeros((480, 640, 3), np.uint8)
POSTER, PERSON = BBox(100, 100, 200, 200), BBox(400, 100, 500, 200)


class Views:
    """Finds both faces in every view."""

    def detect(self, bgr, view, inset=0.0):
        return [Detection(box=box, score=0.9) for box in (POSTER, PERSON)]


class Detector:
    """Finds both faces in every frame, and a candidate in each."""

    resets = 0

    def reset(self):
        self.resets += 1

    def detect(self, bgr, tracks):
        faces = tuple(self.detect_still(bgr))
        return Sighting(detections=faces, searched=frozenset({1}), candidates=faces)

    def detect_still(self, bgr):
        return [Detection(box=box, score=0.9) for box in (POSTER, PERSON)]


def boxes(faces):
    return [face.box for face in faces]


def test_faces_in_a_region_are_not_found():
    regions = IgnoredRegions([BBox(0.1, 0.1, 0.4, 0.5)])
    views = IgnoringViews(Views(), regions)
    detector = IgnoringDetector(Detector(), regions)
    assert boxes(views.detect(FRAME, POSTER)) == [PERSON]
    sighting = detector.detect(FRAME, [])
    assert boxes(sighting.detections) == [PERSON]
    assert sighting.searched == {1}
    assert boxes(sighting.candidates) == [PERSON, BBox(64, 48, 256, 240)]
    assert boxes(detector.detect_still(FRAME)) == [POSTER, PERSON]


def test_without_a_region_nothing_changes_and_regions_count_at_once():
    regions = IgnoredRegions()
    detector = IgnoringDetector(Detector(), regions)
    assert boxes(detector.detect(FRAME, []).candidates) == [POSTER, PERSON]
    regions.boxes = (BBox(0.0, 0.0, 1.0, 1.0),)
    assert boxes(detector.detect(FRAME, []).detections) == []


@pytest.mark.parametrize(
    ("region", "is_hidden"),
    [
        ((0.2, 0.3, 0.3, 0.4), True),  # the centre is at 150 of 640 and 150 of 480
        ((0.24, 0.0, 1.0, 1.0), False),
        ((0.0, 0.32, 1.0, 1.0), False),
        ((150 / 640, 150 / 480, 1.0, 1.0), True),
        ((0.0, 0.0, 150 / 640, 1.0), False),
    ],
)
def test_the_centre_of_a_face_decides(region, is_hidden):
    assert IgnoredRegions([BBox(*region)]).hide(POSTER, (640, 480)) is is_hidden


def test_a_filter_that_hides_faces_hides_the_region_whole():
    bgr = np.random.default_rng(5).integers(0, 255, FRAME.shape, np.uint8)
    detector = IgnoringDetector(Detector(), IgnoredRegions([BBox(0.1, 0.1, 0.4, 0.5)]))
    candidates = tuple(boxes(detector.detect(bgr, []).candidates))
    privacy = StreamConfig(fps=1, quality=80, max_viewers=1, privacy="pixelate").privacy
    hiding = filter_for(privacy, lambda _: 1)
    shown = None
    for seq in range(3):
        snapshot = Snapshot(
            seq=seq,
            captured_at_s=seq / 10,
            faces=(),
            dominant=None,
            stage_ms={},
            candidates=candidates,
            size=(640, 480),
        )
        frame = Frame(bgr=bgr, seq=seq, captured_at_s=seq / 10)
        shown = hiding.apply(Scene(frame=frame, snapshot=snapshot)) or shown
    assert shown is not None
    drawn = shown.draw()
    inside, outside = drawn[60:230, 70:250].astype(float), drawn[300:, 300:].astype(float)
    assert np.abs(np.diff(inside, axis=1)).mean() < 0.2 * np.abs(np.diff(outside, axis=1)).mean()


@pytest.mark.parametrize("kind", ["blazeface", "haar"])
def test_both_detectors_ignore_the_whole_frame_when_told(kind):
    regions = IgnoredRegions([BBox(0.0, 0.0, 1.0, 1.0)])
    config = load_config(overrides={"detector": {"kind": kind}}).detector
    detector = load_detectors(config, regions)()
    assert boxes(detector.detect(FRAME, []).candidates) == [BBox(0, 0, 640, 480)]
