"""What a device lives through, from a clean system to one that shows no trace, step by step.

Each step is a function that takes the device and raises AssertionError. They build on one
another: `STEPS` is their order. tests/device/run runs all of them, on arm64 as well, and
test_install.py the short journey, which fits into continuous integration.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from chroot import changes
from device import SETTINGS, Device

STATE = "var/lib/emotion-edge"
RULE = "etc/polkit-1/rules.d/50-emotion-edge.rules"
# An index that does not answer, and no other way to a package.
NO_INDEX = {
    "PIP_INDEX_URL": "http://127.0.0.1:9/simple",
    "PIP_EXTRA_INDEX_URL": "",
    "PIP_FIND_LINKS": "",
    "PIP_RETRIES": "0",
}
# Copies that useradd and userdel leave of the files they change.
BACKUPS = {f"etc/{name}-" for name in ("passwd", "group", "shadow", "gshadow", "subuid", "subgid")}


def dry_run_changes_nothing(device: Device) -> None:
    before = device.system.snapshot(exact=True)
    device.promised = device.installed("--dry-run")
    assert "would be done: creating release" in device.promised
    for name in ("systemd/system/emotion-edge.service", "avahi/services/emotion-edge.service"):
        assert f"would be done: writing /etc/{name}" in device.promised
    assert (changed := changes(before, device.system.snapshot(exact=True))) == [], changed


def unsuitable_systems_are_refused(device: Device) -> None:
    for name, content, message in (
        ("usr/bin/python3", "#!/bin/sh\necho 3.9 64\n", "Python 3.9 with 64 bits, and 3.11 or"),
        ("usr/bin/python3", "#!/bin/sh\necho 3.11 32\n", "Python 3.11 with 32 bits, and 3.11 or"),
        ("usr/local/sbin/dpkg", "#!/bin/sh\necho armhf\n", "this system is armhf, which is 32-bit"),
        ("etc/os-release", "ID=fedora\nPRETTY_NAME='Fedora 43'\n", "this is Fedora 43: Raspberry"),
    ):
        path = device.system.path(name)
        there = path.read_text() if path.exists() else None
        path.write_text(content)
        if there is None:
            path.chmod(0o755)
        device.refused(message)
        if there is None:
            path.unlink()
        else:
            path.write_text(there)


@contextmanager
def small_disk(device: Device, size_mb: int) -> Iterator[Path]:
    """Give /opt no more room than this."""
    opt = device.system.path("opt")
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size_mb}m", "tmpfs", opt], check=True)
    try:
        yield opt
    finally:
        subprocess.run(["umount", opt], check=True)


def too_little_room_is_refused(device: Device) -> None:
    with small_disk(device, 60):
        assert "60 MB free" in device.refused("/opt has")


def disk_that_fills_up_is_undone(device: Device) -> None:
    device.edit("install.sh", "needed_mb=900 ", "needed_mb=90 ")
    with small_disk(device, 100) as opt:
        last = device.install("--no-start").stdout.splitlines()[-1]
        assert "No space left on device; undone: the new release, the settings" in last, last
        assert list(opt.iterdir()) == []
    device.edit("install.sh", "needed_mb=90 ", "needed_mb=900 ")
    left = changes(device.before, device.system.snapshot(exact=False))
    unexpected = [x for x in left if x[2:] not in BACKUPS and not x[2:].startswith("root/")]
    assert unexpected == [], unexpected


def failed_first_installation_leaves_only_packages(device: Device) -> None:
    result = device.install("--no-start", env=NO_INDEX)
    assert result.returncode == 1, result.stdout
    last = result.stdout.splitlines()[-1]
    assert last.startswith("install.sh: installing its packages (minutes) failed: "), last
    assert "; undone: the new release, the settings, the user emotion-edge; the log" in last, last
    paths = device.system.snapshot(exact=False)
    assert [x for x in paths if "emotion" in x and not x.startswith("root/")] == []
    device.before = device.system.snapshot(exact=False)


def clean_system_becomes_a_device(device: Device) -> None:
    said = device.installed("--no-start")
    device.first = device.current
    assert f"emotion-edge {device.first} is installed." in said
    assert_as_promised(device, said)
    assert "systemd does not run here" in said
    assert ".local:8080" in said
    code = device.system.path(f"{STATE}/access-code")
    assert f"Access code: {code.read_text().strip()}" in said
    assert len(code.read_text().strip()) == len("k7mf-2q9x-ta")
    assert code.stat().st_mode & 0o777 == 0o600
    assert code.parent.stat().st_mode & 0o777 == 0o700
    owner = device.system.run("stat", "-c", "%U", f"/{STATE}", f"/{STATE}/access-code").stdout
    assert owner.split() == ["emotion-edge", "emotion-edge"]
    assert device.system.run("id", "-nG", "emotion-edge").stdout.split() == [
        "emotion-edge",
        "video",
    ]


def assert_as_promised(device: Device, said: str) -> None:
    """Assert that what was done is what the dry run said, but for packages that came before."""
    promised = steps(device.promised, "would be done: ")
    done = steps(said.replace(device.first, device.first.partition("-")[0]), "· ")
    assert any(step.startswith("installing python3-venv ") for step in promised), promised
    expected, seen = ([step for step in x if not is_about_apt(step)] for x in (promised, done))
    assert seen == expected, f"{seen} and not {expected}"


def steps(said: str, mark: str) -> list[str]:
    """Return the steps that install.sh names after a mark."""
    return [line.removeprefix(mark) for line in said.splitlines() if line.startswith(mark)]


def is_about_apt(step: str) -> bool:
    return step.startswith(("reading apt's lists", "installing python3-venv "))


def second_run_changes_nothing(device: Device) -> None:
    before = device.system.snapshot(exact=True)
    said = device.installed("--no-start")
    assert f"nothing to change: emotion-edge {device.first} is installed" in said
    assert "·" not in said
    assert (changed := changes(before, device.system.snapshot(exact=True))) == [], changed


def faces_are_read_as_here(device: Device) -> list[str]:
    return device.assert_reads_faces()


def wrong_settings_are_refused(device: Device) -> None:
    path = device.system.path(SETTINGS)
    right = path.read_text()
    try:
        path.write_text("[web\nport = 8080\n")
        device.refused("/etc/emotion-edge/config.toml: not valid TOML: ")
        path.write_text("[web]\nprot = 8080\n")
        assert "prot" in device.refused("/etc/emotion-edge/config.toml: ")
    finally:
        path.write_text(right)


def settings_are_followed_and_kept(device: Device) -> None:
    path = device.system.path(SETTINGS)
    right = path.read_text()
    ours = right.replace("# port = 8080", "port = 8090") + (
        '[button]\nmode = "pause_and_shutdown"\n' if "\n[button]" not in right else ""
    )
    ours = ours.replace('# mode = "pause" ', 'mode = "pause_and_shutdown" ')
    path.write_text(ours)
    assert ".local:8090" in device.installed("--no-start")
    assert path.read_text() == ours
    announced = device.system.path("etc/avahi/services/emotion-edge.service").read_text()
    assert "<port>8090</port>" in announced
    assert device.system.path(RULE).is_file()
    path.write_text(right)
    device.installed("--no-start")
    assert not device.system.path(RULE).exists()
    assert "nothing to change" in device.installed("--no-start")


def given_settings_replace_the_present_ones(device: Device) -> None:
    path, old = device.system.path(SETTINGS), device.system.path(f"{SETTINGS}.old")
    given = device.system.path("root/fleet.toml")
    options = ("--no-start", "--config", "/root/fleet.toml")
    right = path.read_text()
    given.write_text('[web]\nhost = "0.0.0.0"\nport = 8091\n')
    promised = device.installed(*options, "--dry-run")
    assert path.read_text() == right
    said = device.installed(*options)
    assert steps(said, "· ") == steps(promised, "would be done: ")
    assert ".local:8091" in said
    assert path.read_text() == given.read_text()
    assert device.system.run("stat", "-c", "%a %U %G", f"/{SETTINGS}").stdout.split() == [
        "640",
        "root",
        "emotion-edge",
    ]
    assert old.read_text() == right
    assert "nothing to change" in device.installed(*options)
    assert old.read_text() == right
    given.write_text("[web]\nprot = 8091\n")
    assert "; undone: the change of the settings" in device.refused("'prot'", *options)
    given.write_text(right)
    device.installed(*options)
    for name in (given, old):
        name.unlink()


def upgrade_that_cannot_see_is_undone(device: Device) -> None:
    device.edit("edge/vision/classifier.py", "def classify(", "def classified(")
    message = "self-test: every import, one frame failed: "
    last = device.refused(message, "--no-start")
    assert f"; undone: the new release; {device.first} is untouched; the log is" in last
    device.assert_reads_faces()
    device.edit("edge/vision/classifier.py", "def classified(", "def classify(")


def upgrade_without_network_is_undone(device: Device) -> None:
    device.edit("README.md", "# emotion-edge", "# emotion-edge, without network")
    device.refused(f"{device.first} is untouched", "--no-start", env=NO_INDEX)
    device.edit("README.md", "# emotion-edge, without network", "# emotion-edge")


def upgrade_killed_in_the_middle_leaves_the_old_release(device: Device) -> None:
    device.edit("README.md", "# emotion-edge", "# emotion-edge, upgraded")
    with device.system.start("/root/emotion-edge/install.sh", "--no-start") as upgrade:
        assert upgrade.stdout is not None
        for line in upgrade.stdout:
            if "installing its packages" in line:
                os.kill(upgrade.pid, signal.SIGKILL)
                break
        upgrade.stdout.close()
    assert device.current == device.first
    assert len(device.releases()) == 2
    device.assert_reads_faces()


def next_run_takes_it_up_again(device: Device) -> None:
    said = device.installed("--no-start")
    device.second = device.current
    assert f"removing the unfinished release {device.second}" in said
    assert f"switching to {device.second}" in said
    assert device.releases() == {device.first, device.second}
    device.assert_reads_faces()


def rolling_back_goes_to_the_old_release_and_forward_again(device: Device) -> None:
    script = "/opt/emotion-edge/current/install.sh"
    result = device.install("--rollback", "--no-start", script=script)
    assert f"emotion-edge {device.first} is back" in result.stdout, result.stdout
    assert device.current == device.first
    device.assert_reads_faces()
    device.installed("--rollback", "--no-start")
    assert device.current == device.second


def uninstalling_leaves_what_a_person_may_want(device: Device) -> None:
    # Without a clone, which people delete.
    script = "/opt/emotion-edge/current/install.sh"
    result = device.install("--uninstall", script=script)
    assert result.returncode == 0, result.stdout
    *_, kept, packages = result.stdout.splitlines()
    assert kept == (
        "kept: /etc/emotion-edge, /var/lib/emotion-edge, the user emotion-edge;"
        " --uninstall --purge removes them"
    )
    assert packages.startswith("kept: the packages python3-venv python3-numpy ")
    left = changes(device.before, device.system.snapshot(exact=False))
    named = ("etc/emotion-edge", STATE, "etc/passwd", "etc/group", "etc/shadow", "etc/gshadow")
    unnamed = [x for x in left if not x[2:].startswith((*named, "root/"))]
    assert unnamed == [], unnamed
    assert any("etc/emotion-edge/config.toml" in x for x in left)


def purging_leaves_nothing(device: Device) -> None:
    said = device.installed("--uninstall", "--purge")
    assert steps(said, "kept: ")[0].startswith("the packages python3-venv python3-numpy ")
    left = changes(device.before, device.system.snapshot(exact=False))
    unexpected = [x for x in left if x[2:] not in BACKUPS and not x[2:].startswith("root/")]
    assert unexpected == [], unexpected
    assert "nothing to remove" in device.installed("--uninstall", "--purge")


STEPS = (
    dry_run_changes_nothing,
    unsuitable_systems_are_refused,
    too_little_room_is_refused,
    failed_first_installation_leaves_only_packages,
    disk_that_fills_up_is_undone,
    clean_system_becomes_a_device,
    second_run_changes_nothing,
    faces_are_read_as_here,
    wrong_settings_are_refused,
    settings_are_followed_and_kept,
    given_settings_replace_the_present_ones,
    upgrade_that_cannot_see_is_undone,
    upgrade_without_network_is_undone,
    upgrade_killed_in_the_middle_leaves_the_old_release,
    next_run_takes_it_up_again,
    rolling_back_goes_to_the_old_release_and_forward_again,
    uninstalling_leaves_what_a_person_may_want,
    purging_leaves_nothing,
)

# Two installations instead of four.
SHORT_STEPS = (
    dry_run_changes_nothing,
    unsuitable_systems_are_refused,
    too_little_room_is_refused,
    failed_first_installation_leaves_only_packages,
    clean_system_becomes_a_device,
    second_run_changes_nothing,
    faces_are_read_as_here,
    wrong_settings_are_refused,
    upgrade_that_cannot_see_is_undone,
    uninstalling_leaves_what_a_person_may_want,
    purging_leaves_nothing,
)
