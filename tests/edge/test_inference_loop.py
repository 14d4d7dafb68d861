"""The stage between camera and outputs: slow, broken, spared, and what is logged of it."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from service_device import Device, live_device, told
from waiting import eventually

from edge.datatypes import BBox, CameraState, FaceState, Vitals
from edge.inference_loop import StageFailures

device = pytest.fixture(live_device)


def test_a_slow_stage_skips_frames_and_shows_the_newest(device: Device) -> None:
    device.stage.pause_s = 0.1
    eventually(lambda: len(device.stage.seqs) > 8)
    steps = np.diff(device.stage.seqs)
    assert steps.min() >= 1
    assert steps[1:].max() > 1
    health = device.service.health()
    assert health.age_s is not None
    assert health.age_s < 1


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


def test_the_frame_rate_survives_a_clock_that_is_set_back(device: Device) -> None:
    eventually(lambda: device.service.health().fps > 5)
    device.ahead_s = -3600
    assert device.service.health().fps < 100
    device.usb.stall()
    eventually(lambda: device.service.health().fps == 0, 5)
    device.usb.resume()
