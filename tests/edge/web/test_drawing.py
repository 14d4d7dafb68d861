"""What is drawn on the live frame, and the placeholder that is shown instead of one."""

import cv2
import numpy as np
import pytest

from edge.datatypes import BBox, CameraState, FaceState, Frame, Health, Scene, Snapshot
from edge.palette import UNCERTAIN, colour_of
from edge.web.overlay import annotate, caption, label_place
from edge.web.placeholder import draw_notice, notice_of
from edge.web.text_drawing import INK, PAPER, ink_on, printable, rounded, shorten, width_px, wrap

GRAY = 90


def face(box: BBox, label: str | None = "happy", confidence: float = 0.873) -> FaceState:
    return FaceState(track_id=7, box=box, label=label, confidence=confidence, probs={})


def scene(*faces: FaceState, size: tuple[int, int] = (640, 480)) -> Scene:
    bgr = np.full((size[1], size[0], 3), GRAY, np.uint8)
    snapshot = Snapshot(seq=1, captured_at_s=0.0, faces=faces, dominant=None, stage_ms={})
    return Scene(frame=Frame(bgr=bgr, seq=1, captured_at_s=0.0), snapshot=snapshot)


def health(camera: CameraState, detail: str = "unplugged") -> Health:
    return Health(camera=camera, detail=detail, source="s", fps=0.0, age_s=None, uptime_s=1.0)


def test_annotating_leaves_the_frame_itself_alone() -> None:
    original = scene(face(BBox(100, 100, 200, 220)))
    drawn = annotate(original)
    assert (original.frame.bgr == GRAY).all()
    assert (drawn != GRAY).any()


@pytest.mark.parametrize("label", ["angry", "happy", "sad", None])
def test_box_and_label_have_the_colour_of_the_expression(label: str | None) -> None:
    drawn = annotate(scene(face(BBox(100, 100, 200, 220), label)))
    expected = np.array(colour_of(label)[::-1])
    assert np.abs(drawn[160, 99:102].astype(int) - expected).sum(axis=1).min() < 12
    in_label = (drawn[70:100, 100:260] == expected).all(axis=2).mean()
    assert in_label > 0.3


def test_nothing_is_drawn_far_from_the_face() -> None:
    drawn = annotate(scene(face(BBox(100, 100, 200, 220))))
    assert (drawn[300:] == GRAY).all()
    assert (drawn[:, 400:] == GRAY).all()


def test_the_caption_says_number_expression_and_certainty() -> None:
    assert caption(face(BBox(0, 0, 9, 9))) == "7 happy 87%"
    assert caption(face(BBox(0, 0, 9, 9), None)) == "7 uncertain"
    assert colour_of(None) == UNCERTAIN


@pytest.mark.parametrize(
    "box",
    [
        BBox(-50, -50, 40, 40),
        BBox(600, -10, 700, 60),
        BBox(610, 450, 639, 479),
        BBox(-30, 440, 60, 560),
        BBox(0, 0, 640, 480),
        BBox(900, 900, 950, 990),
        BBox(-500, -500, -400, -400),
    ],
)
def test_a_label_stays_in_the_frame_wherever_its_face_is(box: BBox) -> None:
    x, y, width, height = label_place(box, 150, 30, (640, 480))
    assert 0 <= x <= 640 - width
    assert 0 <= y <= 480 - height
    assert annotate(scene(face(box))).shape == (480, 640, 3)


@pytest.mark.parametrize("size", [(160, 120), (40, 30), (1920, 1080)])
def test_annotating_works_at_any_size_of_frame(size: tuple[int, int]) -> None:
    width, height = size
    box = BBox(width * 0.3, height * 0.3, width * 0.6, height * 0.8)
    assert (annotate(scene(face(box), size=size)) != GRAY).any()


def test_a_face_without_area_is_labelled_and_does_not_fail() -> None:
    drawn = annotate(scene(face(BBox(100, 100, 100, 100))))
    assert (drawn != GRAY).any()


def test_text_is_black_on_yellow_and_white_on_blue() -> None:
    assert ink_on(colour_of("happy")) == INK
    assert ink_on(colour_of("sad")) == PAPER


def test_rounded_rectangles_stay_in_their_rectangle() -> None:
    points = rounded((10, 20, 50, 30), 8)
    assert points.min(axis=0).tolist() == [10, 20]
    assert points.max(axis=0).tolist() == [59, 49]
    assert rounded((0, 0, 2, 2), 8).max() <= 1


def test_long_words_are_wrapped_and_the_rest_is_shown_to_be_missing() -> None:
    text = "the quick brown fox jumps over the lazy dog " * 6
    lines = wrap(text, 200, 12, max_lines=3)
    assert len(lines) == 3
    assert lines[-1].endswith("...")
    assert max(width_px(line, 12) for line in lines) <= 200
    assert wrap("x" * 300, 100, 12, max_lines=2)[0].endswith("...")
    assert wrap("", 100, 12, max_lines=2) == []


def test_text_that_fits_is_left_as_it_is() -> None:
    assert shorten("camera", 400, 12) == "camera"
    assert wrap("no frame for 2 s", 400, 12, max_lines=3) == ["no frame for 2 s"]
    assert printable("caméra\n") == "cam?ra?"


@pytest.mark.parametrize("camera", list(CameraState))
def test_each_state_of_the_camera_has_its_own_notice(camera: CameraState) -> None:
    notice = notice_of(health(camera), (640, 480))
    others = [notice_of(health(c), (640, 480)).title for c in CameraState if c is not camera]
    assert notice.title not in others
    assert notice.detail
    assert draw_notice(notice).shape == (480, 640, 3)


def test_a_notice_is_drawn_inside_the_picture_with_its_reason() -> None:
    detail = "USB camera 0 (/dev/video0) delivered no frame for 2.0 s " * 4
    short = draw_notice(notice_of(health(CameraState.LOST, "gone"), (320, 240)))
    long = draw_notice(notice_of(health(CameraState.LOST, detail), (320, 240)))
    assert (short != long).any()
    for picture in (short, long):
        edge = cv2.copyMakeBorder(picture[8:-8, 8:-8], 8, 8, 8, 8, cv2.BORDER_REPLICATE)
        assert (edge == picture).all()
