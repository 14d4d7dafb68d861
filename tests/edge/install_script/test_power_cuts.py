"""install.sh and a power cut: what it relies on at the next start is on the disk by then."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from machines import Machine

# Notes the file system that it is told to write, and what it would find there.
_SYNC = """#!/bin/sh
echo "sync $*" >> "$CALLS"
ls -A "$LOOK" >> "$CALLS"
"""


@pytest.fixture
def told(machine: Machine) -> Machine:
    """A machine that notes what is synchronized, and what is in the folder "look" then."""
    machine.add("sync", _SYNC)
    for tool in ("basename", "install", "ln", "ls", "readlink", "touch"):
        if not (machine.bin / tool).exists():
            (machine.bin / tool).symlink_to(shutil.which(tool) or "/nowhere")
    look = machine.checkout / "look"
    look.mkdir()
    machine.environ["LOOK"] = str(look)
    return machine


def look(machine: Machine) -> Path:
    return Path(machine.environ["LOOK"])


def test_a_release_is_complete_only_once_its_files_are_on_the_disk(told: Machine):
    release = look(told)
    (release / "source/systemd").mkdir(parents=True)
    (release / "source/install.sh").touch()
    told.call(f"complete_release '{release}'")
    assert told.calls.read_text().splitlines() == [f"sync -f -- {release}", "install.sh", "systemd"]
    assert (release / "complete").exists()


def test_a_file_of_the_system_is_on_the_disk_before_it_has_its_name(told: Machine):
    told.call(f"""umask 022; write_now '{look(told)}/unit' text""")
    assert told.calls.read_text().splitlines() == [f"sync -- {look(told)}/unit.new", "unit.new"]
    assert (look(told) / "unit").read_text() == "text\n"


def test_the_change_to_a_release_is_on_the_disk_before_the_service_starts(told: Machine):
    told.call(f"root='{look(told)}'; switch_to 2 1")
    assert told.calls.read_text().splitlines() == [f"sync -- {look(told)}", "current", "previous"]


def test_new_settings_are_on_the_disk_before_they_replace_the_others(told: Machine):
    settings, given = look(told) / "config.toml", told.checkout / "given.toml"
    settings.write_text("before\n")
    given.write_text("given\n")
    told.call(
        f"""log='{told.checkout}/log' given='{given}' settings='{settings}' user=$(id -gn)
        cmp() {{ false; }}
        make_settings"""
    )
    synchronized, *seen = told.calls.read_text().splitlines()
    assert synchronized == f"sync -- {settings}.new"
    assert seen == ["config.toml", "config.toml.before", "config.toml.new"]
    assert settings.read_text() == "given\n"
