"""What the live stream shows: the newest frame, or a notice, and never an old frame."""

import threading
import time
from itertools import islice

import pytest
import simplejpeg
from fed_stream import Device, fed_device, shade_of

from edge.datatypes import CameraState

device = pytest.fixture(fed_device)


@pytest.mark.parametrize("camera", [CameraState.LOST, CameraState.PAUSED, CameraState.STARTING])
def test_a_notice_replaces_the_picture_when_the_camera_is_not_live(
    device: Device, camera: CameraState
) -> None:
    device.put(200)
    newer = device.feed.wait_newer(0)
    assert newer
    device.camera, device.detail = camera, "unplugged"
    changed_s = time.monotonic()
    newer = device.feed.wait_newer(newer[0])
    assert newer
    assert time.monotonic() - changed_s < 2
    assert shade_of(newer[1]) < 60
    device.camera = CameraState.LIVE
    device.put(210)
    newer = device.feed.wait_newer(newer[0])
    assert newer
    assert abs(shade_of(newer[1]) - 210) < 4


def test_a_frame_that_gets_old_gives_way_to_a_notice_within_two_seconds(device: Device) -> None:
    device.put(200)
    put_s = time.monotonic()
    newer = device.feed.wait_newer(0)
    assert newer
    newer = device.feed.wait_newer(newer[0])
    assert newer
    assert 1.5 < time.monotonic() - put_s < 2.1
    assert shade_of(newer[1]) < 60


def test_an_old_frame_is_never_shown(device: Device) -> None:
    device.put(200, age_s=3.0)
    assert shade_of(device.feed.current_jpeg()) < 60


def test_a_new_viewer_is_not_shown_what_the_last_one_saw(device: Device) -> None:
    device.put(100)
    device.feed.wait_newer(0)
    device.put(200)
    newer = device.feed.wait_newer(0)
    assert newer
    assert abs(shade_of(newer[1]) - 200) < 4


def test_before_the_first_frame_there_is_a_notice(device: Device) -> None:
    device.camera = CameraState.STARTING
    assert simplejpeg.decode_jpeg(device.feed.current_jpeg()).shape == (480, 640, 3)


def test_an_unchanged_notice_is_repeated_but_not_encoded_again(device: Device) -> None:
    device.camera = CameraState.LOST
    first = device.feed.wait_newer(0)
    assert first
    again = device.feed.wait_newer(first[0])
    assert again
    assert again[1] is first[1]
    assert device.encoded == 1


def test_a_snapshot_does_not_wait_for_a_viewer_who_waits(device: Device) -> None:
    device.camera = CameraState.LOST
    newer = device.feed.wait_newer(0)
    assert newer
    viewer = threading.Thread(target=device.feed.wait_newer, args=newer[:1])
    viewer.start()
    started_s = time.monotonic()
    device.feed.current_jpeg()
    assert time.monotonic() - started_s < 0.3
    device.scenes.close()
    viewer.join(2)


def test_every_part_ends_with_the_delimiter_of_the_next(device: Device) -> None:
    device.put(100)
    opening, part = islice(device.feed.parts(), 2)
    head, _, rest = part.partition(b"\r\n\r\n")
    assert opening == b"--frame\r\n"
    length = int(head.rpartition(b"Content-Length: ")[2])
    assert rest[length:] == b"\r\n--frame\r\n"
    assert abs(shade_of(rest[:length]) - 100) < 4


def test_the_stream_ends_with_the_scenes(device: Device) -> None:
    device.scenes.close()
    assert device.feed.wait_newer(0) is None
    assert list(device.feed.parts()) == [b"--frame\r\n"]
