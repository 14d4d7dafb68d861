"""The disks of the virtual machines: a Debian 13 with its own kernel, and what is shared with it.

A base is made once for each architecture, in .cache/device/vm. It holds the packages that
Raspberry Pi OS has and that install.sh would get from apt; the wheels that it installs lie on a
second disk. A run writes into an overlay of its own.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import uuid
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import wheels
from chroot import CACHE, HOST_ARCH, ROOT, Chroot, copy_clone, debian

FOLDER = CACHE / "vm"
# PyPI has lgpio, which Debian does not, for Debian 12's Python and not for Debian 13's.
SUITES = {"amd64": "trixie", "arm64": "bookworm"}
FRAMES = 40
_DISK_GB = 6
_PACKAGES = (
    *("initramfs-tools", "systemd-sysv", "udev", "dbus", "polkitd"),
    *("qemu-guest-agent", "iproute2", "procps", "kmod", "v4l-utils", "gpiod"),
    # What install.sh wants, but for python3-picamera2, which Debian does not have.
    *("python3-venv", "python3-numpy", "python3-gpiozero"),
    *("python3-cryptography", "avahi-daemon", "avahi-utils", "qrencode"),
)
_NETWORK = "[Match]\nType=ether\n[Network]\nDHCP=ipv4\nLinkLocalAddressing=no\n"
# As Raspberry Pi OS has it: 99-com.rules of raspberrypi-sys-mods.
_GPIO_RULE = 'SUBSYSTEM=="gpio", GROUP="gpio", MODE="0660"\n'
# No person looks at a console, and no disk is looked after.
_UNUSED = (
    *("getty@tty1.service", "serial-getty@ttyS0.service", "serial-getty@ttyAMA0.service"),
    *("systemd-binfmt.service", "systemd-pstore.service", "e2scrub_reap.service"),
    *("apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer"),
    *("e2scrub_all.timer", "fstrim.timer"),
)


@dataclass(frozen=True, kw_only=True)
class Base:
    """A disk and the kernel that starts from it."""

    arch: str
    disk: Path
    kernel: Path
    initrd: Path


def base(arch: str) -> Base:
    """Return the base of an architecture; made when it is missing."""
    folder = FOLDER / arch
    found = Base(
        arch=arch, disk=folder / "base.raw", kernel=folder / "vmlinuz", initrd=folder / "initrd.img"
    )
    if not found.disk.exists():
        folder.mkdir(parents=True, exist_ok=True)
        _make(found)
    return found


def overlay(of: Path, path: Path) -> Path:
    """Make a disk at `path` that holds only what differs from the disk `of`."""
    kind = "raw" if of.suffix == ".raw" else "qcow2"
    path.unlink(missing_ok=True)
    command = ["qemu-img", "create", "-q", "-f", "qcow2", "-F", kind, "-b", of.resolve(), path]
    subprocess.run(command, check=True)
    return path


def shared(arch: str, path: Path) -> Path:
    """Make a disk that holds the clone and its wheels."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        copy_clone(folder / "clone")
        shutil.copytree(wheels.folder(arch, SUITES[arch]), folder / "wheels")
        if arch != HOST_ARCH:
            shutil.copytree(wheels.site(arch, SUITES[arch]), folder / "site")
            wheels.precompile(folder / "clone", SUITES[arch])
        path.unlink(missing_ok=True)
        _make_disk(path, folder, megabytes=700)
    return path


def _make_disk(path: Path, folder: Path, megabytes: int) -> None:
    """Make a sparse ext4 disk that holds what is in a folder."""
    make = ["mkfs.ext4", "-q", "-L", "share", "-m", "0", "-d", folder, path, f"{megabytes}M"]
    subprocess.run(make, check=True, capture_output=True)


def frames() -> Path:
    """Return a folder with frames of the demo, as JPEGs of 640x480."""
    folder = FOLDER / "frames"
    if not folder.is_dir():
        folder.mkdir(parents=True)
        program = (
            "import sys, cv2; from edge.camera.demo.scene import DemoScene\n"
            "for number in range(int(sys.argv[2])):\n"
            "    path = f'{sys.argv[1]}/{number:03}.jpg'\n"
            "    assert cv2.imwrite(path, DemoScene().render(1 + number / 10))\n"
        )
        command = [sys.executable, "-c", program, folder, str(FRAMES)]
        subprocess.run(command, cwd=ROOT, check=True)
    return folder


def _make(new: Base) -> None:
    """Install the packages, and copy the system to a disk."""
    with debian(new.arch, SUITES[new.arch]) as system, ExitStack() as cleanup:
        _install(system, f"linux-image-{new.arch}")
        _configure(system)
        (vmlinuz,) = system.path("boot").glob("vmlinuz-*")
        (initrd,) = system.path("boot").glob("initrd.img-*")
        shutil.copyfile(vmlinuz, new.kernel)
        shutil.copyfile(initrd, new.initrd)
        unfinished = new.disk.with_suffix(".unfinished")
        unfinished.unlink(missing_ok=True)
        subprocess.run(["truncate", "-s", f"{_DISK_GB}G", unfinished], check=True)
        subprocess.run(["mkfs.ext4", "-q", "-L", "root", unfinished], check=True)
        target = Path(cleanup.enter_context(tempfile.TemporaryDirectory(prefix="vm-")))
        subprocess.run(["mount", "-o", "loop", unfinished, target], check=True)
        try:  # -x: without what is mounted in there
            subprocess.run(["cp", "-ax", f"{system.folder}/.", target], check=True)
        finally:
            subprocess.run(["umount", target], check=True)
        unfinished.rename(new.disk)


def _install(system: Chroot, *kernel: str) -> None:
    for command in (
        ["apt-get", "-q", "update"],
        ["apt-get", "-q", "install", "-y", "--no-install-recommends", *_PACKAGES, *kernel],
    ):
        run = system.run(*command, env={"DEBIAN_FRONTEND": "noninteractive"})
        assert run.returncode == 0, run.stdout


def _configure(system: Chroot) -> None:
    """Make a system of its own from a folder: services start, and writes outlast a power cut."""
    for name in (
        "usr/sbin/policy-rc.d",
        "etc/dpkg/dpkg.cfg.d/90fast",
        "etc/apt/apt.conf.d/90reach",
    ):
        system.path(name).unlink()
    for name in ("etc/pip.conf", "etc/resolv.conf"):
        system.path(name).unlink(missing_ok=True)
    shutil.rmtree(system.path("etc/xdg/pip"), ignore_errors=True)
    shutil.rmtree(system.clone)
    _write(system, "etc/fstab", "/dev/vda / ext4 defaults,errors=remount-ro 0 1\n")
    _write(system, "etc/hostname", "emotion-pi\n")
    _write(system, "etc/hosts", "127.0.0.1 localhost\n127.0.1.1 emotion-pi\n")
    _write(system, "etc/systemd/network/wired.network", _NETWORK)
    _write(system, "etc/udev/rules.d/99-gpio.rules", _GPIO_RULE)
    _write(system, "etc/machine-id", f"{uuid.uuid4().hex}\n")
    # Only what these machines need before their disk is there: a third of the time of a start.
    _write(system, "etc/initramfs-tools/conf.d/small", "MODULES=list\n")
    _write(system, "etc/initramfs-tools/modules", "virtio_pci\nvirtio_blk\next4\n")
    for command in (
        ("groupadd", "--system", "gpio"),
        ("useradd", "--create-home", "maker"),
        ("systemctl", "enable", "systemd-networkd"),
        ("systemctl", "mask", *_UNUSED),
        ("update-initramfs", "-u"),
        # What the first start would do: emulated, it takes minutes.
        ("systemd-hwdb", "update"),
        ("touch", "/etc/.updated", "/var/.updated"),
    ):
        run = system.run(*command)
        assert run.returncode == 0, run.stdout


def _write(system: Chroot, name: str, text: str) -> None:
    path = system.path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
