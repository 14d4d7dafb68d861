"""The times of a video's frames grow, whatever its container says."""

import math
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.camera.media import iter_video
from edge.camera.timing import LONGEST_GAP_S, FrameTimes

STEP_S = 0.04


def times(stated_s: list[float]) -> list[float]:
    clock = FrameTimes(STEP_S)
    return [clock.next_s(s) for s in stated_s]


def test_a_video_that_tells_the_truth_is_believed() -> None:
    stated_s = [0.0, 0.04, 0.08, 0.5, 0.54, 20.0]
    assert times(stated_s) == pytest.approx(stated_s)


@pytest.mark.parametrize(
    "stated_s",
    [
        [0.0] * 5,
        [9.92, 9.96, 0.0, 0.04],
        [95443.68, 95443.71, 0.0, 0.04],
        [-0.04, -0.04, 0.0, 0.04],
        [math.nan, math.nan, 0.0, math.nan, 0.04],
        [0.0, math.inf, 0.04, -math.inf, 0.08],
        [0.0, 1e18, 1e18, 0.0],
        [0.0, 1e-300, 2e-300],
    ],
)
def test_the_times_grow_by_no_more_than_a_gap(stated_s: list[float]) -> None:
    at_s = times(stated_s)
    assert 0 <= at_s[0] <= LONGEST_GAP_S
    assert all(0 < after - before <= LONGEST_GAP_S for before, after in pairwise(at_s))


def test_after_a_jump_back_it_goes_on_by_a_step() -> None:
    assert times([9.92, 9.96, 0.0, 0.04]) == pytest.approx([9.92, 9.96, 10.0, 10.04])


def test_a_joined_transport_stream_runs_on(tmp_path: Path) -> None:
    half = tmp_path / "half.ts"
    writer = cv2.VideoWriter(
        str(half), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*"MPG1"), 25.0, (64, 48)
    )
    for k in range(20):
        writer.write(np.full((48, 64, 3), 10 * k, np.uint8))
    writer.release()
    (tmp_path / "joined.ts").write_bytes(half.read_bytes() * 2)
    at_s = [frame.captured_at_s for frame in iter_video(tmp_path / "joined.ts")]
    assert len(at_s) == 40
    steps_s = np.diff(at_s)
    np.testing.assert_allclose(np.delete(steps_s, 19), 0.04, atol=1e-3)
    assert 0.01 < steps_s[19] < 0.05  # one frame by the rate that the file states
