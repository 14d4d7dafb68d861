"""install.sh and the settings file: read, replaced by --config, and brought back."""

from __future__ import annotations

import grp
import os
import shutil
import sys
from pathlib import Path

import pytest
from machines import ROOT, Machine


def test_a_dry_run_goes_by_the_settings_that_are_kept(machine: Machine):
    settings = machine.checkout / "config.toml"
    settings.write_text('[web]\nauth = "none"\nport = 80\n[button]\nmode = "pause_and_shutdown"\n')
    ours = f"""dry=yes settings='{settings}' python='{sys.executable}'
        unit=/no/unit shutdown_rule=/no/rule announcement=/no/a/b state_folder=/no/state
        will_be_installed() {{ false; }}"""
    said = machine.call(
        f"{ours}; release_file() {{ :; }}; make_state /none; write_system_files /none"
    )
    done = [line.removeprefix("would be done: ") for line in said]
    assert done[0] == "creating /no/state"
    assert "creating an access code" not in done
    assert "writing /no/rule" in done
    settings.unlink()
    shutil.copy(ROOT / "systemd/config.toml", machine.checkout / "systemd")
    assert machine.call(f"{ours}; read_settings /none") == ["0.0.0.0 8080 False code off"]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"\xef\xbb\xbf[web]\r\nport = 1\r\n", []),  # as Notepad saves it: with a byte order mark
        (b"[web]\nport = a", ["not valid TOML: Invalid value (at line 2, column 8)"]),
    ],
)
def test_settings_that_the_device_reads_are_settings_for_the_installer(
    machine: Machine, content: bytes, expected: list[str]
):
    settings = machine.checkout / "config.toml"
    settings.write_bytes(content)
    said = machine.call(
        f"""fail() {{ echo "$*"; }}
        settings='{settings}' python='{sys.executable}'
        check_toml"""
    )
    assert said == [f"{settings}: {x}; correct it and run install.sh again" for x in expected]


def making_settings(machine: Machine, given: Path, then: str) -> list[str]:
    """Let make_settings run, with a group that exists; return what is printed."""
    group = grp.getgrgid(os.getgid()).gr_name
    for tool in ("cmp", "install", "ln", "mv"):
        if not (machine.bin / tool).exists():
            (machine.bin / tool).symlink_to(shutil.which(tool) or "/nowhere")
    return machine.call(
        f"""log='{machine.checkout}/log' user={group} settings='{machine.checkout}/etc/config.toml'
        given='{given}'; make_settings; {then}"""
    )


def test_given_settings_replace_the_present_ones_which_are_kept(machine: Machine):
    settings, given = machine.checkout / "etc/config.toml", machine.checkout / "fleet.toml"
    given.write_text("[web]\nport = 1\n")
    said = making_settings(machine, given, 'echo "$changes"')
    assert said == [f"· writing {settings}", "1"]
    assert settings.read_text() == given.read_text()
    assert settings.stat().st_mode & 0o777 == 0o640
    assert making_settings(machine, given, 'echo "$changes"') == ["0"]
    given.write_text("[web]\nport = 2\n")
    assert making_settings(machine, given, 'keep_old_settings; echo "$changes"')[-1] == "1"
    assert settings.read_text() == "[web]\nport = 2\n"
    assert settings.with_name("config.toml.old").read_text() == "[web]\nport = 1\n"


def test_given_settings_that_do_not_work_are_undone(machine: Machine):
    settings, given = machine.checkout / "etc/config.toml", machine.checkout / "fleet.toml"
    settings.parent.mkdir()
    settings.write_text("[web]\nport = 1\n")
    older = settings.with_name("config.toml.old")
    older.write_text("[web]\nport = 0\n")
    given.write_text("[web]\nport = 70000\n")
    before = settings.stat()
    said = making_settings(machine, given, "undo")
    assert said[-1] == "; undone: the change of the settings"
    assert settings.read_text() == "[web]\nport = 1\n"
    assert (settings.stat().st_ino, settings.stat().st_mtime) == (before.st_ino, before.st_mtime)
    assert older.read_text() == "[web]\nport = 0\n"
    assert sorted(settings.parent.iterdir()) == [settings, older]
