import logging

import pytest

from edge.inference_effort import SHARES, InferenceEffort


class Loop:
    """An inference loop on a clock of its own; a frame takes `work_s` at full effort."""

    def __init__(
        self, *, work_s: float, camera_fps: float = 30.0, enough_fps: float = 15.0
    ) -> None:
        self.now_s = 100.0
        self.work_s = work_s
        self.camera_fps = camera_fps
        self.hot = False
        self.effort = InferenceEffort(enough_fps, lambda: self.now_s)
        self.shares: list[float] = []
        self.frames = 0

    def run(self, seconds: float) -> float:
        """Run for a time; return the frames processed per second."""
        end_s, frames = self.now_s + seconds, 0
        while self.now_s < end_s:
            took_s = 0.002 + self.work_s * self.effort.share
            interval_s = 1 / self.camera_fps
            rest_s = took_s if self.effort.rests else 0.0
            waited_s = max(took_s + rest_s, interval_s)
            self.now_s += waited_s
            skipped = int(waited_s / interval_s + 1e-6) - 1
            self.effort.note(busy_s=took_s, skipped=skipped, hot=self.hot)
            self.shares.append(self.effort.share)
            frames += 1
        return frames / seconds


def test_a_board_that_keeps_up_works_at_full_effort() -> None:
    loop = Loop(work_s=0.025)
    assert loop.run(60) == pytest.approx(30, abs=1)
    assert set(loop.shares) == {1.0}


def test_skipped_frames_that_are_not_streamed_cost_nothing() -> None:
    loop = Loop(work_s=0.055)  # 17 of 30 frames a second; viewers get 15
    loop.run(60)
    assert set(loop.shares) == {1.0}


def test_a_slow_board_yields_inference_and_keeps_the_stream() -> None:
    loop = Loop(work_s=0.150)
    assert loop.run(2) < 8
    loop.run(20)
    assert loop.run(30) > 14
    assert loop.effort.share in (0.5, 0.25)


def test_it_comes_back_when_the_load_is_gone() -> None:
    loop = Loop(work_s=0.3)
    loop.run(30)
    assert loop.effort.share < 0.5
    loop.work_s = 0.01
    loop.run(30)
    assert loop.effort.share == 1.0


def test_it_does_not_swing_between_two_shares() -> None:
    loop = Loop(work_s=0.110)
    loop.run(600)
    changes = sum(a != b for a, b in zip(loop.shares, loop.shares[1:], strict=False))
    assert changes < 30


def test_heat_lowers_it_at_once_then_step_by_step_and_it_comes_back() -> None:
    loop = Loop(work_s=0.01)
    loop.hot = True
    loop.run(0.1)
    assert loop.effort.share == 0.5
    assert loop.run(70) > 25
    assert loop.effort.share == SHARES[-1]
    assert loop.effort.rests
    loop.hot = False
    loop.run(30)
    assert loop.effort.share == 1.0
    assert not loop.effort.rests


@pytest.mark.parametrize("jump_s", [-50.0, 0.0, 1e6])
def test_a_clock_that_jumps_does_no_harm(jump_s: float) -> None:
    loop = Loop(work_s=0.01)
    loop.run(3)
    loop.now_s += jump_s
    loop.effort.note(busy_s=0.01, skipped=0, hot=False)
    loop.run(10)
    assert loop.effort.share == 1.0


def test_a_clock_that_stands_still_does_no_harm() -> None:
    effort = InferenceEffort(15.0, lambda: 5.0)
    for _ in range(1000):
        effort.note(busy_s=0.5, skipped=9, hot=False)
    assert effort.share == 1.0


def test_frames_from_before_a_pause_do_not_count() -> None:
    loop = Loop(work_s=0.15)
    loop.run(1.9)
    loop.work_s = 0.01
    loop.now_s += 60
    loop.effort.restart()
    loop.run(10)
    assert set(loop.shares) == {1.0}


def test_each_change_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "edge.inference_effort")
    loop = Loop(work_s=0.01)
    loop.hot = True
    loop.run(1)
    loop.hot = False
    loop.run(20)
    assert [record.message for record in caplog.records] == [
        "inference: 50% of its full rate: the board is hot",
        "inference: 100% of its full rate: there is room again",
    ]
