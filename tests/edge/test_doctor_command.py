"""`emotion-edge doctor` as a program: its lines, its JSON and its exit code."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from findings import CHECKS, FAIL, verdict

from edge import doctor
from edge.errors import ConfigError
from edge.system.diagnostics import REMEDIES

ROOT = Path(__file__).parents[2]


def run_doctor(settings: Path, *args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "edge", "doctor", "--port", "0", "--config", str(settings), *args],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=ROOT,
        env={**os.environ, "TERM": "dumb"},
    )


def test_the_command_prints_a_line_for_each_and_its_exit_code_says_whether_any_failed(
    tmp_path: Path,
):
    settings = tmp_path / "my.toml"
    settings.touch()  # not what may be installed on this machine
    run = run_doctor(settings, "--source", "demo")
    assert run.returncode == 0, run.stdout
    assert run.stderr == ""
    lines = [line for line in run.stdout.splitlines() if not line.startswith("      -> ")]
    assert [line.split()[1] for line in lines[:-1]] == ["config", *CHECKS]
    assert {line.split()[0] for line in lines[:-1]} <= {"pass", "warn"}
    run = run_doctor(settings, "--source", "v4l2:63")
    assert run.returncode == 1
    assert re.search(r"^FAIL  camera +USB camera 63", run.stdout, re.MULTILINE)


def test_a_bad_file_is_the_first_finding_and_a_bad_command_line_an_error(tmp_path: Path):
    settings = tmp_path / "my.toml"
    settings.write_text("[web]\nprot = 1\n")
    run = run_doctor(settings, "--source", "demo", "--json")
    report = json.loads(run.stdout)
    assert run.returncode == 1
    assert report["ok"] is False
    first, *rest = report["findings"]
    assert (first["check"], first["verdict"], first["remedy"]) == ("config", "fail", "config")
    assert first["advice"] == REMEDIES["config"]
    assert "unknown key 'prot'" in first["message"]
    assert [finding["check"] for finding in rest] == CHECKS
    assert run_doctor(settings, "--source", "teapot").returncode == 2


def test_settings_for_root_alone_are_a_matter_of_sudo(tmp_path: Path):
    denied = doctor.refused_settings(ConfigError("no"), tmp_path, may_read=lambda path: False)
    assert verdict(denied) == (FAIL, "sudo")
    wrong = doctor.refused_settings(ConfigError("no"), tmp_path, may_read=lambda path: True)
    absent = doctor.refused_settings(ConfigError("no"), tmp_path / "x", may_read=lambda path: False)
    assert verdict(wrong) == verdict(absent) == (FAIL, "config")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_the_command_without_sudo_says_sudo_and_claims_nothing(tmp_path: Path):
    settings = tmp_path / "my.toml"
    settings.touch(mode=0o200)
    run = run_doctor(settings)
    assert run.returncode == 1
    first, advice, *rest = run.stdout.splitlines()
    assert first.startswith(f"FAIL  config        {settings}: ")
    assert advice == f"      -> {REMEDIES['sudo']}"
    assert not [line for line in rest if "this machine only" in line]
