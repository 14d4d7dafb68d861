"""The package as a user gets it: built, installed outside the checkout, and run from there."""

import ast
import email
import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from collections.abc import Mapping
from importlib.metadata import packages_distributions
from pathlib import Path
from threading import Timer

import pytest

from converter.demo_faces import landmarks
from edge import doctor
from edge.config import load_config
from edge.vision import blazeface

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
MODEL = "edge/shipped_models/emotion_densenet121_int8"
# The system's, never pip's, or an alternative to one that pip installs.
FROM_ELSEWHERE = {"picamera2", "libcamera", "lgpio", "tflite_runtime", "fer"}
LABEL = re.compile(r'"label": "\w+"')
BUILD = "import sys; from setuptools import build_meta; print(build_meta.{}(sys.argv[1]))"


def requirements(*extras: str) -> dict[str, str]:
    """What an installation brings: the version specifiers by name."""
    lines = [*PROJECT["dependencies"]]
    for extra in extras:
        lines += PROJECT["optional-dependencies"][extra]
    matches = [re.match(r"([\w.-]+)([^;]*)", line) for line in lines]
    return {plain(match[1]): match[2] for match in matches if match}


def plain(name: str) -> str:
    """A distribution's name as PEP 503 compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def modules_of(package: str) -> set[str]:
    """The packages outside the standard library and this project that `package` imports."""
    found = set()
    for path in (ROOT / package).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                found.add(node.module.partition(".")[0])
    return found - {*sys.stdlib_module_names, "edge", "converter"}


@pytest.mark.parametrize(
    ("package", "extras"),
    [
        ("edge", ("tls", "formats")),
        pytest.param("converter", ("converter",), marks=pytest.mark.converter),
    ],
)
def test_what_is_imported_is_what_is_declared(package: str, extras: tuple[str, ...]) -> None:
    declared, distributions = requirements(*extras), packages_distributions()
    for module in modules_of(package) - FROM_ELSEWHERE:
        names = {plain(name) for name in distributions.get(module, [module])}
        assert names & declared.keys(), f"{module} is imported, and none of {names} declared"


def test_a_device_gets_no_version_that_was_never_tried() -> None:
    unbounded = [name for name, versions in requirements().items() if "<" not in versions]
    assert unbounded == []


def test_the_doctor_misses_every_package_of_the_base_install() -> None:
    with_leds = load_config(overrides={"leds": {"mode": "per_emotion"}})
    needed = doctor._needed(with_leds, on_pi=False)
    missed = {name for key in needed for name in doctor._PACKAGES[key]}
    assert requirements().keys() <= missed


def test_both_packages_trust_the_same_face_network() -> None:
    name = "face_detection_short_range.tflite"
    assert blazeface._SHA256[name] == landmarks._SHA256
    assert landmarks._WHEEL == blazeface._WHEEL


def test_a_missing_package_is_told_in_one_line() -> None:
    program = (
        "import sys; sys.modules[sys.argv.pop(1)] = None; "
        "from edge.process.entry import run; sys.exit(run())"
    )
    for module in ("tomli_w", "simplejpeg"):
        words = [module, "run", "--source", "demo", "--port", "0"]
        command = [sys.executable, "-c", program, *words]
        told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        line = rf"emotion-edge: .* {module} is not installed: run `pip.*\n"
        assert re.fullmatch(line, told.stderr), told.stderr
        assert (told.returncode, told.stdout) == (1, "")


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source distribution, built from a copy of the checkout."""
    source, built = (tmp_path_factory.mktemp(name) for name in ("source", "sdist"))
    for name in ("edge", "converter", "models"):
        skipped = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, source / name, ignore=skipped)
    for pattern in ("*.md", "LICENSE", "pyproject.toml", "setup.py"):
        for file in ROOT.glob(pattern):
            shutil.copy(file, source)
    return built / build("build_sdist", source, built)


@pytest.fixture(scope="module")
def wheel(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the unpacked source distribution."""
    unpacked, built = (tmp_path_factory.mktemp(name) for name in ("unpacked", "wheel"))
    subprocess.run(["tar", "-xf", str(sdist), "-C", str(unpacked)], check=True)
    return built / build("build_wheel", next(unpacked.iterdir()), built)


def build(hook: str, source: Path, to: Path) -> str:
    """Call one of setuptools' PEP 517 hooks in `source`, and return the name of what it made."""
    # Without build isolation, which would fetch setuptools from an index.
    command = [sys.executable, "-c", BUILD.format(hook), str(to)]
    run = subprocess.run(command, cwd=source, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr[-3000:]
    return run.stdout.splitlines()[-1]


def test_the_wheel_holds_the_programs_their_data_and_their_terms(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        (metadata,) = (n for n in names if n.endswith(".dist-info/METADATA"))
        fields = email.message_from_bytes(archive.read(metadata))
    expected = {
        str(path.relative_to(ROOT))
        for package in ("edge", "converter")
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    expected |= {f"{MODEL}.tflite", f"{MODEL}.json"}
    info = metadata.rpartition("/")[0]
    assert {name for name in names if not name.startswith(f"{info}/")} == expected
    assert {f"{info}/licenses/LICENSE", f"{info}/licenses/THIRD_PARTY_NOTICES.md"} <= names
    assert fields["Author"] == "emotion-edge developers"
    urls = fields.get_all("Project-URL", [])
    assert "Source, https://github.com/emotion-edge/emotion-edge" in urls
    assert "Typing :: Typed" in fields.get_all("Classifier", [])


def pip(*args: str, python: Path = Path(sys.executable)) -> None:
    command = [sys.executable, "-m", "pip", "--python", str(python), "install", "--no-deps"]
    command += ["--no-index", "--no-compile", "--quiet", "--disable-pip-version-check", *args]
    # On a PYTHONPATH with this checkout pip would find the package installed.
    subprocess.run(command, check=True, env=without_python(os.environ))


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment that holds the wheel, and borrows what it depends on from this one."""
    folder = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    (site,) = folder.glob("lib/python3*/site-packages")
    borrowed = site / "borrowed.pth"  # names folders alone: their own .pth files are not read
    borrowed.write_text("\n".join({sysconfig.get_path(p) for p in ("purelib", "platlib")}))
    pip(str(wheel), python=folder / "bin/python")
    return folder


def without_python(environ: Mapping[str, str]) -> dict[str, str]:
    return {k: v for k, v in environ.items() if not k.startswith(("PYTHON", "VIRTUAL"))}


def outside(folder: Path) -> dict[str, str]:
    """The environment variables of a user whose folders are all in `folder`."""
    return {**without_python(os.environ), "HOME": str(folder), "XDG_STATE_HOME": str(folder)}


def output_of(command: list[str], folder: Path, **more: str) -> str:
    run = subprocess.run(
        command,
        cwd=folder,
        env=outside(folder) | more,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return run.stdout


def test_both_programs_of_an_installed_wheel_tell_their_version(
    environment: Path, tmp_path: Path
) -> None:
    for program in ("emotion-edge", "emotion-converter"):
        for word in ("--version", "version"):
            told = output_of([str(environment / "bin" / program), word], tmp_path)
            assert told == f"{program} {PROJECT['version']}\n"


def test_an_installed_wheel_reads_faces_in_an_image(environment: Path, tmp_path: Path) -> None:
    image = str(ROOT / "screenshot.png")
    told = output_of([str(environment / "bin/emotion-edge"), "analyze", image], tmp_path)
    assert LABEL.search(told)
    where = [str(environment / "bin/python"), "-c", "import edge; print(edge.__file__)"]
    assert output_of(where, tmp_path).startswith(str(environment))


def test_a_wheel_installed_to_any_folder_finds_its_model(
    wheel: Path, environment: Path, tmp_path: Path
) -> None:
    anywhere = tmp_path / "any where"
    pip("--target", str(anywhere), str(wheel))
    (site,) = environment.glob("lib/python3*/site-packages")
    borrowed = (site / "borrowed.pth").read_text().replace("\n", os.pathsep)
    told = output_of(
        [sys.executable, "-S", "-m", "edge", "analyze", str(ROOT / "screenshot.png")],
        tmp_path,
        PYTHONPATH=f"{anywhere}{os.pathsep}{borrowed}",
    )
    assert LABEL.search(told)


def test_an_installed_wheel_runs_to_the_first_labelled_face(
    environment: Path, tmp_path: Path
) -> None:
    command = [str(environment / "bin/emotion-edge"), "run", "--source", "demo", "--port", "0"]
    with subprocess.Popen(
        ["env", "--default-signal=INT", *command],
        cwd=tmp_path,
        env=outside(tmp_path),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as device:
        patience = Timer(60, device.kill)
        patience.start()
        try:
            assert device.stderr is not None
            told = next((line for line in device.stderr if "first labelled face" in line), None)
            device.send_signal(signal.SIGINT)
            rest = device.stderr.read()
        finally:
            patience.cancel()
            device.kill()
    assert told is not None, rest
    assert device.returncode == 0, rest
