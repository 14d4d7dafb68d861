import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import cv2
import numpy as np
import pytest

from edge.camera.fake_picamera2 import FakePicamera2, FakeTransform
from edge.camera.fake_v4l2 import FakeUsbCamera
from edge.camera.picamera2 import Driver, PiCamera
from edge.camera.source import FrameSource
from edge.camera.v4l2 import V4l2Camera
from edge.camera_condition import Signs, condition, given_up
from edge.config import CameraConfig, load_config
from edge.datatypes import BBox, CameraState, FaceState, Frame, Report, Snapshot, Vitals
from edge.errors import CameraError, CameraNotFound
from edge.inference_loop import StageFailures
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
        self.ahead_s = 0.0
        self.may_open, self.asked_to_open = threading.Event(), threading.Event()
        self.may_open.set()
        self.service = Service(
            self.open,
            self.stage,
            self.heard,
            config,
            alive=self._beat,
            vitals=lambda: self.vitals,
            began_s=time.monotonic() - 100,
            clock=lambda: time.monotonic() + self.ahead_s,
            enough_fps=0.0,  # a machine that is busy with other tests is not slow
        )
        self.error: Exception | None = None
        self.thread = threading.Thread(target=self._run)

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

    def camera_is(self, state: CameraState) -> Callable[[], bool]:
        return lambda: self.service.health().camera is state


def eventually(truth: Callable[[], bool], within_s: float = 10.0) -> float:
    start_s = time.monotonic()
    while not truth():
        assert time.monotonic() - start_s < within_s, "did not come true in time"
        time.sleep(0.01)
    return time.monotonic() - start_s


@pytest.fixture
def device(caplog: pytest.LogCaptureFixture) -> Iterator[Device]:
    caplog.set_level("INFO", "edge")  # before the first line, which the thread may log at once
    device = Device()
    device.thread.start()
    # What is logged between the fixture and the test is lost.
    eventually(device.camera_is(CameraState.LIVE))
    yield device
    device.service.stop()
    device.thread.join(5)
    assert not device.thread.is_alive()


def test_it_starts_runs_and_is_healthy(device: Device) -> None:
    eventually(device.camera_is(CameraState.LIVE))
    eventually(lambda: len(device.stage.seqs) > 10)
    health = device.service.health()
    assert health.healthy
    assert health.source == "USB camera 0 (/dev/video0)"
    assert health.age_s is not None
    assert health.age_s < 1
    assert device.service.scenes.get() is not None


def test_a_slow_stage_skips_frames_and_shows_the_newest(device: Device) -> None:
    device.stage.pause_s = 0.1
    eventually(lambda: len(device.stage.seqs) > 8)
    steps = np.diff(device.stage.seqs)
    assert steps.min() >= 1
    assert steps[1:].max() > 1
    health = device.service.health()
    assert health.age_s is not None
    assert health.age_s < 1


def test_an_unplugged_camera_is_reported_and_comes_back_by_itself(
    device: Device, caplog: pytest.LogCaptureFixture
) -> None:
    eventually(device.camera_is(CameraState.LIVE))
    device.usb.unplug()
    assert eventually(device.camera_is(CameraState.LOST)) < 2
    assert "camera 0" in device.service.health().detail
    time.sleep(1.5)
    device.usb.plug_back()
    eventually(device.camera_is(CameraState.LIVE))
    eventually(lambda: device.heard.states[-1] is CameraState.LIVE)
    assert CameraState.LOST in device.heard.states
    name = "camera: USB camera 0 (/dev/video0)"
    eventually(lambda: f"{name} is back" in told("camera:", caplog))
    lines = told("camera:", caplog)
    assert lines[0] == name
    assert re.fullmatch(re.escape(name) + ": .*; trying again", lines[1])
    assert lines[2:] == [f"{name} is back"]


def test_a_stalled_camera_is_reported_too(device: Device) -> None:
    eventually(device.camera_is(CameraState.LIVE))
    device.usb.stall()
    assert eventually(device.camera_is(CameraState.LOST)) < 2
    device.usb.resume()
    eventually(device.camera_is(CameraState.LIVE))


def test_stop_closes_the_camera_within_two_seconds(device: Device) -> None:
    eventually(device.camera_is(CameraState.LIVE))
    device.service.stop()
    device.service.stop()
    assert eventually(lambda: not device.thread.is_alive()) < 2
    assert device.error is None
    eventually(lambda: all(not c.isOpened() for c in device.usb.captures))


def test_a_camera_gone_for_good_ends_the_run_with_its_error() -> None:
    device = Device(load_config(None, {"camera": {"stall_s": 0.5, "give_up_s": 1.5}}).camera)
    device.thread.start()
    eventually(device.camera_is(CameraState.LIVE))
    device.usb.unplug()
    device.thread.join(8)
    assert isinstance(device.error, CameraError)
    assert "no frame for 2 s" in str(device.error)
    assert str(device.error).count("USB camera 0") == 1
    assert str(device.error).count("no frame") == 1


@pytest.mark.parametrize(
    ("source", "advice"),
    [
        ("v4l2:0", "check the camera's cable"),
        ("file:party.mp4", "check that it exists and is whole"),
        ("images:/srv/images", "check that it exists and is whole"),
    ],
)
def test_the_last_word_helps_with_this_source(source: str, advice: str) -> None:
    config = load_config(None, {"camera": {"source": source}}).camera
    signs = Signs(name="x", pausing_for_s=None, on=True, age_s=None, silent_s=60, error="x: gone")
    assert given_up(signs, config) == f"x: no frame for 60 s (gone); {advice}"


def test_a_camera_that_delivers_is_not_blamed_for_an_inference_that_hangs() -> None:
    device = Device(load_config(None, {"camera": {"stall_s": 30.0, "give_up_s": 60.0}}).camera)
    may_go_on = threading.Event()
    device.stage.hold = may_go_on.wait
    device.thread.start()
    try:
        eventually(lambda: device.stage.is_held)
        live = device.service._live
        for ahead_s in (20, 40, 61):  # frames arrive meanwhile
            device.ahead_s = ahead_s
            eventually(lambda: device.error or (live.arrived_s or 0) > live.started_s + ahead_s)  # noqa: B023
        eventually(lambda: device.error is not None)
    finally:
        may_go_on.set()
        device.thread.join(5)
    assert str(device.error) == (
        "USB camera 0 (/dev/video0): delivers frames, and none was processed for 60 s; "
        "this machine is too busy or too slow: close other programs, see `emotion-edge bench`"
    )


def test_frames_that_nothing_works_on_are_no_missing_frames() -> None:
    signs = Signs(
        name="x", pausing_for_s=None, on=True, age_s=9, silent_s=9, arrived_s=0.1, error=""
    )
    told = "x: delivers frames, and none was processed for 9 s"
    assert condition(signs, CAMERA) == (CameraState.LOST, told)
    assert condition(replace(signs, arrived_s=9), CAMERA)[1] == "x: no frame for 9 s"


def test_as_shipped_it_waits_a_minute_for_the_camera_and_not_longer() -> None:
    device = Device(load_config().camera)
    device.thread.start()
    eventually(device.camera_is(CameraState.LIVE))
    device.usb.unplug()
    assert eventually(device.camera_is(CameraState.LOST)) < 2
    device.ahead_s = 55
    device.thread.join(1)
    assert device.thread.is_alive()
    device.ahead_s = 61
    device.thread.join(5)
    assert isinstance(device.error, CameraError)
    assert "no frame for 60 s" in str(device.error)


class LooseCable(FakePicamera2):
    """A Pi camera that opens and never delivers while `loose` is set, as a bad ribbon does."""

    loose = threading.Event()

    def __init__(self, camera_num: int = 0) -> None:
        super().__init__(camera_num)
        if self.loose.is_set():
            self.stall()


class PiDevice(Device):
    """The same with a Pi camera."""

    def open(self) -> FrameSource:
        self.pi = PiCamera(self.config, driver=Driver(LooseCable, FakeTransform))
        return self.pi


def test_a_pi_camera_whose_cable_came_loose_comes_back_by_itself() -> None:
    device = PiDevice()
    device.thread.start()
    try:
        eventually(device.camera_is(CameraState.LIVE))
        LooseCable.loose.set()
        device.pi._camera.stall()
        assert eventually(device.camera_is(CameraState.LOST)) < 2
        eventually(lambda: "ribbon cable" in device.service.health().detail)
        LooseCable.loose.clear()
        eventually(device.camera_is(CameraState.LIVE), 15)
    finally:
        LooseCable.loose.clear()
        device.service.stop()
        device.thread.join(5)
    assert device.error is None


def test_no_camera_at_the_start_is_an_error_at_once() -> None:
    device = Device()
    device.usb.unplug()
    with pytest.raises(CameraNotFound, match="/dev/video0"):
        device.service.run()


def test_a_defect_in_a_stage_ends_the_run_and_is_not_swallowed() -> None:
    device = Device()
    device.stage.defect = cv2.error("a defect")
    device.thread.start()
    device.thread.join(5)
    assert isinstance(device.error, cv2.error)


def test_frames_at_which_the_stage_fails_are_skipped_and_logged_once(
    device: Device, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "edge.inference_loop")
    eventually(lambda: len(device.stage.seqs) > 3)
    device.stage.left_to_fail, seen = 5, len(device.stage.seqs)
    eventually(lambda: len(device.stage.seqs) > seen + 120)
    down, back = [r for r in caplog.records if r.name == "edge.inference_loop"]
    assert (down.levelname, back.levelname) == ("WARNING", "INFO")
    assert "an odd frame" in down.getMessage()
    assert "5 frames" in back.getMessage()
    assert device.stage.resets >= 5
    assert device.error is None
    assert device.service.health().camera is CameraState.LIVE


def test_a_stage_that_fails_at_every_other_frame_ends_the_run() -> None:
    counted: list[None] = []
    failures = StageFailures(lambda: counted.append(None))
    with pytest.raises(cv2.error):  # noqa: PT012 (the loop is what ends)
        for _ in range(20):
            failures.note_failure(cv2.error("again"))
            failures.note_success()
    assert len(counted) == 11


def test_a_pause_closes_the_camera_and_forgets_what_it_saw(device: Device) -> None:
    eventually(device.camera_is(CameraState.LIVE))
    device.service.pause()
    device.service.pause()
    assert device.service.health().camera is CameraState.PAUSED
    assert all(capture.released for capture in device.usb.captures)
    assert device.heard.states[-1] is CameraState.PAUSED
    assert device.service.report().snapshot is None
    assert device.service.scenes.get() is None
    seen = len(device.stage.seqs)
    time.sleep(0.3)
    assert len(device.stage.seqs) == seen
    device.service.resume()
    device.service.resume()
    eventually(device.camera_is(CameraState.LIVE), 2)
    assert device.service.report().snapshot is not None


def test_a_long_pause_does_not_end_the_run() -> None:
    device = Device(load_config(None, {"camera": {"stall_s": 0.5, "give_up_s": 1.0}}).camera)
    device.thread.start()
    eventually(device.camera_is(CameraState.LIVE))
    device.service.pause()
    time.sleep(1.5)
    device.service.resume()
    eventually(device.camera_is(CameraState.LIVE), 2)
    device.service.stop()
    device.thread.join(5)
    assert device.error is None


def test_the_watchdog_hears_of_finished_frames_and_of_pauses_alone(device: Device) -> None:
    eventually(lambda: device.beats > 5)
    device.usb.stall()
    eventually(device.camera_is(CameraState.LOST))
    beats = device.beats
    time.sleep(0.5)
    assert device.beats == beats
    device.service.pause()
    eventually(lambda: device.beats > beats, 2)


def test_a_pause_while_the_camera_is_lost_ends_the_retries(device: Device) -> None:
    eventually(device.camera_is(CameraState.LIVE))
    device.usb.unplug()
    eventually(device.camera_is(CameraState.LOST))
    device.service.pause()
    time.sleep(0.6)
    opened = len(device.usb.captures)
    time.sleep(1.5)
    assert len(device.usb.captures) == opened
    device.usb.plug_back()
    device.service.resume()
    eventually(device.camera_is(CameraState.LIVE), 3)


def test_a_camera_paused_while_it_is_opened_rests_only_once_it_is_closed(device: Device) -> None:
    eventually(device.camera_is(CameraState.LIVE))
    device.service.pause()
    eventually(device.camera_is(CameraState.PAUSED))
    device.may_open.clear()
    device.asked_to_open.clear()
    device.service.resume()
    eventually(device.camera_is(CameraState.STARTING))
    assert device.asked_to_open.wait(5)
    device.service.pause()
    assert device.service.health().camera is CameraState.PAUSING
    device.may_open.set()
    eventually(device.camera_is(CameraState.PAUSED))
    assert not any(capture.isOpened() for capture in device.usb.captures)


def test_on_a_hot_board_inference_does_less_and_each_frame_is_still_shown(device: Device) -> None:
    eventually(lambda: len(device.stage.seqs) > 5)
    assert not device.service.health().vitals.hot
    assert set(device.stage.shares) == {1.0}
    device.vitals = Vitals(temperature_c=84.0, hot=True)
    assert device.service.health().vitals.temperature_c == 84.0
    eventually(lambda: device.stage.shares[-1] == 0.5)
    seqs = len(device.stage.seqs)
    eventually(lambda: len(device.stage.seqs) > seqs + 20)
    device.vitals = Vitals()
    device.ahead_s += 30  # full effort again after a moment of cool frames
    eventually(lambda: device.stage.shares[-1] == 1.0)


def test_the_first_frame_and_the_first_labelled_face_are_logged_once(
    device: Device, caplog: pytest.LogCaptureFixture
) -> None:
    eventually(lambda: told("first frame", caplog) != [])
    assert told("first labelled face", caplog) == []
    face = FaceState(track_id=1, box=BBox(0, 0, 9, 9), label=None, confidence=0.3, probs={})
    device.stage.faces = (face,)
    seen = len(device.stage.seqs)
    eventually(lambda: len(device.stage.seqs) > seen + 3)
    assert told("first labelled face", caplog) == []
    device.stage.faces = (replace(face, label="happy"),)
    eventually(lambda: told("first labelled face", caplog) != [])
    seen = len(device.stage.seqs)
    eventually(lambda: len(device.stage.seqs) > seen + 3)
    (frame,), (labelled,) = told("first frame", caplog), told("first labelled face", caplog)
    for line in (frame, labelled):
        assert 100 <= float(line.split()[-2]) < 130, line


def told(start: str, caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return the lines since the device's start, which falls into the fixture's phase."""
    records = caplog.get_records("setup") + caplog.get_records("call")
    return [r.message for r in records if r.message.startswith(start)]


def test_a_short_pause_is_no_lost_camera(device: Device, caplog: pytest.LogCaptureFixture) -> None:
    eventually(device.camera_is(CameraState.LIVE))
    for _ in range(5):
        device.service.pause()
        device.service.resume()
        eventually(device.camera_is(CameraState.LIVE), 2)
    assert CameraState.LOST not in device.heard.states
    assert not [record for record in caplog.records if record.levelname == "WARNING"]


def test_resuming_forgets_the_trouble_before_the_pause(device: Device) -> None:
    eventually(device.camera_is(CameraState.LIVE))
    device.usb.unplug()
    eventually(device.camera_is(CameraState.LOST))
    device.service.pause()
    device.usb.plug_back()
    device.service.resume()
    assert device.service.health().camera is CameraState.STARTING
    eventually(device.camera_is(CameraState.LIVE), 2)


def test_pictures_that_come_too_late_are_no_live_ones(device: Device) -> None:
    eventually(device.camera_is(CameraState.LIVE))
    device.stage.pause_s = 0.8
    health = device.service.health

    def is_late() -> bool:
        now = health()
        late = re.fullmatch(r"USB camera 0 .*: frames arrive [0-9.]+ s late", now.detail)
        return late is not None and now.camera is CameraState.LOST

    eventually(is_late)


def test_a_frame_of_the_future_is_not_live_until_then() -> None:
    device = Device()

    class Ahead(V4l2Camera):
        def read(self, timeout_s: float) -> Frame:
            frame = super().read(timeout_s)
            return replace(frame, captured_at_s=frame.captured_at_s + 3600)

    device.service._camera._open_source = lambda: Ahead(CAMERA, 0, open_capture=device.usb.open)
    device.thread.start()
    try:
        eventually(device.camera_is(CameraState.LIVE))
        device.usb.stall()
        eventually(device.camera_is(CameraState.LOST), 3)
    finally:
        device.usb.resume()
        device.service.stop()
        device.thread.join(5)


def test_the_frame_rate_survives_a_clock_that_is_set_back(device: Device) -> None:
    eventually(lambda: device.service.health().fps > 5)
    device.ahead_s = -3600
    assert device.service.health().fps < 100
    device.usb.stall()
    eventually(lambda: device.service.health().fps == 0, 5)
    device.usb.resume()


@pytest.mark.parametrize("state", list(CameraState))
def test_no_state_is_said_twice(device: Device, state: CameraState) -> None:
    """The detail stands behind the state wherever both are told."""
    eventually(device.camera_is(CameraState.LIVE))
    if state is CameraState.LOST:
        device.usb.unplug()
    if state is CameraState.STARTING:
        device.may_open.clear()
        device.service.pause()
        device.service.resume()
    if state is CameraState.PAUSING:
        device.usb.may_release.clear()
        threading.Thread(target=device.service.pause).start()
    if state is CameraState.PAUSED:
        device.service.pause()
    try:
        eventually(device.camera_is(state))
        assert str(state) not in device.service.health().detail
    finally:
        device.may_open.set()
        device.usb.may_release.set()
