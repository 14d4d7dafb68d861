"""What install.sh asks Python: with the standard library alone, and with a release's packages."""

from __future__ import annotations

import ast
import importlib.metadata
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from installer import checks

from edge.camera.demo.scene import DemoScene
from edge.config import load_config

SCRIPT = Path(checks.__file__)
SETTINGS = SCRIPT.parents[1] / "config.toml"


def ask(*question: str | Path) -> subprocess.CompletedProcess[str]:
    """Ask as install.sh does, of a Python that has no packages (-S)."""
    command = [sys.executable, "-B", "-I", "-S", SCRIPT, *question]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")


def test_a_python_without_packages_answers():
    version = "{}.{}".format(*sys.version_info[:2])
    assert ask("python").stdout == f"{version} 64\n"
    assert ask("constraints").stdout == f"# Python {version}\n"
    for question in (("can-make-venv",), ("toml", SETTINGS)):
        result = ask(*question)
        assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_a_python_as_old_as_3_6_says_its_version():
    ast.parse(SCRIPT.read_text(), feature_version=(3, 6))
    newer = {"importlib.metadata": None, "tomllib": None}  # 3.8 and 3.11
    program = f"""import runpy, sys
sys.modules.update({newer})
sys.argv = ["checks.py", "python"]
runpy.run_path({str(SCRIPT)!r}, run_name="__main__")"""
    result = subprocess.run([sys.executable, "-I", "-c", program], capture_output=True, check=False)
    assert result.returncode == 0, result.stderr


def test_numpy_is_constrained_to_the_one_that_is_there():
    assert checks.constraints().splitlines()[1:] == [
        f"numpy=={importlib.metadata.version('numpy')}"
    ]


def test_a_python_without_ensurepip_makes_no_venv(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "ensurepip", None)  # what find_spec reads for "not there"
    with pytest.raises(SystemExit, match="venv module is missing"):
        checks.can_make_venv()


def test_what_is_not_toml_is_one_line(tmp_path: Path):
    settings = tmp_path / "config.toml"
    settings.write_text("[web]\nport = a\n")
    result = ask("toml", settings)
    assert result.returncode == 1
    assert result.stderr == "not valid TOML: Invalid value (at line 2, column 8)\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (SETTINGS.read_text("utf-8"), "0.0.0.0 8080 False code off"),
        ("", "127.0.0.1 8080 False code off"),
        ('\ufeff[web]\nhost = "::"\nport = 443\ntls = true\n', ":: 443 True code off"),
        ('[web]\nauth = "none"\n[button]\nmode = "pause"\n', "127.0.0.1 8080 False none pause"),
    ],
)
def test_settings_read_with_and_without_a_release_are_the_same(
    tmp_path: Path, text: str, expected: str
):
    settings = tmp_path / "config.toml"
    settings.write_text(text, "utf-8")
    assert ask("settings-as-written", settings).stdout == f"{expected}\n"
    assert checks.settings(str(settings)) == expected


def test_the_defaults_are_those_of_the_device():
    web = load_config().web
    assert {name: getattr(web, name) for name in checks.DEFAULTS} == checks.DEFAULTS


def test_wrong_settings_are_one_line(tmp_path: Path):
    settings = tmp_path / "config.toml"
    settings.write_text("[web]\nprot = 80\n")
    with pytest.raises(SystemExit, match="prot"):
        checks.settings(str(settings))


def test_every_package_that_a_device_needs_is_imported():
    project = tomllib.loads((SETTINGS.parents[1] / "pyproject.toml").read_text())["project"]
    checked = {name.partition(".")[0].replace("_", "-") for name in checks.PACKAGES}
    modules = {"opencv-python-headless": "cv2", "paho-mqtt": "paho"}
    for line in project["dependencies"]:
        name = re.match(r"[\w-]+", line)[0].lower()
        assert modules.get(name, name) in checked | {"numpy"}  # edge.config and cv2 import it


def test_a_package_that_does_not_load_fails_the_imports(monkeypatch: pytest.MonkeyPatch):
    checks.imports()
    monkeypatch.setitem(sys.modules, "cheroot", None)
    with pytest.raises(ImportError, match="cheroot"):
        checks.imports()


def test_the_self_test_reads_a_face_and_fails_without_one(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "picamera2", None)
    assert checks.self_test() == ""
    monkeypatch.setattr(DemoScene, "render", lambda self, time_s: _empty_frame())
    with pytest.raises(SystemExit, match="found no face in a frame of the demo scene"):
        checks.self_test()


def _empty_frame():
    import numpy as np

    return np.zeros((480, 640, 3), np.uint8)


def test_the_program_may_be_read_from_standard_input():
    """The device's user may not open the clone, such as one in /root."""
    command = [sys.executable, "-B", "-I", "-S", "-", "python"]
    with SCRIPT.open() as program:
        result = subprocess.run(command, stdin=program, capture_output=True, text=True, check=True)
    assert result.stdout.endswith(" 64\n")


@pytest.mark.parametrize("question", [(), ("who",)])
def test_an_unknown_question_is_refused(question: tuple[str, ...]):
    result = ask(*question)
    assert result.returncode == 2
    assert result.stderr.startswith("usage: checks.py QUESTION [FILE]; questions: python, ")
