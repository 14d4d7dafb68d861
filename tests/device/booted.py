"""A Debian system with systemd as its first process, in a container that shares the network."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from chroot import HOST_ARCH, Chroot

_BOOT_S = 90.0
_PACKAGES = ("systemd", "systemd-sysv", "dbus")


def unbootable(arch: str) -> str | None:
    """Say why no system of this architecture can be booted here, or None."""
    if arch != HOST_ARCH:
        return "systemd does not run under qemu-user"
    if not shutil.which("systemd-nspawn"):
        return "systemd-nspawn is not installed (apt install systemd-container)"
    return None


class Booted(Chroot):
    """A system that runs: commands are children of its own processes' world."""

    def __init__(self, system: Chroot, leader: int) -> None:
        """`leader` is systemd's process as this machine numbers it."""
        super().__init__(system.folder, system.environment)
        self._leader = leader

    def entrance(self) -> list[str]:
        return ["nsenter", "--target", str(self._leader), "--all", "--root", "--wd"]


@contextmanager
def booted(system: Chroot) -> Iterator[Booted]:
    """Boot a bare system, and shut it down afterwards."""
    nspawn = ["systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--console=pipe"]
    nspawn += ["--resolv-conf=off", f"--directory={system.folder}"]
    for command in (["update"], ["install", "-y", "--no-install-recommends", *_PACKAGES]):
        subprocess.run(
            [*nspawn, "apt-get", "-q", *command],
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
    with subprocess.Popen(
        [*nspawn, "--boot"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.STDOUT,
    ) as container:
        try:
            yield _up(system, container)
        finally:
            container.terminate()  # an orderly shutdown
            container.wait(60)


def _up(system: Chroot, container: subprocess.Popen[bytes]) -> Booted:
    """Wait until the system says that its start is over."""
    deadline_s = time.monotonic() + _BOOT_S
    while time.monotonic() < deadline_s and container.poll() is None:
        for leader in _children(container.pid):
            running = Booted(system, leader)
            state = running.run("systemctl", "is-system-running", "--wait").stdout.split()
            if state and state[-1] in {"running", "degraded"}:
                return running
        time.sleep(0.2)
    raise AssertionError("systemd does not start in a container here")


def _children(pid: int) -> list[int]:
    try:
        return [int(x) for x in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []
