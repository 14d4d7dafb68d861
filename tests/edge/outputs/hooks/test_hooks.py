"""Hooks with real programs and a real HTTP server: what they are told, what cannot stop them."""

import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from mosquitto import eventually
from watched import report_of

from edge.config import load_config
from edge.datatypes import CameraState, Report
from edge.errors import ConfigError, OutputError, OutputRetrying
from edge.hooks_integration import open_hooks
from edge.outputs.hooks.actions import Command, Post
from edge.outputs.hooks.changes import Changes, Event
from edge.outputs.hooks.output import Hooks

EVENT = Event(kind="mood", mood="happy", faces=2)


def seen(*labels: str | None, mood: str | None = None) -> Report:
    report = report_of(0.0, labels)
    object.__setattr__(report.snapshot, "dominant", mood)
    return report


# --- which changes -------------------------------------------------------------------------------


def told(changes: Changes, report: Report, *times_s: float) -> list[tuple[str, str, int]]:
    events = [event for now_s in times_s for event in changes.events(report, now_s)]
    return [(event.kind, event.mood, event.faces) for event in events]


def test_a_change_that_lasts_is_told_once():
    changes = Changes(1.0)
    assert told(changes, seen(), 0.0, 1.0, 5.0) == [("mood", "none", 0)]
    smile = seen("happy", mood="happy")
    assert told(changes, smile, 6.0, 6.9) == []
    assert told(changes, smile, 7.0, 8.0, 99.0) == [("mood", "happy", 1), ("face", "happy", 1)]


def test_a_flicker_is_not_told():
    changes = Changes(1.0)
    smile, frown = seen("happy", mood="happy"), seen("sad", mood="sad")
    told(changes, smile, 0.0, 1.0)
    for second in range(2, 20):
        assert told(changes, frown if second % 2 else smile, second, second + 0.9) == []


def test_a_second_face_appears_and_a_leaving_one_is_silent():
    changes = Changes(0.5)
    told(changes, seen(None), 0.0, 1.0)
    assert told(changes, seen(None, None), 2.0, 3.0) == [("face", "uncertain", 2)]
    assert told(changes, seen(None), 4.0, 5.0) == []
    assert told(changes, seen(None, None), 6.0, 7.0) == [("face", "uncertain", 2)]


def test_after_a_pause_faces_appear_again_and_the_mood_only_if_it_differs():
    changes = Changes(0.5)
    smile = seen("happy", mood="happy")
    told(changes, smile, 0.0, 1.0)
    assert told(changes, report_of(0.0, ("sad",), CameraState.PAUSED), 2.0, 3.0) == []
    assert told(changes, smile, 4.0, 5.0) == [("face", "happy", 1)]


@pytest.mark.parametrize("later_s", [100.0, -100.0])
def test_a_clock_that_jumps_tells_a_change_once(later_s: float):
    changes = Changes(1.0)
    smile = seen("happy", mood="happy")
    told(changes, seen(), 0.0, 1.0)
    times_s = (1.1, later_s, later_s + 1, later_s + 2)
    assert told(changes, smile, *times_s) == [("mood", "happy", 1), ("face", "happy", 1)]


# --- a command -----------------------------------------------------------------------------------


def test_a_command_gets_the_event_and_no_shell_and_no_secret(tmp_path: Path):
    script, out = tmp_path / "hook", tmp_path / "out"
    script.write_text('#!/bin/sh\nprintf "%s\\n" "$@" >"$0.args"\nenv >"$0.env"\n')
    script.chmod(0o755)
    environment = {"PATH": os.environ["PATH"], "EMOTION_EDGE_MQTT_PASSWORD": "secret"}
    arguments = ["{mood}.wav", "{faces} {event}", f"; touch {out}", "$(id)", "{other}"]
    Command([str(script), *arguments], 10, environment)(EVENT)
    given = (tmp_path / "hook.args").read_text().splitlines()
    assert given == ["happy.wav", "2 mood", f"; touch {out}", "$(id)", "{other}"]
    variables = (tmp_path / "hook.env").read_text()
    assert "EMOTION_EDGE_MOOD=happy\n" in variables
    assert "EMOTION_EDGE_EVENT=mood\n" in variables
    assert "secret" not in variables
    assert not out.exists()


def test_a_slow_command_is_killed_with_its_children(tmp_path: Path):
    pid_file = tmp_path / "pid"
    command = Command(["sh", "-c", f"sleep 600 & echo $! > {pid_file}; wait"], 0.5)
    with pytest.raises(OutputError, match=r"^sh: not done after 0\.5 s, so it was ended"):
        command(EVENT)
    pid = int(pid_file.read_text())

    def is_gone() -> bool:
        with suppress(FileNotFoundError):
            return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
        return True

    eventually(is_gone)


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (["false"], "false: ended with exit code 1"),
        (["/nowhere/at all"], "/nowhere/at all: cannot be started: No such file or directory"),
        (["true", "a\0b"], "true: cannot be started: embedded null byte"),
    ],
)
def test_a_command_that_fails_says_why(command: list[str], reason: str):
    with pytest.raises(OutputError) as failed:
        Command(command, 5)(EVENT)
    assert str(failed.value) == reason


# --- a POST --------------------------------------------------------------------------------------


class Server:
    """A server that remembers what it was sent."""

    def __init__(self) -> None:
        self.received: list[tuple[str, dict[str, str], dict[str, Any]]] = []
        self.status = 200
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                server.received.append((self.path, dict(self.headers), json.loads(body)))
                self.send_response(server.status)
                if server.status == 302:
                    self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args: object) -> None:
                """Nothing."""

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.01,))
        self.thread.start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.http.server_port}"

    def close(self) -> None:
        self.http.shutdown()
        self.http.server_close()
        self.thread.join()


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


def test_a_post_holds_the_event_and_logs_in(server: Server):
    Post(f"http://m%40ker:p%3Aw@{server.address}/api/webhook/abc?x=1#part", 5)(EVENT)
    ((path, headers, body),) = server.received
    assert path == "/api/webhook/abc?x=1"
    assert headers["Authorization"] == "Basic bUBrZXI6cDp3"
    assert body == {"event": "mood", "mood": "happy", "faces": 2}


@pytest.mark.parametrize("status", [302, 404, 500])
def test_anything_but_a_success_is_told_without_the_path(server: Server, status: int):
    server.status = status
    with pytest.raises(OutputError) as failed:
        Post(f"http://user:secret@{server.address}/also-secret", 5)(EVENT)
    assert str(failed.value).startswith(f"http://{server.address}: answered {status}")
    assert "secret" not in str(failed.value)
    assert len(server.received) == 1


def test_a_server_that_dribbles_is_left_in_time():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        over = threading.Event()

        def dribble() -> None:
            client, _ = listening.accept()
            with client, suppress(OSError):
                while not over.wait(0.05):
                    client.sendall(b"H")

        thread = threading.Thread(target=dribble)
        thread.start()
        began_s = time.monotonic()
        with pytest.raises(OutputError, match=r"^http://127\.0\.0\.1:\d+: "):
            Post(f"http://127.0.0.1:{listening.getsockname()[1]}", 0.5)(EVENT)
        assert time.monotonic() - began_s < 20  # a limit for each packet would never end it
        over.set()
        thread.join()


# --- the output ----------------------------------------------------------------------------------


class Gate:
    """An action that waits, and remembers its events."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.may_go, self.began = threading.Event(), threading.Event()
        self.fault = ""

    def __call__(self, event: Event) -> None:
        self.events.append(event)
        self.began.set()
        assert self.may_go.wait(10)
        if self.fault:
            raise OutputError(self.fault)


@pytest.fixture
def gate() -> Gate:
    return Gate()


def test_a_slow_action_holds_nothing_up_and_only_the_newest_event_waits(gate: Gate):
    hooks = Hooks(("mood",), [gate], debounce_s=0.0)
    hooks.show(seen("happy", mood="happy"))
    assert gate.began.wait(10)
    for _ in range(50):
        for mood in ("sad", "angry", "fear"):
            hooks.show(seen(mood, mood=mood))
    gate.may_go.set()
    eventually(lambda: len(gate.events) == 2)
    assert [event.mood for event in gate.events] == ["happy", "fear"]
    hooks.close()


def test_a_failure_is_the_output_s_until_a_success(gate: Gate):
    gate.may_go.set()
    gate.fault = "aplay: ended with exit code 1"
    hooks = Hooks(("mood", "face"), [gate], debounce_s=0.0)

    def fails(*labels: str) -> bool:
        try:
            hooks.show(seen(*labels, mood=labels[0]))
        except OutputRetrying as exc:
            reasons.append(str(exc))
            return True
        return False

    reasons: list[str] = []
    eventually(lambda: fails("happy"))
    assert reasons == ["aplay: ended with exit code 1"]
    gate.fault = ""
    eventually(lambda: not fails("sad", "sad"))
    hooks.close()


# --- settings ------------------------------------------------------------------------------------


def hooks_of(**settings: Any) -> Hooks:
    return open_hooks(load_config(None, {"hooks": settings}).hooks)


def test_without_a_command_or_an_address_there_is_no_output():
    def is_used(**settings: Any) -> bool:
        return load_config(None, {"hooks": settings}).hooks.is_used

    assert not is_used()
    assert is_used(command=["true"])
    assert is_used(url="http://a/")
    assert is_used(url_file="/a")


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"command": ["no-such-program"]}, "[hooks] command = ['no-such-program']: no such"),
        ({"url_file": "/nowhere"}, "[hooks] url_file = '/nowhere': cannot read it"),
        ({"url": "http://a:b@c/"}, "expected no password in it"),
        ({"url": "ftp://a/"}, "expected an address that begins with http"),
        ({"url": "http://a/", "url_file": "/b"}, "expected url or url_file"),
        ({"on": "faces"}, "expected one of mood, face, both"),
        ({"command": [""]}, "expected a text of 1 to 128 characters"),
    ],
)
def test_a_wrong_setting_is_one_line(settings: dict[str, Any], reason: str):
    with pytest.raises(ConfigError) as refused:
        hooks_of(**settings)
    assert reason in str(refused.value)


def test_an_address_in_a_file_may_hold_a_secret(tmp_path: Path, server: Server):
    file = tmp_path / "url"
    file.write_text(f"http://user:secret@{server.address}/webhook\n")
    hooks = hooks_of(url_file=str(file), debounce_s=0.0)
    hooks.show(seen("happy", mood="happy"))
    eventually(lambda: len(server.received) == 2)
    assert {body["event"] for _, _, body in server.received} == {"mood", "face"}
    hooks.close()
    file.write_text("user:secret@host")
    with pytest.raises(ConfigError) as refused:
        hooks_of(url_file=str(file))
    assert "secret" not in str(refused.value)
