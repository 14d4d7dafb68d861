import contextlib
import threading
import time
from itertools import pairwise

import cv2
import numpy as np
import pytest

from edge.camera.auto import open_source
from edge.camera.replay import ImageReplay, Pace, VideoReplay
from edge.config import load_config
from edge.datatypes import CameraState, Snapshot
from edge.errors import CameraError, CameraStalled, EdgeError, MediaError
from edge.service import Service


def write_video(path, frames, fps=20.0):
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), fps, (64, 48))
    for k in range(frames):
        writer.write(np.full((48, 64, 3), 20 * k, np.uint8))
    writer.release()
    return path


def write_picture(path, level):
    cv2.imwrite(str(path), np.full((48, 64, 3), level, np.uint8))


def read_on(source):
    while True:
        source.read(10.0)


def level(frame):
    return round(float(frame.bgr.mean()) / 20)


def test_a_video_loops_in_real_time(tmp_path):
    video = VideoReplay(write_video(tmp_path / "clip.avi", frames=6))
    try:
        started_s = time.monotonic()
        frames = [video.read(2.0) for _ in range(15)]
        took_s = time.monotonic() - started_s
    finally:
        video.close()
    assert video.name == "video clip.avi"
    assert 0.65 < took_s < 2.5  # 14 steps of 50 ms
    assert [frame.seq for frame in frames] == sorted({frame.seq for frame in frames})
    assert {level(frame) for frame in frames} <= set(range(6))
    assert level(frames[0]) == 0
    levels = [level(frame) for frame in frames]
    assert any(after < before for before, after in pairwise(levels))


def test_a_slow_reader_misses_frames_of_a_video(tmp_path):
    video = VideoReplay(write_video(tmp_path / "clip.avi", frames=12))
    try:
        first = video.read(2.0)
        time.sleep(0.26)
        second = video.read(2.0)
    finally:
        video.close()
    assert second.seq >= first.seq + 5
    assert level(second) >= 5


def test_a_video_that_vanishes_ends_the_source(tmp_path):
    path = write_video(tmp_path / "clip.avi", frames=2, fps=100)
    video = VideoReplay(path)
    path.unlink()
    with pytest.raises(CameraError, match=r"clip\.avi: cannot read the file: No such file"):
        read_on(video)
    video.close()


def test_an_unreadable_video_is_refused_at_once(tmp_path):
    (tmp_path / "text.avi").write_text("no video")
    with pytest.raises(MediaError, match="not a video"):
        VideoReplay(tmp_path / "text.avi")


def test_pictures_take_turns_for_ever(tmp_path):
    for k, name in enumerate(("b.png", "c.png", "a.png")):
        write_picture(tmp_path / name, 20 * k)
    replay = ImageReplay(tmp_path, seconds_each=0.2)
    try:
        levels = [level(replay.read(2.0)) for _ in range(14)]
    finally:
        replay.close()
    turns = [a for a, b in zip(levels, [None, *levels], strict=False) if a != b]
    assert turns[:4] == [2, 0, 1, 2]


def test_a_damaged_picture_is_skipped_with_one_warning(tmp_path, caplog):
    write_picture(tmp_path / "a.png", 40)
    (tmp_path / "b.png").write_bytes((tmp_path / "a.png").read_bytes()[:60])
    write_picture(tmp_path / "c.png", 80)
    replay = ImageReplay(tmp_path, seconds_each=0.1)
    try:
        levels = {level(replay.read(2.0)) for _ in range(8)}
    finally:
        replay.close()
    assert levels == {2, 4}
    assert [r.getMessage().count("b.png: not a whole image") for r in caplog.records] == [1]


def test_a_folder_without_a_readable_picture_is_refused(tmp_path):
    with pytest.raises(MediaError, match="no images"):
        ImageReplay(tmp_path)
    (tmp_path / "a.png").write_text("no image")
    with pytest.raises(MediaError, match="none of its images can be read"):
        ImageReplay(tmp_path)


def test_a_frame_due_later_than_the_reader_waits_is_a_stall():
    pace = Pace(fps=0.5)
    assert pace.wait(1.0, "slow video") == 1
    with pytest.raises(CameraStalled, match="slow video"):
        pace.wait(0.1, "slow video")


def test_a_reader_that_was_away_goes_on_nearly_where_it_was(monkeypatch):
    now_s = [100.0]
    monkeypatch.setattr("edge.camera.replay.time.monotonic", lambda: now_s[0])
    pace = Pace(fps=10)
    assert pace.wait(1.0, "video") == 1
    now_s[0] += 0.35
    assert pace.wait(1.0, "video") == 3
    now_s[0] += 3600
    assert pace.wait(1.0, "video") in (10, 11)
    now_s[0] += 0.1
    assert pace.wait(1.0, "video") in (1, 2)


@pytest.mark.parametrize("kind", ["video", "images"])
def test_close_ends_a_waiting_read_and_may_be_called_twice(tmp_path, kind):
    if kind == "video":
        source = VideoReplay(write_video(tmp_path / "slow.avi", frames=3, fps=1))
    else:
        write_picture(tmp_path / "a.png", 0)
        source = ImageReplay(tmp_path)
    source.read(2.0)
    threading.Timer(0.1, source.close).start()
    started_s = time.monotonic()
    with pytest.raises(CameraError, match="closed"):
        read_on(source)
    assert time.monotonic() - started_s < 2.0
    source.close()


class Blind:
    """A stage that finds no face."""

    def slow_to(self, share):
        """Nothing takes time here."""

    def step(self, frame):
        return Snapshot(
            seq=frame.seq,
            captured_at_s=frame.captured_at_s,
            faces=(),
            dominant=None,
            stage_ms={},
        )


class NoOutputs:
    def show(self, report):
        pass

    def failing(self):
        return ()


@contextlib.contextmanager
def running(source):
    """The service on a file, as the device runs it."""
    config = load_config(None, {"camera": {"source": source, "stall_s": 0.5}}).camera
    refusals = []

    def opened():
        try:
            return open_source(config)
        except EdgeError as exc:
            refusals.append(exc)
            raise

    service = Service(opened, Blind(), NoOutputs(), config)
    failures = []

    def run():
        try:
            service.run()
        except EdgeError as exc:
            failures.append(exc)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield service, refusals
    finally:
        service.stop()
        thread.join(10)
    assert failures == []


def wait_for(service, state):
    deadline_s = time.monotonic() + 20
    while service.health().camera is not state:
        assert time.monotonic() < deadline_s, service.health()
        time.sleep(0.02)
    return service.health()


def wait_for_one(refusals):
    deadline_s = time.monotonic() + 20
    while not refusals:
        assert time.monotonic() < deadline_s, refusals
        time.sleep(0.02)


@pytest.mark.parametrize("fate", ["removed", "truncated", "a folder"])
def test_a_video_that_goes_while_it_runs_is_waited_for(tmp_path, fate):
    path = write_video(tmp_path / "clip.avi", frames=5)
    content = path.read_bytes()
    with running(f"file:{path}") as (service, refusals):
        wait_for(service, CameraState.LIVE)
        path.unlink()
        if fate == "truncated":
            path.write_bytes(content[:100])
        elif fate == "a folder":
            path.mkdir()
        assert "clip.avi: " in wait_for(service, CameraState.LOST).detail
        wait_for_one(refusals)
        if fate == "a folder":
            path.rmdir()
        path.write_bytes(content)
        wait_for(service, CameraState.LIVE)


def test_pictures_that_go_while_they_are_shown_are_waited_for(tmp_path):
    write_picture(tmp_path / "a.png", 0)
    write_picture(tmp_path / "b.png", 40)
    with running(f"images:{tmp_path}") as (service, refusals):
        wait_for(service, CameraState.LIVE)
        for name in ("a.png", "b.png"):
            (tmp_path / name).unlink()
        assert str(tmp_path) in wait_for(service, CameraState.LOST).detail
        wait_for_one(refusals)
        write_picture(tmp_path / "c.png", 80)
        wait_for(service, CameraState.LIVE)
