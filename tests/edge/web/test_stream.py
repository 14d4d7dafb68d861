"""The live stream without a network: encoded once, only when wanted, never frozen."""

import gc
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from itertools import islice

import numpy as np
import pytest
import simplejpeg

from edge.config import StreamConfig
from edge.datatypes import BgrImage, CameraState, Frame, Health, Report, Scene, Snapshot
from edge.latest import Latest
from edge.web.events import event_stream
from edge.web.stream import JpegFeed
from edge.web.viewer_limit import ViewerLimit

HEALTH = Health(
    camera=CameraState.LIVE, detail="", source="test", fps=0.0, age_s=None, uptime_s=0.0
)


class Device:
    """A feed on a slot that the test fills, counting what it encodes."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, fps: int = 50) -> None:
        self.camera = CameraState.LIVE
        self.detail = ""
        self.encoded = 0
        self.scenes: Latest[Scene] = Latest()
        self.feed = JpegFeed(
            self.scenes,
            self._report,
            StreamConfig(fps=fps, quality=80, max_viewers=3, privacy="off"),
            lambda _: 12,
        )
        encode = simplejpeg.encode_jpeg

        def counted(*args: object, **kwargs: object) -> bytes:
            self.encoded += 1
            return encode(*args, **kwargs)

        monkeypatch.setattr(simplejpeg, "encode_jpeg", counted)

    def put(self, shade: int, age_s: float = 0.0) -> None:
        at_s = time.monotonic() - age_s
        frame = Frame(bgr=np.full((48, 64, 3), shade, np.uint8), seq=shade, captured_at_s=at_s)
        snapshot = Snapshot(seq=shade, captured_at_s=at_s, faces=(), dominant=None, stage_ms={})
        self.scenes.put(Scene(frame=frame, snapshot=snapshot))

    def _report(self) -> Report:
        health = Health(
            camera=self.camera,
            detail=self.detail,
            source="test",
            fps=0.0,
            age_s=None,
            uptime_s=0.0,
        )
        return Report(snapshot=None, health=health)


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch) -> Iterator[Device]:
    device = Device(monkeypatch)
    yield device
    device.scenes.close()


def until(truth: Callable[[], bool], within_s: float = 10.0) -> None:
    ends_s = time.monotonic() + within_s
    while not truth():
        assert time.monotonic() < ends_s, "not in time"
        time.sleep(0.02)


def shade_of(jpeg: bytes) -> int:
    return round(float(np.median(simplejpeg.decode_jpeg(jpeg, "GRAY"))))


def test_a_frame_is_encoded_once_for_all_viewers(device: Device) -> None:
    received: list[list[bytes]] = [[], [], []]

    def watch(pictures: list[bytes]) -> None:
        version = 0
        while newer := device.feed.wait_newer(version):
            version = newer[0]
            pictures.append(newer[1])

    device.put(1)
    viewers = [threading.Thread(target=watch, args=(pictures,)) for pictures in received]
    for viewer in viewers:
        viewer.start()
    for shade in range(20, 200, 20):
        time.sleep(0.06)
        device.put(shade)
    time.sleep(0.1)
    device.scenes.close()
    for viewer in viewers:
        viewer.join(2)
        assert not viewer.is_alive()
    assert device.encoded == len({jpeg for pictures in received for jpeg in pictures})
    for pictures in received:
        assert abs(shade_of(pictures[-1]) - 180) < 4
        assert len(pictures) >= 6  # of ten; a busy machine may skip some


def test_nothing_is_encoded_when_nobody_watches(device: Device) -> None:
    for shade in range(10):
        device.put(shade)
        time.sleep(0.01)
    assert device.encoded == 0


def test_no_more_pictures_a_second_than_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    device = Device(monkeypatch, fps=10)
    over = threading.Event()

    def film() -> None:
        while not over.wait(0.005):
            device.put(50)

    camera = threading.Thread(target=film)
    camera.start()
    device.feed.wait_newer(0)
    started_s, version = time.monotonic(), 1
    for _ in range(5):
        newer = device.feed.wait_newer(version)
        assert newer
        version = newer[0]
    took_s = time.monotonic() - started_s
    over.set()
    camera.join()
    assert took_s > 0.45


def test_a_snapshot_is_encoded_on_demand_and_reused(device: Device) -> None:
    device.put(100)
    first = device.feed.current_jpeg()
    assert device.feed.current_jpeg() is first
    assert device.encoded == 1
    device.put(150)
    assert abs(shade_of(device.feed.current_jpeg()) - 150) < 4


def test_another_privacy_mode_holds_from_the_next_image_on(device: Device) -> None:
    device.put(200)
    assert abs(shade_of(device.feed.current_jpeg()) - 200) < 4
    device.feed.set_privacy("boxes-only")
    assert device.feed.privacy == "boxes-only"
    assert abs(shade_of(device.feed.current_jpeg()) - 44) < 4
    device.feed.set_privacy("off")
    assert abs(shade_of(device.feed.current_jpeg()) - 200) < 4


def test_a_frame_from_before_the_change_is_not_pixelated(device: Device) -> None:
    seen: list[int] = []

    def watch() -> None:
        version = 0
        while newer := device.feed.wait_newer(version):
            version = newer[0]
            seen.append(shade_of(newer[1]))

    device.put(200)
    viewer = threading.Thread(target=watch)
    viewer.start()
    until(lambda: seen != [])
    device.feed.set_privacy("pixelate")
    del seen[:]
    time.sleep(0.5)  # it looks at the same frame again
    ends_s = time.monotonic() + 10
    while 100 not in [round(shade, -1) for shade in seen]:
        assert time.monotonic() < ends_s, seen
        device.put(100)
        time.sleep(0.04)
    device.scenes.close()
    viewer.join(5)
    assert not [shade for shade in seen if shade > 150]


def test_everything_is_dropped_when_the_last_viewer_has_left(device: Device) -> None:
    bgr = np.full((48, 64, 3), 100, np.uint8)
    frame = weakref.ref(bgr)
    at_s = time.monotonic()
    snapshot = Snapshot(seq=1, captured_at_s=at_s, faces=(), dominant=None, stage_ms={})
    device.scenes.put(Scene(frame=Frame(bgr=bgr, seq=1, captured_at_s=at_s), snapshot=snapshot))
    del bgr
    device.feed.current_jpeg()
    device.put(2)
    gc.collect()
    assert frame() is not None  # the encoder has it, for the next viewer
    until(lambda: frame() is None)
    assert device.feed.age_s() is None


def test_a_viewer_who_is_slow_still_counts_as_watching(device: Device) -> None:
    """While a part is being sent no viewer waits, and nothing is encoded either."""
    device.put(1)
    parts = device.feed.parts()
    list(islice(parts, 2))
    encoded = device.encoded
    for shade in range(2, 40):
        device.put(shade)
        time.sleep(0.05)
    assert device.encoded == encoded
    assert device.feed.age_s() is None  # too old to be called seen
    device.put(200)
    part = next(parts)
    assert abs(shade_of(part.partition(b"\r\n\r\n")[2]) - 200) < 4
    parts.close()


def test_one_thread_encodes_for_all_and_stops_at_once(device: Device) -> None:
    device.camera = CameraState.LOST

    before = set(threading.enumerate())

    def encoders() -> list[str]:
        new = set(threading.enumerate()) - before
        return [thread.name for thread in new if thread.name == "encoder"]

    versions = [0, 0, 0]

    def watch(index: int) -> None:
        while newer := device.feed.wait_newer(versions[index]):
            versions[index] = newer[0]

    viewers = [threading.Thread(target=watch, args=(index,)) for index in range(3)]
    for viewer in viewers:
        viewer.start()
    until(lambda: all(versions))
    assert encoders() == ["encoder"]
    began_s = time.monotonic()
    device.feed.stop()
    for viewer in viewers:
        viewer.join(2)
    assert time.monotonic() - began_s < 0.5
    assert encoders() == []
    assert device.feed.current_jpeg() is None


def test_a_frame_that_cannot_be_encoded_is_told_to_viewers_and_logged_once(
    device: Device, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="edge.web.encoder")
    encode = simplejpeg.encode_jpeg

    def fail(bgr: BgrImage, *args: object, **kwargs: object) -> bytes:
        if bgr.shape[1] == 64 and bgr.min() > 240:
            raise ValueError("no memory")
        return bytes(encode(bgr, *args, **kwargs))

    monkeypatch.setattr(simplejpeg, "encode_jpeg", fail)
    device.put(250)
    notice = device.feed.current_jpeg()
    assert notice is not None
    assert shade_of(notice) < 60
    device.put(251)
    assert device.feed.current_jpeg() is notice
    device.put(200)
    shown = device.feed.current_jpeg()
    assert shown is not None
    assert abs(shade_of(shown) - 200) < 4
    said = [record.message for record in caplog.records]
    assert said == [
        "web: frames cannot be shown: ValueError('no memory')",
        "web: frames can be shown again",
    ]


def test_when_nothing_at_all_can_be_encoded_the_streams_end(
    device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    device.put(100)
    newer = device.feed.wait_newer(0)
    assert newer

    def fail(*_: object, **__: object) -> bytes:
        raise MemoryError

    with monkeypatch.context() as broken:
        broken.setattr(simplejpeg, "encode_jpeg", fail)
        device.put(150)
        assert device.feed.wait_newer(newer[0]) is None
        assert device.feed.current_jpeg() is None
        assert list(device.feed.parts()) == [b"--frame\r\n"]
    device.put(200)
    until(lambda: device.feed.current_jpeg() is not None)


@pytest.mark.parametrize("camera", [CameraState.LOST, CameraState.PAUSED, CameraState.STARTING])
def test_a_notice_replaces_the_picture_when_the_camera_is_not_live(
    device: Device, camera: CameraState
) -> None:
    device.put(200)
    newer = device.feed.wait_newer(0)
    assert newer
    device.camera, device.detail = camera, "unplugged"
    changed_s = time.monotonic()
    newer = device.feed.wait_newer(newer[0])
    assert newer
    assert time.monotonic() - changed_s < 2
    assert shade_of(newer[1]) < 60
    device.camera = CameraState.LIVE
    device.put(210)
    newer = device.feed.wait_newer(newer[0])
    assert newer
    assert abs(shade_of(newer[1]) - 210) < 4


def test_a_frame_that_gets_old_gives_way_to_a_notice_within_two_seconds(device: Device) -> None:
    device.put(200)
    put_s = time.monotonic()
    newer = device.feed.wait_newer(0)
    assert newer
    newer = device.feed.wait_newer(newer[0])
    assert newer
    assert 1.5 < time.monotonic() - put_s < 2.1
    assert shade_of(newer[1]) < 60


def test_an_old_frame_is_never_shown(device: Device) -> None:
    device.put(200, age_s=3.0)
    assert shade_of(device.feed.current_jpeg()) < 60


def test_a_new_viewer_is_not_shown_what_the_last_one_saw(device: Device) -> None:
    device.put(100)
    device.feed.wait_newer(0)
    device.put(200)
    newer = device.feed.wait_newer(0)
    assert newer
    assert abs(shade_of(newer[1]) - 200) < 4


def test_before_the_first_frame_there_is_a_notice(device: Device) -> None:
    device.camera = CameraState.STARTING
    assert simplejpeg.decode_jpeg(device.feed.current_jpeg()).shape == (480, 640, 3)


def test_an_unchanged_notice_is_repeated_but_not_encoded_again(device: Device) -> None:
    device.camera = CameraState.LOST
    first = device.feed.wait_newer(0)
    assert first
    again = device.feed.wait_newer(first[0])
    assert again
    assert again[1] is first[1]
    assert device.encoded == 1


def test_a_snapshot_does_not_wait_for_a_viewer_who_waits(device: Device) -> None:
    device.camera = CameraState.LOST
    newer = device.feed.wait_newer(0)
    assert newer
    viewer = threading.Thread(target=device.feed.wait_newer, args=newer[:1])
    viewer.start()
    started_s = time.monotonic()
    device.feed.current_jpeg()
    assert time.monotonic() - started_s < 0.3
    device.scenes.close()
    viewer.join(2)


def test_every_part_ends_with_the_delimiter_of_the_next(device: Device) -> None:
    device.put(100)
    opening, part = islice(device.feed.parts(), 2)
    head, _, rest = part.partition(b"\r\n\r\n")
    assert opening == b"--frame\r\n"
    length = int(head.rpartition(b"Content-Length: ")[2])
    assert rest[length:] == b"\r\n--frame\r\n"
    assert abs(shade_of(rest[:length]) - 100) < 4


def test_the_stream_ends_with_the_scenes(device: Device) -> None:
    device.scenes.close()
    assert device.feed.wait_newer(0) is None
    assert list(device.feed.parts()) == [b"--frame\r\n"]


def test_viewers_are_limited_and_removed() -> None:
    viewers = ViewerLimit(2)
    first, second = viewers.add("a"), viewers.add("a")
    assert first
    assert second
    assert viewers.add("b") is None
    assert "a" in viewers
    viewers.remove(first)
    assert viewers.add("b")
    assert len(viewers) == 2
    viewers.remove(second)
    assert "a" not in viewers


def test_a_client_with_all_places_loses_some_to_others() -> None:
    viewers = ViewerLimit(8)
    greedy = [viewers.add(str(number), "greedy") for number in range(8)]
    assert not viewers.has_room_for("greedy")
    assert viewers.add("9", "greedy") is None
    others = [viewers.add("a", "other") for _ in range(5)]
    assert [place is not None for place in others] == [True] * 4 + [False]
    assert [place.is_lost for place in greedy if place] == [False] * 4 + [True] * 4
    third = viewers.add("b", "third")
    assert third
    assert len(viewers) == 8
    for place in (*greedy, *others, third):
        if place:
            viewers.remove(place)
    assert len(viewers) == 0


def test_a_single_place_is_kept() -> None:
    viewers = ViewerLimit(1)
    assert viewers.add("a", "one")
    assert not viewers.has_room_for("another")
    assert viewers.add("b", "another") is None


def test_events_tell_news_at_once_and_else_once_a_second() -> None:
    status = {"health": {"camera": "live", "age_ms": 1}, "viewers": 0}
    reports: Latest[Report] = Latest()
    asked = 0

    def ask() -> dict[str, object]:
        nonlocal asked
        asked += 1
        news = {"viewers": 1} if asked >= 4 else {}
        if asked < 6:
            reports.put(Report(snapshot=None, health=HEALTH))
        return {**status, "health": {"camera": "live", "age_ms": asked}, **news}

    started_s = time.monotonic()
    events = event_stream(ask, reports)
    assert '"age_ms":1' in next(events)
    assert '"age_ms":4' in next(events)
    assert time.monotonic() - started_s < 0.9
    told_s = time.monotonic()
    assert next(events).startswith("data: {")
    assert 0.8 < time.monotonic() - told_s < 1.6


def test_events_wait_for_a_report_and_ask_for_nothing_meanwhile() -> None:
    reports: Latest[Report] = Latest()
    asked: list[float] = []

    def ask() -> dict[str, object]:
        asked.append(time.monotonic())
        return {"health": {"camera": "live"}}

    events = event_stream(ask, reports)
    next(events)
    next(events)
    assert len(asked) == 2  # at the beginning, and a heartbeat later


def test_events_end_when_the_reports_do() -> None:
    reports: Latest[Report] = Latest()
    events = event_stream(lambda: {"health": {}}, reports)
    next(events)
    closing = threading.Timer(0.2, reports.close)
    closing.start()
    began_s = time.monotonic()
    assert list(events) == []
    assert time.monotonic() - began_s < 0.8  # no heartbeat is waited for
    closing.join()


def test_each_jpeg_that_is_made_is_counted(device: Device) -> None:
    made: list[None] = []
    device.feed.when_encoded(lambda: made.append(None))
    parts = device.feed.parts()
    device.put(1)
    for _ in range(2):
        next(parts)
    parts.close()
    device.scenes.close()
    assert len(made) == device.encoded == 1
