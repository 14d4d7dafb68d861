"""Nothing seen before a pause is kept, or shown after it."""

import gc
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import simplejpeg
from waiting import eventually
from watched_camera import Device, open_devices

from edge.datatypes import CameraState

open_device = pytest.fixture(open_devices)


@pytest.mark.parametrize("privacy", ["off", "pixelate", "boxes-only"])
@pytest.mark.parametrize("kind", ["usb", "pi"])
def test_no_picture_from_before_a_pause_is_kept(
    open_device: Callable[..., Device], privacy: str, kind: str
) -> None:
    device = open_device(privacy, kind)
    jpegs = [device.feed.current_jpeg()]  # its viewer has gone
    assert device.kept() > 0
    device.service.pause()
    eventually(lambda: device.kept() == 0)
    eventually(lambda: not device.stage.knows)
    assert device.camera is CameraState.PAUSED
    assert [known for known in gc.get_referrers(jpegs[0]) if known is not jpegs] == []


@pytest.mark.parametrize("privacy", ["off", "pixelate"])
def test_none_is_kept_while_somebody_watches_either(
    open_device: Callable[..., Device], privacy: str
) -> None:
    device = open_device(privacy)
    device.watch()
    eventually(lambda: device.feed.age_s() is not None)
    device.service.pause()
    eventually(lambda: device.kept() == 0)
    assert device.feed.age_s() is None


def test_a_lost_camera_s_pictures_end_when_it_is_opened_again(
    open_device: Callable[..., Device],
) -> None:
    device = open_device()
    before = len(device.pictures)
    device.usb.unplug()
    eventually(lambda: device.camera is CameraState.LOST)
    device.usb.plug_back()
    eventually(lambda: device.camera is CameraState.LIVE)
    gc.collect()
    assert not any(picture() is not None for picture in device.pictures[:before])


def test_a_frame_from_before_a_pause_is_not_shown_after_it(
    open_device: Callable[..., Device],
) -> None:
    device = open_device()
    device.stage.is_in.clear()
    device.stage.may_go.clear()
    assert device.stage.is_in.wait(5)
    device.service.pause()
    device.service.resume()
    eventually(lambda: len(device.usb.captures) == 2)
    seen: list[int] = []
    put = device.service.scenes.put
    device.service.scenes.put = lambda scene: (seen.append(scene.frame.opening), put(scene))[1]  # type: ignore[method-assign]
    assert device.service.report().snapshot is None
    device.stage.may_go.set()
    eventually(lambda: len(seen) > 3)
    assert set(seen) == {2}
    assert sorted(device.stage.openings) == device.stage.openings
    assert device.heard.told[-1][0] is CameraState.LIVE


def test_a_picture_begun_before_a_pause_is_not_published_after_it(
    open_device: Callable[..., Device], monkeypatch: pytest.MonkeyPatch
) -> None:
    device = open_device()
    is_in, may_go = threading.Event(), threading.Event()
    encode = simplejpeg.encode_jpeg

    def held(*args: Any, **kwargs: Any) -> Any:
        is_in.set()
        assert may_go.wait(10)
        return encode(*args, **kwargs)

    monkeypatch.setattr(simplejpeg, "encode_jpeg", held)
    device.watch()
    assert is_in.wait(5)
    pausing = threading.Thread(target=device.service.pause)
    pausing.start()
    eventually(lambda: device.service.paused)
    may_go.set()
    pausing.join(10)
    assert not pausing.is_alive()
    newer = device.feed.wait_newer(0)
    assert newer
    gray = simplejpeg.decode_jpeg(newer[1], "GRAY")
    assert gray.std() > 5  # a notice has letters, the fake has none
    assert np.median(gray) < 60
    assert device.kept() == 0
