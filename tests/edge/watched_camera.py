"""A service on a fake camera each of whose frames is remembered, weakly, and a feed of it."""

import gc
import threading
import weakref
from collections.abc import Callable, Iterator
from typing import Any

from waiting import eventually

from edge.camera.fake_picamera2 import FakePicamera2, FakeTransform
from edge.camera.fake_v4l2 import FakeUsbCamera, FakeVideoCapture
from edge.camera.picamera2 import Driver, PiCamera
from edge.camera.source import FrameSource
from edge.camera.v4l2 import V4l2Camera
from edge.config import StreamConfig, load_config
from edge.datatypes import BgrImage, CameraState, Frame, Report, Snapshot
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


def open_devices() -> Iterator[Callable[..., Device]]:
    """The fixture `open_device` of a test: opens devices, which are ended afterwards."""
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
