"""The command line: wrong values, settings and the version."""

import json
import os
import socket
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from commands import emotion_edge, one_line
from demo_program import own_state

from edge import __version__
from edge.cli import main

state = pytest.fixture(autouse=True)(own_state)


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
