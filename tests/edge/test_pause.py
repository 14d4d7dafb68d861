"""A pause is literal: the camera is closed, and nothing seen before is kept or shown after it."""

import gc
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import simplejpeg

from edge.camera.fake_picamera2 import FakePicamera2, FakeTransform
from edge.camera.fake_v4l2 import FakeUsbCamera, FakeVideoCapture
from edge.camera.picamera2 import Driver, PiCamera
from edge.camera.source import FrameSource
from edge.camera.v4l2 import V4l2Camera
from edge.config import StreamConfig, load_config
from edge.datatypes import BgrImage, CameraState, Frame, Pause, Report, Snapshot
from edge.leds.animation import PRIVACY, Animation
from edge.service import Service
from edge.web.stream import JpegFeed

CONFIG = load_config(None, {"camera": {"stall_s": 0.5, "give_up_s": 20.0}})
ROUND = 5


class Gate:
    """A stage that finds no face, and can be held in the middle of a frame."""

    def __init__(self) -> None:
        self.openings: list[int] = []
        self.knows = False
        self.may_go, self.is_in = threading.Event(), threading.Event()
        self.may_go.set()

    def slow_to(self, share: float) -> None:
        """Nothing to leave out."""

    def reset(self) -> None:
        self.knows = False

    def step(self, frame: Frame) -> Snapshot:
        self.knows = True
        self.openings.append(frame.opening)
        self.is_in.set()
        assert self.may_go.wait(10)
        return Snapshot(
            seq=frame.seq, captured_at_s=frame.captured_at_s, faces=(), dominant=None, stage_ms={}
        )


class Heard:
    """Outputs that remember every report, and what the privacy LED shows after it."""

    def __init__(self) -> None:
        self.told: list[tuple[CameraState, bool]] = []
        self.reports: list[Report] = []

    def show(self, report: Report) -> None:
        glow = Animation("per_emotion", ("happy",), 1.0)
        glow.tell(report, 0.0)
        self.reports.append(report)
        self.told.append((report.health.camera, glow.advance(0.1).levels[PRIVACY] > 0))

    def failing(self) -> tuple[str, ...]:
        return ()


class Device:
    """A service on a fake camera, with a feed, that remembers every frame the camera made."""

    def __init__(self, privacy: str = "off", kind: str = "usb") -> None:
        self.kind = kind
        self.usb = FakeUsbCamera(0, fps=60)
        self.stage, self.heard = Gate(), Heard()
        self.pictures: list[weakref.ref[BgrImage]] = []
        self.service = Service(self.open, self.stage, self.heard, CONFIG.camera)
        stream = StreamConfig(fps=60, quality=80, max_viewers=2, privacy=privacy)  # type: ignore[arg-type]
        self.feed = JpegFeed(self.service.scenes, self.service.report, stream, lambda _: ROUND)
        self.threads = [threading.Thread(target=self.service.run)]

    def open(self) -> FrameSource:
        if self.kind == "pi":
            source: FrameSource = PiCamera(
                CONFIG.camera, driver=Driver(FakePicamera2, FakeTransform)
            )
        else:
            source = V4l2Camera(CONFIG.camera, 0, open_capture=self._capture)
        return Watched(source, self.pictures)

    def _capture(self, index: int, api: int) -> FakeVideoCapture:
        capture = self.usb.open(index, api)
        read = capture.read

        def watched() -> Any:
            ok, bgr = read()
            if bgr is not None:
                self.pictures.append(weakref.ref(bgr))
            return ok, bgr

        capture.read = watched  # type: ignore[method-assign]
        return capture

    def watch(self) -> None:
        """Look at the stream from now on."""

        def look() -> None:
            version = 0
            while newer := self.feed.wait_newer(version):
                version = newer[0]

        self.threads.append(threading.Thread(target=look))
        self.threads[-1].start()

    @property
    def camera(self) -> CameraState:
        return self.service.health().camera

    def kept(self) -> int:
        """How many of the camera's frames are in memory."""
        gc.collect()
        return sum(picture() is not None for picture in self.pictures)


class Watched:
    """A camera whose frames are remembered, weakly."""

    def __init__(self, source: FrameSource, pictures: list[weakref.ref[BgrImage]]) -> None:
        self.name = source.name
        self._source = source
        self._pictures = pictures

    def read(self, timeout_s: float) -> Frame:
        frame = self._source.read(timeout_s)
        self._pictures.append(weakref.ref(frame.bgr))
        return frame

    def close(self) -> None:
        self._source.close()


def eventually(truth: Callable[[], bool], within_s: float = 10.0) -> None:
    ends_s = time.monotonic() + within_s
    while not truth():
        assert time.monotonic() < ends_s, "did not come true in time"
        time.sleep(0.01)


@pytest.fixture
def open_device() -> Iterator[Callable[..., Device]]:
    devices: list[Device] = []

    def opened(*args: str) -> Device:
        devices.append(device := Device(*args))
        device.threads[0].start()
        eventually(lambda: device.camera is CameraState.LIVE)
        return device

    yield opened
    for device in devices:
        device.usb.may_release.set()
        device.stage.may_go.set()
        device.service.stop()
        for thread in device.threads:
            thread.join(5)
            assert not thread.is_alive()


def pausing(device: Device) -> threading.Thread:
    thread = threading.Thread(target=device.service.pause)
    device.threads.append(thread)
    thread.start()
    return thread


def test_paused_means_closed_and_until_then_the_privacy_led_is_lit(
    open_device: Callable[..., Device], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "edge")
    device = open_device()
    device.usb.may_release.clear()
    thread = pausing(device)
    eventually(lambda: device.camera is CameraState.PAUSING)
    eventually(lambda: device.heard.told[-1] == (CameraState.PAUSING, True))
    time.sleep(0.3)  # a few times that the outputs are told
    assert device.usb.captures[-1].isOpened()
    assert device.camera is CameraState.PAUSING
    assert device.service.report().snapshot is None
    assert (CameraState.PAUSED, False) not in device.heard.told
    assert "camera: paused" not in caplog.messages
    device.usb.may_release.set()
    thread.join(5)
    assert not device.usb.captures[-1].isOpened()
    assert device.camera is CameraState.PAUSED
    assert device.heard.told[-1] == (CameraState.PAUSED, False)
    assert caplog.messages.count("camera: paused") == 1


def test_a_pause_before_the_start_is_kept_and_the_camera_never_opened() -> None:
    device = Device()
    device.service.pause()
    device.threads[0].start()
    eventually(lambda: len(device.heard.told) > 3)
    assert device.camera is CameraState.PAUSED
    assert device.usb.captures == []
    assert device.stage.openings == []
    assert not any(is_lit for _, is_lit in device.heard.told)
    device.service.resume()
    eventually(lambda: device.camera is CameraState.LIVE)
    assert device.service.health().source == "USB camera 0 (/dev/video0)"
    device.service.stop()
    device.threads[0].join(5)


def test_a_pause_says_why_and_a_later_one_replaces_the_reason(
    open_device: Callable[..., Device],
) -> None:
    device = open_device()
    device.service.pause(Pause(by="schedule", until="07:00"))
    health = device.service.health()
    assert health.camera is CameraState.PAUSED
    assert health.detail == "the camera is closed until 07:00, as scheduled"
    assert health.to_dict()["pause"] == {"by": "schedule", "until": "07:00"}
    assert device.heard.reports[-1].health.pause == health.pause
    device.service.pause(Pause(by="clock"))
    assert "the clock is not set" in device.service.health().detail
    device.service.pause()
    assert device.service.health().detail == "the camera is closed"
    device.service.resume()
    assert device.service.health().to_dict()["pause"] is None


def test_a_camera_that_does_not_close_holds_nothing_up(
    open_device: Callable[..., Device], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.service.CLOSING_S", 0.2)
    monkeypatch.setattr("edge.camera_condition.CLOSING_S", 0.2)
    device = open_device()
    device.usb.may_release.clear()
    device.service.pause()
    device.service.pause()
    eventually(lambda: "does not close" in device.service.health().detail)
    assert device.heard.told[-1] == (CameraState.PAUSING, True)
    device.service.resume()
    eventually(lambda: device.camera is CameraState.LIVE)
    device.service.pause()
    device.service.stop()
    device.threads[0].join(5)
    assert not device.threads[0].is_alive()


def test_a_camera_whose_driver_fails_to_close_is_not_called_closed(
    open_device: Callable[..., Device], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.service.CLOSING_S", 0.2)
    device = open_device("off", "pi")

    def failing(self: PiCamera) -> None:
        raise RuntimeError("device busy")

    with monkeypatch.context() as broken:
        broken.setattr(PiCamera, "close", failing)
        device.service.pause()
    assert device.camera is CameraState.PAUSING
    assert device.threads[0].is_alive()


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


def test_the_stage_is_told_of_each_opening(open_device: Callable[..., Device]) -> None:
    device = open_device()
    device.service.pause()
    device.service.resume()
    eventually(lambda: device.camera is CameraState.LIVE)
    device.usb.stall()
    eventually(lambda: device.camera is CameraState.LOST)
    device.usb.resume()
    eventually(lambda: device.camera is CameraState.LIVE)
    assert list(dict.fromkeys(device.stage.openings))[:3] == [1, 2, 3]


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


def test_a_camera_that_hangs_may_still_be_on(open_device: Callable[..., Device]) -> None:
    device = open_device()
    device.stage.may_go.clear()  # the camera delivers, and no stage gets to look
    eventually(lambda: device.camera is CameraState.LOST)
    eventually(lambda: device.heard.told[-1] == (CameraState.LOST, True))


def test_pause_and_resume_from_many_threads_end_as_the_last_one_says(
    open_device: Callable[..., Device],
) -> None:
    device = open_device()
    threads = [
        threading.Thread(target=act) for act in (device.service.pause, device.service.resume) * 10
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()
    device.service.pause()
    eventually(lambda: device.camera is CameraState.PAUSED)
    assert not any(capture.isOpened() for capture in device.usb.captures)
    assert device.kept() == 0
