"""Which JPEGs of a camera are whole, against images that are known."""

import numpy as np
import pytest
import simplejpeg

from edge.camera.jpeg import decoded

IMAGE = np.random.default_rng(0).integers(0, 255, (120, 160, 3), np.uint8)
JPEG = simplejpeg.encode_jpeg(IMAGE, 90, colorspace="BGR", colorsubsampling="444")
WHOLE = simplejpeg.decode_jpeg(JPEG, "BGR")


@pytest.mark.parametrize(
    "jpeg",
    [
        JPEG,
        JPEG + bytes(500),  # the rest of a buffer
        JPEG[:-2],  # without the end marker
        JPEG[:-2] + b"\x00\x01\x02" + JPEG[-2:],  # padding before it
    ],
)
def test_what_cheap_webcams_add_or_leave_out_does_no_harm(jpeg: bytes) -> None:
    bgr = decoded(jpeg)
    assert bgr is not None
    assert np.array_equal(bgr, WHOLE)


@pytest.mark.parametrize("share", [0.02, 0.3, 0.5, 0.9, 0.99])
def test_a_truncated_image_is_none(share: float) -> None:
    assert decoded(JPEG[: int(len(JPEG) * share)]) is None


@pytest.mark.parametrize("damaged", [b"", b"abc", b"\xff\xd8\xff", bytes(1000), JPEG[2:]])
def test_what_is_no_image_is_none(damaged: bytes) -> None:
    assert decoded(damaged) is None


def test_an_image_that_is_damaged_in_the_middle_is_none() -> None:
    half = len(JPEG) // 2
    assert decoded(JPEG[:half] + bytes(40) + JPEG[half + 40 :]) is None
    assert decoded(JPEG[:half] + b"\xff\xd0" + JPEG[half + 2 :]) is None


def test_an_image_that_states_an_enormous_size_is_not_decoded() -> None:
    at = JPEG.index(b"\xff\xc0")
    huge = JPEG[: at + 5] + b"\xff\xff\xff\xff" + JPEG[at + 9 :]
    assert decoded(huge) is None


def test_nothing_is_printed(capfd: pytest.CaptureFixture[str]) -> None:
    for cut in range(10, len(JPEG), 997):
        decoded(JPEG[:cut])
    assert capfd.readouterr() == ("", "")
