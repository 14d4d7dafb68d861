"""install.sh on machines that lack what it needs, and what it says of its options."""

from __future__ import annotations

import shutil

import pytest
from machines import Machine, assert_refused

OPTIONS = (
    *("--demo", "--upgrade", "--rollback", "--uninstall", "--purge", "--offline", "--config"),
    *("--no-start", "--dry-run", "RUN-ARGS"),
)


def test_help_names_every_option(machine: Machine):
    result = machine.install("--help")
    assert result.returncode == 0
    assert [option for option in OPTIONS if option not in result.stdout] == []


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("--demo", "--prot", "80"), "unknown option --prot"),
        (("extra",), "unknown option extra"),
        (("--upgrade", "--", "--port", "80"), "unknown option --port"),
        (("--demo", "--rollback"), "--demo and --rollback exclude each other"),
        (("--uninstall", "--upgrade"), "--uninstall and --upgrade exclude each other"),
        (("--purge",), "--purge goes with --uninstall"),
        (("--demo", "--dry-run"), "--dry-run does not go with --demo"),
        (("--uninstall", "--no-start"), "--no-start does not go with --uninstall"),
        (("--offline",), "--offline needs a folder of wheels, not ''"),
        (("--offline", "nowhere"), "--offline needs a folder of wheels, not 'nowhere'"),
        (("--config",), "--config needs a file of settings, not ''"),
        (("--config", "/"), "--config needs a file of settings, not '/'"),
        (("--rollback", "--config", "/etc/passwd"), "--config does not go with --rollback"),
        (("--rollback", "--offline", "/"), "--offline does not go with --rollback"),
    ],
)
def test_any_other_use_is_explained(machine: Machine, args: tuple[str, ...], message: str):
    assert_refused(machine.install(*args), 2, message)


@pytest.mark.parametrize("option", ["--no-start", "--upgrade", "--rollback", "--dry-run"])
def test_without_root_the_system_is_left_alone(machine: Machine, option: str):
    machine.add("id", "#!/bin/sh\necho 1000\n")
    assert_refused(machine.install(option), 2, "permission denied: run sudo ./install.sh")
    assert_refused(machine.install(), 2, "permission denied: run sudo ./install.sh")


def test_a_32_bit_machine_is_refused_before_anything_is_touched(machine: Machine):
    machine.add("id", "#!/bin/sh\necho 0\n")
    machine.add("uname", "#!/bin/sh\necho armv6l\n")
    assert_refused(machine.install(), 1, "this is a armv6l: inference needs a 64-bit system")


def test_a_machine_without_python_is_told_what_it_needs(machine: Machine):
    assert_refused(machine.install("--demo"), 1, "Python 3.11 or newer is needed, found none")


def test_an_old_python_is_named(machine: Machine):
    machine.add_python(version="3.9")
    assert_refused(machine.install("--demo"), 1, "Python 3.11 or newer is needed, found 3.9")


def test_a_32_bit_python_will_not_do(machine: Machine):
    machine.add_python(bits=32)
    assert_refused(machine.install("--demo"), 1, "found a 32-bit one")


def test_a_newer_python_beside_an_old_one_is_taken(machine: Machine):
    machine.add_python(version="3.9")
    machine.add_python("python3.12", version="3.12")
    result = machine.install("--demo", "--no-start")
    assert result.returncode == 0
    assert "creating .venv with Python 3.12" in result.stdout


def test_a_32_bit_system_is_refused(machine: Machine):
    machine.add_python()
    machine.add("uname", "#!/bin/sh\necho armv7l\n")
    assert_refused(machine.install("--demo"), 1, "this is a armv7l: inference needs a 64-bit")


def test_a_missing_venv_module_names_the_command(machine: Machine):
    machine.add_python(version="3.13", venv_module="exit 1")
    result = machine.install("--demo")
    assert_refused(result, 1, "venv module is missing; run: sudo apt install python3.13-venv")
    assert not (machine.checkout / ".venv").exists()
    assert not list(machine.checkout.parent.glob("emotion-edge-install.*"))


def test_root_installs_the_missing_venv_module(machine: Machine):
    machine.add_python(venv_module='test -e "$CALLS.venv"')
    machine.add("id", "#!/bin/sh\necho 0\n")
    machine.add("apt-get", '#!/bin/sh\necho "apt-get $*" >> "$CALLS"; echo > "$CALLS.venv"\n')
    result = machine.install("--demo", "--no-start")
    assert result.returncode == 0, result.stderr
    assert machine.count("apt-get update") == 1
    assert machine.count("apt-get install -y python3.11-venv") == 1


def test_without_a_password_sudo_is_used_else_it_is_not(machine: Machine):
    machine.add_python(venv_module="exit 1")
    machine.add("id", "#!/bin/sh\necho 1000\n")
    machine.add("apt-get", "#!/bin/sh\nexit 0\n")
    machine.add("sudo", "#!/bin/sh\nexit 1\n")
    assert_refused(machine.install("--demo"), 1, "run: sudo apt install python3.11-venv")
    machine.add("sudo", '#!/bin/sh\nshift; echo "sudo $*" >> "$CALLS"; exec "$@"\n')
    assert "installing python3.11-venv" in machine.install("--demo").stdout
    assert machine.count("sudo sh -c apt-get update") == 1


def test_without_its_parts_it_is_refused(machine: Machine):
    shutil.rmtree(machine.checkout / "systemd" / "installer")
    assert_refused(machine.install("--demo"), 1, "run the install.sh of a whole clone")
