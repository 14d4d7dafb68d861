import json
import os
import pty
import re
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
import tomllib
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPResponse
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from commands import emotion_edge, one_line

from edge import __version__
from edge.cli import main
from edge.network import own_addresses


@pytest.mark.parametrize(
    ("args", "complaint", "code"),
    [
        (["analyze", "{tmp}/absent.jpg"], "absent.jpg: no such file or folder", 1),
        (["analyze", "{tmp}"], "no images in this folder", 1),
        (["analyze", "{tmp}/garbage.mp4"], "garbage.mp4: not a video", 1),
        (["run", "--source", "teapot"], "--source 'teapot': expected auto, demo", 2),
        (["run", "--config", "{tmp}/absent.toml"], "absent.toml: cannot read", 2),
        (["run", "--config", "{tmp}/typo.toml"], "unknown key 'prot' in [web]", 2),
        (["run", "--source", "v4l2:63", "--port", "0"], "/dev/video63", 1),
        (["run", "--source", "file:{tmp}/garbage.mp4", "--port", "0"], "not a video", 1),
        (["run", "--source", "images:{tmp}", "--port", "0"], "no images", 1),
        (["run", "--source", "demo", "--model", "{tmp}/no.tflite"], "no.json: cannot read", 1),
        (["run", "--source", "demo", "--host", "203.0.113.7"], "no such address", 1),
        (["run", "--source", "demo", "--host", "nosuch.invalid"], "cannot be resolved; set", 1),
        (["run", "--source", "demo", "--host", "a b"], "--host 'a b': expected an address", 2),
        (["run", "--source", "demo", "--host", "x" * 300], "': expected an address, or", 2),
        (["run", "--source", "demo", "--port", "-1"], "--port", 2),
        (["config", "--leds", "disco"], "--leds 'disco': expected one of off", 2),
    ],
)
def test_what_cannot_be_done_is_one_line_and_an_exit_code(
    tmp_path: Path, args: list[str], complaint: str, code: int
) -> None:
    (tmp_path / "garbage.mp4").write_bytes(b"garbage")
    (tmp_path / "typo.toml").write_text("[web]\nprot = 1\n")
    run = emotion_edge(*(arg.format(tmp=tmp_path) for arg in args))
    assert run.returncode == code, run.stderr
    assert complaint in one_line(run.stderr)


@pytest.mark.parametrize(
    ("args", "complaint"),
    [
        (["run", "--source", ""], "--source '': expected auto, demo, picamera2, "),
        (["run", "--port", "70000"], "--port 70000: expected a whole number from 0 to 65535"),
        (["run", "--port", "x"], "--port 'x': expected a whole number from 0 to 65535"),
        (["run", "--port", ""], "--port '': expected a whole number from 0 to 65535"),
        (["run", "--port", "9" * 5000], "--port '9999999999"),
        (["code", "--host", ""], "--host '': expected an address or a host name"),
        (["doctor", "--host", "[::1]"], "--host '[::1]': expected an address, or a name"),
        (["config", "--detector", "x"], "--detector 'x': expected one of blazeface, haar"),
        (["config", "--model", ""], "--model '': expected auto or the path of a .tflite"),
        (["config", "--model", "caf\udce9.tflite"], "--model 'caf\\udce9.tflite': expected auto"),
        (["leds", "--leds", "maybe"], "--leds 'maybe': expected one of off, per_emotion, rgb"),
        (["config", "--config", "/dev/zero"], "/dev/zero: cannot read the configuration: not a"),
    ],
)
def test_a_wrong_value_of_an_option_is_told_by_the_options_name(
    args: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(args) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"emotion-edge: {complaint}")
    assert err.count("\n") == 1


def test_without_any_camera_auto_says_what_it_looked_for_and_how_to_see_the_demo() -> None:
    if list(Path("/dev").glob("video*")):
        pytest.skip("this machine has cameras")
    run = emotion_edge("run", "--port", "0")
    assert run.returncode == 1
    assert "emotion-edge run --source demo" in one_line(run.stderr)
    assert run.stdout == ""  # no address of a page that will not be there


def test_a_port_in_use_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        run = emotion_edge("run", "--source", "demo", "--port", str(port))
    assert run.returncode == 1
    assert f"port {port}: the port is in use" in one_line(run.stderr)


def test_debug_shows_the_traceback(tmp_path: Path) -> None:
    run = emotion_edge("analyze", tmp_path, env={**os.environ, "EMOTION_EDGE_DEBUG": "1"})
    assert "Traceback" in run.stderr


def test_config_prints_toml_that_says_what_the_command_line_changed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["config", "--port", "9000", "--source", "demo"]) == 0
    settings = tomllib.loads(capsys.readouterr().out)
    assert settings["web"]["port"] == 9000
    assert settings["leds"]["mode"] == "per_emotion"


def test_config_says_where_each_value_comes_from(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "my.toml"
    file.write_text(
        f'[state]\nfolder = "{tmp_path}"\n[leds]\nmode = "rgb"\nbrightness = 0.5\n'
        "[leds.pins]\nbored = 12\n"
    )
    kept = {"brightness": 0.25, "smoothing": "calm"}
    (tmp_path / "owner-settings").write_text(json.dumps(kept))
    assert main(["config", "--config", str(file), "--port", "9000"]) == 0
    lines = capsys.readouterr().out.splitlines()
    for line in (
        *(
            "brightness = 0.25  # page",
            'mode = "rgb"  # settings file',
            "port = 9000  # command line",
        ),
        *("width = 640  # default", "min_dwell_s = 1.5  # page", "min_confidence = 0.5  # default"),
        *("bored = 12  # settings file", "angry = 5  # default", "[leds.pins]", "[schedule]"),
    ):
        assert line in lines
    assert tomllib.loads("\n".join(lines))["leds"]["brightness"] == 0.25


def test_config_prints_toml_on_any_terminal(tmp_path: Path) -> None:
    latin = {**os.environ, "PYTHONIOENCODING": "latin-1", "PYTHONUTF8": "0"}
    run = subprocess.run(
        [sys.executable, "-m", "edge", "config", "--model", "/srv/😀.tflite"],
        capture_output=True,
        env=latin,
        check=True,
    )
    assert tomllib.loads(run.stdout.decode("utf-8"))["classifier"]["model"] == "/srv/😀.tflite"


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["version"]) == 0
    assert capsys.readouterr().out == f"emotion-edge {__version__}\n"
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert (ended.value.code, capsys.readouterr().out) == (0, f"emotion-edge {__version__}\n")


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state folder of the test's own, which its commands inherit."""
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state" / "emotion-edge"


class Device:
    """`emotion-edge run` on the demo scene, in a process of its own."""

    def __init__(self, state: Path, *args: str) -> None:
        self.code_file = state / "access-code"
        self.process = subprocess.Popen(
            [sys.executable, "-m", "edge", "run", "--source", "demo", "--port", "0", *args],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as output:
            self.lines.extend(output)

    def address(self) -> str:
        deadline_s = time.monotonic() + 60
        while time.monotonic() < deadline_s:
            for line in list(self.lines):
                if "http://" in line:
                    return line.partition(" on ")[2].split()[0]
            time.sleep(0.02)
        raise AssertionError(f"no address within a minute: {self.lines}")

    def open(self, path: str, method: str = "GET") -> HTTPResponse:
        """Ask as a machine does, with the access code."""
        url = self.address() + path
        headers = {"Authorization": f"Bearer {self.code_file.read_text().strip()}"}
        request = urllib.request.Request(url, headers=headers, method=method)
        answer: HTTPResponse = urllib.request.urlopen(request, timeout=5)
        return answer

    def get(self, path: str) -> Any:
        with self.open(path) as answer:
            return json.load(answer)

    def post(self, path: str) -> Any:
        with self.open(path, "POST") as answer:
            return json.load(answer)

    def greets(self) -> bool:
        with self.open("/") as page:
            return b'id="first-minute"' in page.read()

    def end(self, number: int) -> float:
        start_s = time.monotonic()
        self.process.send_signal(number)
        self.process.wait(20)
        self._reader.join()
        return time.monotonic() - start_s


@contextmanager
def running(state: Path, *args: str) -> Iterator[Device]:
    device = Device(state, *args)
    try:
        yield device
    finally:
        if device.process.poll() is None:
            device.process.kill()
            device.process.wait()


def test_the_demo_shows_labelled_faces_and_ends_on_sigterm(state: Path) -> None:
    with running(state) as device:
        device.address()
        labelled: list[Any] = []
        deadline_s = time.monotonic() + 60
        while not labelled and time.monotonic() < deadline_s:
            snapshot = device.get("/api/status")["snapshot"]
            labelled = [f for f in (snapshot or {}).get("faces", []) if f["label"]]
            time.sleep(0.1)
        assert labelled
        assert device.get("/api/status")["health"]["healthy"]
        with device.open("/stream.mjpg") as stream:
            assert stream.read(2000)
            assert device.end(signal.SIGTERM) < 3
        assert device.process.returncode == 0
        assert any("LEDs: " in line for line in device.lines)


def test_the_demo_greets_once_even_if_the_power_fails_right_after(state: Path) -> None:
    with running(state) as device:
        assert device.greets()
        tested = device.post("/api/leds/test")
        assert [led["name"] for led in tested["leds"]][-1] == "status"
        assert tested["simulated"]
        levels = device.get("/api/status")["leds"]["levels"]
        assert levels["privacy"] > 0
        assert device.post("/api/first-minute") == {"due": False, "kept": True}
        assert not device.greets()
        device.process.kill()
    with running(state) as device:
        assert not device.greets()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("after_s", [0.0, 0.3, 1.5])
def test_a_signal_at_any_moment_ends_it_cleanly(state: Path, number: int, after_s: float) -> None:
    with running(state) as device:
        device.address()
        time.sleep(after_s)
        assert device.end(number) < 3
        assert device.process.returncode == 0
        assert not any("Traceback" in line for line in device.lines)


def test_the_access_code_is_the_same_until_a_new_one_is_asked_for(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def lines(*args: str) -> list[str]:
        assert main(["code", *args]) == 0
        return capsys.readouterr().out.splitlines()

    first = lines("--port", "8090")
    assert re.fullmatch(r"[a-z2-9]{4}-[a-z2-9]{4}-[a-z2-9]{2}", first[0])
    assert first[1:] == ["http://127.0.0.1:8090"]
    name = socket.gethostname().partition(".")[0]
    addresses = [address for address in own_addresses() if ":" not in address]
    hosts = ["127.0.0.1", *addresses, f"{name}.local"]
    assert lines("--host", "0.0.0.0")[1:] == [f"http://{host}:8080" for host in hosts]  # noqa: S104
    assert lines()[0] == first[0]
    renewed = lines("--new")[0]
    assert renewed != first[0]
    assert lines()[0] == renewed == (state / "access-code").read_text().strip()
    assert stat.S_IMODE((state / "access-code").stat().st_mode) == 0o600


def test_the_code_is_not_told_to_what_may_be_a_journal(state: Path) -> None:
    with running(state) as device:
        device.get("/api/status")
        code = device.code_file.read_text().strip()
        device.end(signal.SIGTERM)
        assert not any(code in line for line in device.lines)
        assert "access code: shown by `emotion-edge code`\n" in device.lines


def test_the_code_of_a_running_demo_comes_with_its_address(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with running(state) as device:
        url = device.address()
        assert main(["code"]) == 0
        assert capsys.readouterr().out.splitlines()[1:] == [url]
        device.end(signal.SIGTERM)
    assert not (state / "page-addresses").exists()


def test_a_person_at_a_terminal_is_told_the_code(state: Path) -> None:
    ours, theirs = pty.openpty()
    program = subprocess.Popen(
        [sys.executable, "-m", "edge", "run", "--source", "demo", "--port", "0"],
        stdout=theirs,
        stderr=subprocess.DEVNULL,
    )
    os.close(theirs)
    try:
        told = b""
        while b"access code: " not in told or not told.endswith(b"\n"):
            told += os.read(ours, 1)
    finally:
        program.kill()
        program.wait()
        os.close(ours)
    assert f"access code: {(state / 'access-code').read_text().strip()}" in told.decode()


def test_without_a_state_folder_there_is_no_page_rather_than_an_open_one(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    settings = tmp_path / "settings.toml"
    settings.write_text(f'[state]\nfolder = "{tmp_path}/file/state"\n')
    run = emotion_edge("run", "--source", "demo", "--port", "0", "--config", settings)
    assert run.returncode == 2
    assert "a file is in its place or on the way: remove it, or set" in one_line(run.stderr)
    assert run.stdout == ""


@pytest.mark.parametrize("folder", ["a\\u0000b", "~nouser/x", "/" + "x" * 300, "/dev/null"])
def test_a_state_folder_that_can_be_none_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], folder: str
) -> None:
    settings = tmp_path / "settings.toml"
    settings.write_text(f'[state]\nfolder = "{folder}"\n')
    assert main(["code", "--config", str(settings)]) == 2
    assert "[state] folder" in one_line(capsys.readouterr().err)


def test_the_demo_is_read_as_it_is_played() -> None:
    """At least four expressions, for most of the time they are held, by the whole pipeline."""
    from edge.camera.demo.scene import DemoScene
    from edge.config import load_config
    from edge.datatypes import BBox, Frame
    from edge.models import load_vision

    config = load_config()
    pipeline, scene = load_vision(config).pipeline(config), DemoScene()
    held: dict[str, list[bool]] = {}
    for seq in range(60 * 10):
        at_s = seq / 10
        snapshot = pipeline.step(Frame(bgr=scene.render(at_s), seq=seq, captured_at_s=at_s))
        for intention in scene.intended(at_s):
            if intention.label is not None:
                box: BBox = intention.box
                read = [face.label for face in snapshot.faces if face.box.iou(box) > 0.3]
                held.setdefault(intention.label, []).append(read == [intention.label])
    shares = {label: float(np.mean(hits)) for label, hits in held.items()}
    print({label: f"{share:.0%} of {len(held[label])}" for label, share in shares.items()})
    assert sum(share > 0.5 for share in shares.values()) >= 4
