"""BlazeFace, the network that verifies faces, and Haar, on images of faces."""

import numpy as np
import pytest
from faces import hang, wall
from scripted_faces import POINTS

from edge.errors import ModelError
from edge.vision.blazeface import BlazeFace, find_network
from edge.vision.detector import RoomDetector
from edge.vision.face_verifier import LandmarkFaceVerifier
from edge.vision.haar import HaarDetector


@pytest.fixture(scope="module")
def room() -> RoomDetector:
    return RoomDetector(
        BlazeFace(find_network("face_detection_short_range.tflite"), min_score=0.4),
        LandmarkFaceVerifier(find_network("face_landmark.tflite")),
        runs_per_frame=2,
    )


def test_the_real_networks_find_near_and_far_faces_of_a_still(room: RoomDetector) -> None:
    picture = wall()
    portraits = [
        hang(picture, "happy", 20, 30, 260),
        hang(picture, "surprise", 400, 60, 120),
        hang(picture, "happy", 520, 350, 80),
    ]
    faces = room.detect_still(picture)
    assert len(faces) == 3
    for portrait in portraits:
        assert sum(portrait.contains(face.box) for face in faces) == 1


def test_the_verifier_tells_a_face_from_a_wall(room: RoomDetector) -> None:
    picture = wall()
    hang(picture, "happy", 100, 100, 200)
    (face,) = room.detect_still(picture)
    verifier = LandmarkFaceVerifier(find_network("face_landmark.tflite"))
    assert face.keypoints is not None
    assert verifier.probability(picture, face.box, face.keypoints) > 0.9
    elsewhere = face.keypoints + np.float32((280, 100))
    assert verifier.probability(picture, face.box.translate(280, 100), elsewhere) < 0.1
    assert verifier.probability(picture, face.box, POINTS) == 0.0


def test_a_network_without_a_face_flag_is_refused() -> None:
    with pytest.raises(ModelError, match="not a face landmark network"):
        LandmarkFaceVerifier(find_network("face_detection_short_range.tflite"))


def test_haar_finds_the_same_face_and_knows_no_keypoints(room: RoomDetector) -> None:
    picture = wall()
    hang(picture, "happy", 150, 100, 240)
    (blaze,) = room.detect_still(picture)
    faces = HaarDetector(min_score=0.5).detect_still(picture)
    assert faces[0].keypoints is None
    assert faces[0].box.iou(blaze.box) > 0.6
    assert HaarDetector(min_score=0.5).detect_still(wall()) == []
