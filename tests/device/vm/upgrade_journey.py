"""An upgrade and a rollback over a reboot, and power cuts while install.sh makes a release.

One upgrade is cut for real, and the next one goes over what that left. At further moments of it the
disk is copied while the machine is held: a power cut then would have left that.
"""

from __future__ import annotations

import json
import random
import time
from pathlib import Path

from kept import Kept
from pi import Pi

_RELEASES = "/opt/emotion-edge/releases"
_LOG, _STATUS = "/run/upgrade.log", "/run/upgrade.status"
_UPGRADE = (
    f"/root/emotion-edge/install.sh --offline /share/wheels > {_LOG} 2>&1; echo $? > {_STATUS}"
)
# The lines of install.sh after which, up to so many seconds later, the disk is copied.
_MOMENTS = (
    ("installing its packages", 120),
    ("self-test", 20),
    ("switching to", 5),
    ("emotion-edge", 5),  # it has ended, and says what to do
)
_RANDOM = random.Random(1)  # noqa: S311 (moments, no secrets)
# What pip noted of each file of a release, against the files.
_DAMAGED = """
import base64, csv, hashlib, json, pathlib, sys
bad, seen = [], 0
for site in pathlib.Path(sys.argv[1]).glob("lib/python3*/site-packages"):
    for record in site.glob("*.dist-info/RECORD"):
        for name, digest, size in csv.reader(record.open()):
            if not digest:
                continue
            path, seen = site / name, seen + 1
            data = path.read_bytes() if path.exists() else b""
            kind, _, expected = digest.partition("=")
            found = base64.urlsafe_b64encode(hashlib.new(kind, data).digest()).decode().rstrip("=")
            if found != expected:
                bad.append(name)
print(json.dumps([seen, bad]))
"""


def runs(pi: Pi, release: str) -> None:
    """Assert that the service runs, all of it from this release, and what it has kept is there."""
    pi.wait_until_ready()
    assert pi.release == release
    process = pi.service("MainPID")[0]
    mapped = pi.shell(f"grep -o '{_RELEASES}/[^/]*' /proc/{process}/maps | sort -u").split()
    assert mapped == [f"{_RELEASES}/{release}"], mapped
    assert pi.service("NRestarts") == ["0"], pi.journal()
    pi.promised.assert_is_there()


def is_whole(pi: Pi, release: str) -> str:
    """Assert that the files of a release are as pip noted them; return what was looked at."""
    told = pi.system.run("python3", "-c", _DAMAGED, f"{_RELEASES}/{release}")
    seen, damaged = json.loads(told.stdout)
    assert seen > 1000, told.stdout
    assert not damaged, f"{len(damaged)} of {seen} files are not as pip noted: {damaged[:10]}"
    return f"{seen} files as pip noted them"


def first_release_runs(pi: Pi) -> list[str]:
    pi.configure()
    pi.restart()
    pi.wait_until_ready()
    pi.promised = Kept(pi)
    pi.kept["first"] = pi.release
    runs(pi, pi.release)
    return [f"{pi.release}: {is_whole(pi, pi.release)}"]


def upgrade_is_cut(pi: Pi) -> list[str]:
    """Cut while pip installs the packages: the first release runs at the next start."""
    pi.share()
    pi.shell("rm -rf /root/emotion-edge && cp -r /share/clone /root/emotion-edge")
    pi.shell("echo upgraded >> /root/emotion-edge/README.md && sync")
    begin_upgrade(pi)
    wait_for_line(pi, "installing its packages")
    time.sleep(moment_s := _RANDOM.uniform(10, 120))
    pi.machine.cut()
    pi.start()
    runs(pi, pi.kept["first"])
    left = set(pi.shell(f"ls {_RELEASES}").split()) - {pi.kept["first"]}
    return [f"cut {moment_s:.0f} s into pip; beside the first release: {' '.join(left)}"]


def next_upgrade_goes_over_what_was_left(pi: Pi) -> list[str]:
    """Upgrade, and copy the disk at some moments."""
    pi.share()
    pi.promised.look()
    pi.kept["minutes"] = json.dumps(pi.promised.minutes)
    begin_upgrade(pi)
    began_s = time.monotonic()
    for number, (line, within_s) in enumerate(_MOMENTS):
        wait_for_line(pi, line)
        time.sleep(_RANDOM.uniform(0, within_s))
        pi.machine.copy_disk(cut_disk(pi, number))
    pi.wait_until(lambda: pi.system.run("test", "-s", _STATUS).returncode == 0, "it has ended")
    told = pi.read(_LOG)
    assert pi.read(_STATUS).strip() == "0", told
    assert "removing the unfinished release" in told, told
    pi.kept["second"] = pi.release
    assert pi.release != pi.kept["first"]
    runs(pi, pi.release)
    return [f"{time.monotonic() - began_s:.0f} s", *told.splitlines()]


def begin_upgrade(pi: Pi) -> None:
    pi.shell(f"rm -f {_LOG} {_STATUS}")
    pi.machine.begin("sh", "-c", _UPGRADE)


def wait_for_line(pi: Pi, line: str) -> None:
    """Wait until install.sh has printed a line that begins so."""
    look = ("grep", "-q", f"^\\(· \\)\\?{line}", _LOG)
    pi.wait_until(lambda: pi.system.run(*look).returncode == 0, line)


def cut_disk(pi: Pi, number: int) -> Path:
    return pi.machine.folder / f"cut-{number}.qcow2"


def next_boot_runs_the_new_release(pi: Pi) -> list[str]:
    pi.machine.shut_down()
    pi.start()
    runs(pi, pi.kept["second"])
    return [f"{pi.started_s:.0f} s after power on"]


def rollback_outlasts_a_reboot(pi: Pi) -> list[str]:
    told = pi.installed("--rollback")
    runs(pi, pi.kept["first"])
    pi.machine.shut_down()
    pi.start()
    runs(pi, pi.kept["first"])
    return told.splitlines()


def power_cut_at_each_moment_leaves_a_whole_release(pi: Pi) -> list[str]:
    """Start from each copy: the old release or the new one runs, and each of its files is right."""
    seen = []
    for number, (line, _) in enumerate(_MOMENTS):
        pi.machine.cut()
        pi.machine.disk = cut_disk(pi, number)
        pi.promised.minutes = json.loads(pi.kept["minutes"])
        pi.start()
        assert pi.release in (pi.kept["first"], pi.kept["second"])
        runs(pi, pi.release)
        which = "the old" if pi.release == pi.kept["first"] else "the new"
        seen.append(f"after '{line}': {which} release runs, {is_whole(pi, pi.release)}")
    return seen


UPGRADE_STEPS = (
    first_release_runs,
    upgrade_is_cut,
    next_upgrade_goes_over_what_was_left,
    next_boot_runs_the_new_release,
    rollback_outlasts_a_reboot,
    power_cut_at_each_moment_leaves_a_whole_release,
)
