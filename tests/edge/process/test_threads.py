"""A machine that has no thread to give: one error, and nothing left half open."""

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest
from flask import Flask

from edge.camera.fake_v4l2 import FakeUsbCamera
from edge.camera.v4l2 import V4l2Camera
from edge.config import load_config
from edge.datatypes import Report
from edge.errors import ResourceError
from edge.leds.leds import Leds
from edge.leds.pins import open_pin_factory
from edge.outputs.fanout import FanOut
from edge.process.threads import start_thread
from edge.service import Service
from edge.web.server.server import WebServer

LABELS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
# More than any address space has: the system refuses a thread with such a stack.
_ENDLESS_BYTES = 1 << 46


@pytest.fixture
def no_threads() -> Iterator[None]:
    before = threading.stack_size(_ENDLESS_BYTES)
    yield
    threading.stack_size(before)


class Sink:
    name = "sink"

    def __init__(self) -> None:
        self.closed = False

    def show(self, report: Report) -> None:
        raise AssertionError("there is no thread to show it")

    def close(self) -> None:
        self.closed = True


def test_a_thread_that_cannot_be_had_is_named(no_threads: None):
    with pytest.raises(ResourceError, match=r"thread 'look'.*ulimit"):
        start_thread("look", lambda: None)


def test_a_thread_of_ours_is_a_daemon():
    thread = start_thread("look", lambda: None)
    thread.join()
    assert thread.daemon
    assert thread.name == "look"


def test_outputs_are_closed_again(no_threads: None):
    sinks = [Sink(), Sink()]
    with pytest.raises(ResourceError, match="sink-sink"):
        FanOut(sinks)
    assert all(sink.closed for sink in sinks)


def test_leds_let_go_of_their_pins(no_threads: None):
    pytest.importorskip("gpiozero", reason="gpiozero is not installed")
    config = load_config(overrides={"leds": {"mode": "per_emotion"}}).leds
    with open_pin_factory("mock") as pins:
        with pytest.raises(ResourceError, match="leds"):
            Leds(config, LABELS, pins)
        assert pins.pin(config.pins["happy"]).function == "input"


def test_a_camera_is_closed_again(no_threads: None):
    usb = FakeUsbCamera(0, fps=30)
    with pytest.raises(ResourceError, match="video0"):
        V4l2Camera(load_config().camera, 0, open_capture=usb.open)
    threading.stack_size(0)
    V4l2Camera(load_config().camera, 0, open_capture=usb.open).close()


def test_a_server_gives_its_port_back(no_threads: None):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = WebServer(Flask("test"), "127.0.0.1", port, threads=2)
    with pytest.raises(ResourceError, match="web"):
        server.start()
    server.stop()
    socket.create_server(("127.0.0.1", port)).close()


def test_a_service_closes_its_camera(no_threads: None):
    class Camera:
        name, closed = "camera", False

        def read(self, timeout_s: float) -> None:
            raise AssertionError("there is no thread to read it")

        def close(self) -> None:
            self.closed = True

    camera, outputs = Camera(), FanOut([])
    service = Service(lambda: camera, None, outputs, load_config().camera)  # type: ignore[arg-type,return-value]
    with pytest.raises(ResourceError, match="capture"):
        service.run()
    assert camera.closed


@pytest.mark.parametrize("given", [0, 3, 7])
def test_a_device_without_its_threads_says_so_and_ends(given: int):
    """It gets the first ones only: none, those up to its outputs, up to some of the server's."""
    program = f"""
import sys, threading
start, left = threading.Thread.start, [{given}]
def start_while_there_are_any(thread):
    if not left[0]:
        threading.stack_size({_ENDLESS_BYTES})
    left[0] -= 1
    start(thread)
threading.Thread.start = start_while_there_are_any
from edge.__main__ import main
sys.argv = ["emotion-edge", "run", "--source", "demo", "--port", "0"]
sys.exit(main())
"""
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert run.returncode == 1
    (complaint,) = [line for line in run.stderr.splitlines() if not line.startswith("INFO")]
    assert complaint.startswith("emotion-edge: cannot start the thread")
