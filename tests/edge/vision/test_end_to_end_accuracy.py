"""What the whole device makes of real faces in rooms, beside what the classifier alone does."""

import numpy as np
import pytest
from fer2013 import needs_fer2013, stratified
from scenes import paste, room

from edge.analysis.analyzer import Analyzer
from edge.config import load_config
from edge.datatypes import BBox, FaceState
from edge.models import Vision, load_vision

SEED = 2013


@pytest.fixture(scope="module")
def vision() -> Vision:
    return load_vision(load_config())


@pytest.fixture(scope="module")
def analyzer(vision: Vision) -> Analyzer:
    return Analyzer(vision.detector, vision.classifier, lambda: vision.pipeline(load_config()))


def within(portrait: BBox, faces: list[FaceState]) -> list[FaceState]:
    """The faces whose middle lies in the portrait."""
    return [face for face in faces if portrait.contains(BBox(*face.box.center, *face.box.center))]


@needs_fer2013
@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_faces_across_a_room_are_found_and_read_like_the_originals(
    vision: Vision, analyzer: Analyzer
) -> None:
    rng = np.random.default_rng(SEED)
    images, labels = stratified(720, SEED)
    assert len(images) >= 700
    read, direct = [], []
    for image, label in zip(images, labels, strict=True):
        scene = room(rng)
        found = within(paste(scene, image, rng), analyzer.still(scene))
        if found:
            probs = vision.classifier.probabilities([np.repeat(image[..., None], 3, axis=2)])
            direct.append(int(probs.argmax()) == label)
            read.append(found[0].label == vision.classifier.labels[label])

    share_found = len(read) / len(images)
    print(f"found {share_found:.2%}, read {np.mean(read):.2%}, directly {np.mean(direct):.2%}")
    assert share_found >= 0.96
    assert np.mean(read) >= np.mean(direct) - 0.02


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_no_face_is_seen_in_200_rooms_without_one(analyzer: Analyzer) -> None:
    rng = np.random.default_rng(SEED + 1)
    assert [number for number in range(200) if analyzer.still(room(rng))] == []
