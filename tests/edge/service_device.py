"""A service on a fake USB camera, with a stage and outputs that remember what they got."""

import threading
import time
from collections.abc import Callable, Iterator

import cv2
import pytest
from waiting import eventually

from edge.camera.fake_v4l2 import FakeUsbCamera
from edge.camera.source import FrameSource
from edge.camera.v4l2 import V4l2Camera
from edge.config import CameraConfig, load_config
from edge.datatypes import CameraState, FaceState, Frame, Report, Snapshot, Vitals
from edge.service import Service

CAMERA = load_config(None, {"camera": {"stall_s": 0.5, "give_up_s": 20.0}}).camera


class Counting:
    """A stage that finds no face, and can be made slow or broken."""

    def __init__(self) -> None:
        self.seqs: list[int] = []
        self.shares: list[float] = []
        self.pause_s = 0.0
        self.faces: tuple[FaceState, ...] = ()
        self.defect: Exception | None = None
        self.left_to_fail = 0
        self.resets = 0
        self.hold: Callable[[], object] = lambda: None
        self.is_held = False

    def reset(self) -> None:
        self.resets += 1

    def slow_to(self, share: float) -> None:
        self.shares.append(share)

    def step(self, frame: Frame) -> Snapshot:
        if self.defect:
            raise self.defect
        if self.left_to_fail:
            self.left_to_fail -= 1
            raise cv2.error("an odd frame")
        self.is_held = True
        self.hold()
        if self.pause_s:  # a sleep of 0 s, too, lets others go first
            time.sleep(self.pause_s)
        self.seqs.append(frame.seq)
        return Snapshot(
            seq=frame.seq,
            captured_at_s=frame.captured_at_s,
            faces=self.faces,
            dominant=None,
            stage_ms={},
        )


class Heard:
    """Outputs that remember what they were told."""

    def __init__(self) -> None:
        self.states: list[CameraState] = []

    def show(self, report: Report) -> None:
        self.states.append(report.health.camera)

    def failing(self) -> tuple[str, ...]:
        return ()


class Device:
    """A service on a fake USB camera, running in a thread of its own."""

    def __init__(self, config: CameraConfig = CAMERA) -> None:
        self.config = config
        self.usb = FakeUsbCamera(0, fps=60)
        self.stage, self.heard = Counting(), Heard()
        self.beats = 0
        self.vitals = Vitals()
        self.looks = 0
        self.ahead_s = 0.0
        self.may_open, self.asked_to_open = threading.Event(), threading.Event()
        self.may_open.set()
        self.service = Service(
            self.open,
            self.stage,
            self.heard,
            config,
            alive=self._beat,
            vitals=self._look,
            began_s=time.monotonic() - 100,
            clock=lambda: time.monotonic() + self.ahead_s,
            enough_fps=0.0,  # a machine that is busy with other tests is not slow
        )
        self.error: Exception | None = None
        self.thread = threading.Thread(target=self._run, daemon=True)  # a failed test leaves it

    def open(self) -> FrameSource:
        self.asked_to_open.set()
        self.may_open.wait(5)
        return V4l2Camera(self.config, 0, open_capture=self.usb.open)

    def _run(self) -> None:
        try:
            self.service.run()
        except Exception as exc:
            self.error = exc

    def _beat(self) -> None:
        self.beats += 1

    def _look(self) -> Vitals:
        self.looks += 1
        return self.vitals

    def end(self) -> None:
        self.service.stop()
        self.thread.join(5)
        assert not self.thread.is_alive()

    def let_pass(self, seconds: float) -> None:
        """Let time pass while no frame is finished, and wait until the service has looked."""
        looks = self.looks
        self.ahead_s += seconds
        # Of the looks of one watch, the last may come before it reads the clock.
        eventually(lambda: self.looks > looks + 4 or not self.thread.is_alive())

    def camera_is(self, state: CameraState) -> Callable[[], bool]:
        return lambda: self.service.health().camera is state


def live_device(caplog: pytest.LogCaptureFixture) -> Iterator[Device]:
    """The fixture `device` of a test: its camera delivers; ended afterwards."""
    caplog.set_level("INFO", "edge")  # before the first line, which the thread may log at once
    device = Device()
    device.thread.start()
    # What is logged between the fixture and the test is lost.
    eventually(device.camera_is(CameraState.LIVE))
    yield device
    device.end()


def told(start: str, caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return the lines since the device's start, which falls into the fixture's phase."""
    records = caplog.get_records("setup") + caplog.get_records("call")
    return [r.message for r in records if r.message.startswith(start)]
