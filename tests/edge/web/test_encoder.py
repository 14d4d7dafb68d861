"""Frames are encoded once for all viewers, and only while there are any."""

import gc
import threading
import time
import weakref
from itertools import islice

import numpy as np
import pytest
import simplejpeg
from fed_stream import Device, fed_device, shade_of
from waiting import eventually

from edge.datatypes import BgrImage, CameraState, Frame, Scene, Snapshot

device = pytest.fixture(fed_device)


def test_a_frame_is_encoded_once_for_all_viewers(device: Device) -> None:
    received: list[list[bytes]] = [[], [], []]

    def watch(pictures: list[bytes]) -> None:
        version = 0
        while newer := device.feed.wait_newer(version):
            version = newer[0]
            pictures.append(newer[1])

    device.put(1)
    viewers = [threading.Thread(target=watch, args=(pictures,)) for pictures in received]
    for viewer in viewers:
        viewer.start()
    for shade in range(20, 200, 20):
        time.sleep(0.06)
        device.put(shade)
    time.sleep(0.1)
    device.scenes.close()
    for viewer in viewers:
        viewer.join(2)
        assert not viewer.is_alive()
    assert device.encoded == len({jpeg for pictures in received for jpeg in pictures})
    for pictures in received:
        assert abs(shade_of(pictures[-1]) - 180) < 4
        assert len(pictures) >= 6  # of ten; a busy machine may skip some


def test_nothing_is_encoded_when_nobody_watches(device: Device) -> None:
    for shade in range(10):
        device.put(shade)
        time.sleep(0.01)
    assert device.encoded == 0


def test_no_more_pictures_a_second_than_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    device = Device(monkeypatch, fps=10)
    over = threading.Event()

    def film() -> None:
        while not over.wait(0.005):
            device.put(50)

    camera = threading.Thread(target=film)
    camera.start()
    device.feed.wait_newer(0)
    started_s, version = time.monotonic(), 1
    for _ in range(5):
        newer = device.feed.wait_newer(version)
        assert newer
        version = newer[0]
    took_s = time.monotonic() - started_s
    over.set()
    camera.join()
    assert took_s > 0.45


def test_a_snapshot_is_encoded_on_demand_and_reused(device: Device) -> None:
    device.put(100)
    first = device.feed.current_jpeg()
    assert device.feed.current_jpeg() is first
    assert device.encoded == 1
    device.put(150)
    assert abs(shade_of(device.feed.current_jpeg()) - 150) < 4


def test_another_privacy_mode_holds_from_the_next_image_on(device: Device) -> None:
    device.put(200)
    assert abs(shade_of(device.feed.current_jpeg()) - 200) < 4
    device.feed.set_privacy("boxes-only")
    assert device.feed.privacy == "boxes-only"
    assert abs(shade_of(device.feed.current_jpeg()) - 44) < 4
    device.feed.set_privacy("off")
    assert abs(shade_of(device.feed.current_jpeg()) - 200) < 4


def test_a_frame_from_before_the_change_is_not_pixelated(device: Device) -> None:
    seen: list[int] = []

    def watch() -> None:
        version = 0
        while newer := device.feed.wait_newer(version):
            version = newer[0]
            seen.append(shade_of(newer[1]))

    device.put(200)
    viewer = threading.Thread(target=watch)
    viewer.start()
    eventually(lambda: seen != [])
    device.feed.set_privacy("pixelate")
    del seen[:]
    time.sleep(0.5)  # it looks at the same frame again
    ends_s = time.monotonic() + 10
    while 100 not in [round(shade, -1) for shade in seen]:
        assert time.monotonic() < ends_s, seen
        device.put(100)
        time.sleep(0.04)
    device.scenes.close()
    viewer.join(5)
    assert not [shade for shade in seen if shade > 150]


def test_everything_is_dropped_when_the_last_viewer_has_left(device: Device) -> None:
    bgr = np.full((48, 64, 3), 100, np.uint8)
    frame = weakref.ref(bgr)
    at_s = time.monotonic()
    snapshot = Snapshot(seq=1, captured_at_s=at_s, faces=(), dominant=None, stage_ms={})
    device.scenes.put(Scene(frame=Frame(bgr=bgr, seq=1, captured_at_s=at_s), snapshot=snapshot))
    del bgr
    device.feed.current_jpeg()
    device.put(2)
    gc.collect()
    assert frame() is not None  # the encoder has it, for the next viewer
    eventually(lambda: frame() is None)
    assert device.feed.age_s() is None


def test_the_frame_that_viewers_see_has_no_age_without_viewers(device: Device) -> None:
    device.put(1)
    parts = device.feed.parts()
    list(islice(parts, 2))
    age_s = device.feed.age_s()
    assert age_s is not None
    assert age_s < 1
    parts.close()
    assert device.feed.age_s() is None


def test_a_viewer_who_is_slow_still_counts_as_watching(device: Device) -> None:
    """While a part is being sent no viewer waits, and nothing is encoded either."""
    device.put(1)
    parts = device.feed.parts()
    list(islice(parts, 2))
    encoded = device.encoded
    for shade in range(2, 40):
        device.put(shade)
        time.sleep(0.05)
    assert device.encoded == encoded
    assert device.feed.age_s() is None  # too old to be called seen
    device.put(200)
    part = next(parts)
    assert abs(shade_of(part.partition(b"\r\n\r\n")[2]) - 200) < 4
    parts.close()


def test_one_thread_encodes_for_all_and_stops_at_once(device: Device) -> None:
    device.camera = CameraState.LOST

    before = set(threading.enumerate())

    def encoders() -> list[str]:
        new = set(threading.enumerate()) - before
        return [thread.name for thread in new if thread.name == "encoder"]

    versions = [0, 0, 0]

    def watch(index: int) -> None:
        while newer := device.feed.wait_newer(versions[index]):
            versions[index] = newer[0]

    viewers = [threading.Thread(target=watch, args=(index,)) for index in range(3)]
    for viewer in viewers:
        viewer.start()
    eventually(lambda: all(versions))
    assert encoders() == ["encoder"]
    began_s = time.monotonic()
    device.feed.stop()
    for viewer in viewers:
        viewer.join(2)
    assert time.monotonic() - began_s < 0.5
    assert encoders() == []
    assert device.feed.current_jpeg() is None


def test_a_frame_that_cannot_be_encoded_is_told_to_viewers_and_logged_once(
    device: Device, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="edge.web.encoder")
    encode = simplejpeg.encode_jpeg

    def fail(bgr: BgrImage, *args: object, **kwargs: object) -> bytes:
        if bgr.shape[1] == 64 and bgr.min() > 240:
            raise ValueError("no memory")
        return bytes(encode(bgr, *args, **kwargs))

    monkeypatch.setattr(simplejpeg, "encode_jpeg", fail)
    device.put(250)
    notice = device.feed.current_jpeg()
    assert notice is not None
    assert shade_of(notice) < 60
    device.put(251)
    assert device.feed.current_jpeg() is notice
    device.put(200)
    shown = device.feed.current_jpeg()
    assert shown is not None
    assert abs(shade_of(shown) - 200) < 4
    said = [record.message for record in caplog.records]
    assert said == [
        "web: frames cannot be shown: ValueError('no memory')",
        "web: frames can be shown again",
    ]


def test_when_nothing_at_all_can_be_encoded_the_streams_end(
    device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    device.put(100)
    newer = device.feed.wait_newer(0)
    assert newer

    def fail(*_: object, **__: object) -> bytes:
        raise MemoryError

    with monkeypatch.context() as broken:
        broken.setattr(simplejpeg, "encode_jpeg", fail)
        device.put(150)
        assert device.feed.wait_newer(newer[0]) is None
        assert device.feed.current_jpeg() is None
        assert list(device.feed.parts()) == [b"--frame\r\n"]
    device.put(200)
    eventually(lambda: device.feed.current_jpeg() is not None)


def test_each_jpeg_that_is_made_is_counted(device: Device) -> None:
    made: list[None] = []
    device.feed.when_encoded(lambda: made.append(None))
    parts = device.feed.parts()
    device.put(1)
    for _ in range(2):
        next(parts)
    parts.close()
    device.scenes.close()
    assert len(made) == device.encoded == 1
