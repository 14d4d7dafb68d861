"""Viewers on loopback who stall, leave and crowd, and what the others get."""

import json
import socket
import threading
import time
from contextlib import closing
from http.client import HTTPResponse

import pytest
from noise_device import MAX_VIEWERS, Device, ask, noise_device, open_stream, reset
from waiting import eventually

from edge.datatypes import CameraState

device = pytest.fixture(noise_device)


def parts_in(viewer: socket.socket, duration_s: float) -> int:
    """Return how many frames arrive in that time."""
    ends_s, count, tail = time.monotonic() + duration_s, 0, b""
    while time.monotonic() < ends_s:
        tail += viewer.recv(65536)
        count += tail.count(b"--frame\r\n")
        tail = tail[-8:]
    return count


def test_a_stalled_viewer_is_dropped_and_slows_nobody(device: Device) -> None:
    with closing(open_stream(device)) as reader:
        before = parts_in(reader, 2)
        with closing(open_stream(device, receive_bytes=4096)):
            eventually(lambda: len(device.feed.viewers) == 2, 2)
            started_s = time.monotonic()
            beside = parts_in(reader, 2)
            while len(device.feed.viewers) == 2 and time.monotonic() - started_s < 8:
                parts_in(reader, 0.1)
            assert time.monotonic() - started_s < 6.5  # six and the moment it takes to fill up
        after = parts_in(reader, 2)
    assert beside > 0.7 * min(before, after)  # the machine may be busier at one time than another
    assert before > 0


def test_viewers_who_leave_abruptly_leave_no_thread_and_no_seat(device: Device) -> None:
    eventually(lambda: device.scenes.get() is not None, 2)
    before = threading.active_count()
    for round_number in range(20):
        with ask(device, "/") as answer:
            assert answer.read()
        for path in ("/stream.mjpg", "/events"):
            viewer = open_stream(device, path)
            if round_number % 2:
                assert viewer.recv(100)
            reset(viewer)
        time.sleep(0.05)
    eventually(lambda: len(device.feed.viewers) == 0, 4)
    assert threading.active_count() == before
    with ask(device, "/api/status") as answer:
        assert json.loads(answer.read())["viewers"] == 0


@pytest.mark.parametrize("path", ["/stream.mjpg", "/events"])
def test_viewers_beyond_the_cap_are_told_so_and_places_come_back(device: Device, path: str) -> None:
    viewers = [open_stream(device, path) for _ in range(MAX_VIEWERS)]
    assert all(viewer.recv(100).startswith(b"HTTP/1.1 200") for viewer in viewers)
    with ask(device, path) as answer:
        assert answer.status == 503
        assert answer.getheader("Retry-After") == "5"
        assert b"Too many viewers" in answer.read()
    with ask(device, "/healthz") as answer:
        assert answer.status == 200
    reset(viewers.pop())

    def is_free() -> bool:
        with ask(device, path, "HEAD") as answer:
            return answer.status == 200

    eventually(is_free, 3)
    for viewer in viewers:
        viewer.close()


def test_the_stream_shows_a_lost_camera_within_two_seconds(device: Device) -> None:
    def next_length(reader: HTTPResponse) -> int:
        while not (line := reader.readline()).startswith(b"Content-Length"):
            assert line
        return int(line.split(b":")[1])

    with ask(device, "/stream.mjpg") as reader:
        picture = next_length(reader)
        device.camera = CameraState.LOST
        lost_s = time.monotonic()
        while next_length(reader) > picture / 2:  # noise is large, a notice is small
            assert time.monotonic() - lost_s < 2
        device.camera = CameraState.LIVE
        while next_length(reader) < picture / 2:
            assert time.monotonic() - lost_s < 5


def test_events_arrive_and_do_not_queue(device: Device) -> None:
    with ask(device, "/events?viewer=me") as reader:
        assert reader.getheader("Content-Type", "").startswith("text/event-stream")
        event = json.loads(reader.readline().removeprefix(b"data: "))
        assert event["health"]["camera"] == "live"
        assert event["watching"] is False
