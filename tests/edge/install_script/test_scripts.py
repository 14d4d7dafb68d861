"""The shell scripts themselves: ShellCheck, their rights, and tests/run."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest
from machines import ROOT, Machine


@pytest.mark.parametrize("name", ["install.sh", "tests/run", ".ci/run"])
def test_every_script_is_clean_and_executable(name: str):
    assert os.access(ROOT / name, os.X_OK)
    if not (shellcheck := shutil.which("shellcheck")):
        pytest.skip("shellcheck is not installed")
    result = subprocess.run(
        [shellcheck, "-a", ROOT / name], capture_output=True, text=True, check=False
    )
    assert result.stdout == ""


def test_the_test_command_explains_itself():
    result = subprocess.run(
        [ROOT / "tests/run", "--help"], capture_output=True, text=True, check=True, cwd="/"
    )
    assert "tests/run [--fast] [PYTEST-ARGS...]" in result.stdout


@pytest.mark.parametrize(
    ("offered", "machine_name", "expected"),
    [
        (
            "2.15.0, 2.13.0",
            "x86_64",
            ["downloads the CUDA build, about 3 GB", "0.2 GB", "/whl/cpu"],
        ),
        ("2.15.0, 2.13.0+cpu, 2.13.0", "x86_64", []),
        ("2.15.0, 2.13.0", "aarch64", []),
    ],
)
def test_the_size_of_a_cuda_build_is_told_before_it_is_downloaded(
    machine: Machine, offered: str, machine_name: str, expected: list[str]
):
    tests = machine.checkout / "tests"
    tests.mkdir()
    (tests / "constraints.txt").write_text("torch==2.13.0\n")
    functions = (ROOT / "tests/run").read_text().removesuffix('main "$@"\n')
    machine.add("uname", f"#!/bin/sh\necho {machine_name}\n")
    machine.add("offers", f"#!/bin/sh\necho 'Available versions: {offered}'\n")
    (machine.bin / "sed").symlink_to(shutil.which("sed") or "/nowhere")
    (tests / "part.sh").write_text(f"{functions}python='{machine.bin}/offers'\nwarn_of_cuda\n")
    command = [machine.bin / "bash", tests / "part.sh"]
    said = subprocess.run(
        command, env=machine.environ, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert len(said) == len(expected)
    assert all(part in line for part, line in zip(expected, said, strict=True))
