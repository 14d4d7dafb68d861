"""The figures of a run, on reports and a clock that a test makes up."""

from dataclasses import replace

import pytest
from watched import report_of

from edge.datatypes import CameraState, Vitals
from edge.selftest.observer import Minute, Observer


class Run:
    """An observer, its clock, and what it told."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.told: list[tuple[int, Minute]] = []
        self.observer = Observer(lambda *minute: self.told.append(minute), lambda: self.now_s)

    def see(self, seq: int, faces: int = 0, age_s: float = 0.1, **vitals: float) -> None:
        report = report_of(self.now_s - age_s, ("happy",) * faces)
        assert report.snapshot
        snapshot = replace(report.snapshot, seq=seq, size=(640, 480))
        self.show(CameraState.LIVE, snapshot=snapshot, **vitals)

    def show(self, camera: CameraState, snapshot: object = None, **vitals: float) -> None:
        report = report_of(self.now_s, ())
        health = replace(report.health, camera=camera, vitals=Vitals(**vitals))  # type: ignore[arg-type]
        self.observer.show(replace(report, snapshot=snapshot, health=health))  # type: ignore[arg-type]


@pytest.fixture
def run() -> Run:
    return Run()


def test_frames_and_faces_are_counted(run: Run):
    for seq in (0, 1, 4, 5):
        run.now_s += 0.5
        run.see(seq, faces=seq % 4)
    run.observer.end()
    figures = run.observer.figures()
    assert figures["frame_size"] == (640, 480)
    assert figures["seconds"] == 2.0
    assert (figures["processed_fps"], figures["camera_fps"]) == (2.0, 3.0)
    assert figures["most_faces"] == 1
    assert figures["share_of_frames_with_a_face"] == 0.5
    assert figures["frame_age_ms"] == {"mean": 100, "most": 100}


def test_a_frame_that_is_reported_twice_counts_once(run: Run):
    report = report_of(run.now_s, ())
    run.observer.show(report)
    run.observer.show(report)
    assert run.observer.processed == 1


def test_minutes_have_their_own_figures_and_are_told(run: Run):
    for second in range(150):
        run.now_s += 1.0
        run.see(second, temperature_c=50.0 + second / 10)
    run.observer.end()
    numbers, minutes = zip(*run.told, strict=True)
    assert numbers == (1, 2, 3)
    assert [minute.frames for minute in minutes] == [59, 60, 31]
    assert [minute.fps for minute in minutes] == [1.0, 1.0, 1.0]
    assert minutes[0].line(1) == "minute 1: 1.0 frames/s, faces 0, 56 C"
    assert len(run.observer.figures()["minutes"]) == 3


def test_heat_is_the_most_of_a_minute(run: Run):
    run.see(0, temperature_c=70.0, hot=True)
    run.see(1, temperature_c=82.0, throttled=True)
    run.see(2, temperature_c=60.0)
    (minute,) = run.observer.minutes
    assert minute.temperature_c == 82.0
    assert minute.line(4) == "minute 4: 0.0 frames/s, faces 0, 82 C, throttled"


def test_each_loss_of_the_camera_counts_once(run: Run):
    for camera in ("live", "lost", "lost", "live", "lost"):
        run.show(CameraState(camera))
    assert run.observer.losses == 2


def test_a_run_without_a_frame_or_time_has_figures(run: Run):
    run.observer.end()
    figures = run.observer.figures()
    assert figures["frame_size"] is None
    assert figures["processed_fps"] == 0.0
    assert figures["share_of_frames_with_a_face"] == 0.0


def test_of_a_face_no_more_than_the_number_is_kept(run: Run):
    run.see(0, faces=2)
    run.observer.end()
    assert "happy" not in str(run.observer.figures())
