"""A Debian system in a folder: debootstrap's, kept for next time, with a fresh layer on top.

Needs root. Another processor's programs run by qemu-user, which the kernel calls for them
(binfmt_misc). Nothing of this machine is written into it but how it reaches apt's and pip's
servers, and those files go with the layer.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlparse

from boards import PI_4, PI_5, Board

ROOT = Path(__file__).parents[2]
CACHE = ROOT / ".cache" / "device"
HOST_ARCH = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
# What programs write that count as no change: caches, logs, and the folders made for that.
VOLATILE = ("dev", "mnt", "proc", "run", "sys", "tmp", "var/cache", "var/log", "var/tmp")
# Raspberry Pi OS has them too, and under qemu their installation takes minutes.
_KIND = ("--variant=minbase", "--include=ca-certificates")
FILES = ("install.sh", "pyproject.toml", "setup.py", "LICENSE")
CLONE = "root/emotion-edge"
CPUINFO = "mnt/cpuinfo"


class NoDebian(RuntimeError):
    """A system cannot be made, for want of a network perhaps."""


def unavailable(arch: str) -> str | None:
    """Say why a system of this architecture cannot be made here, or None."""
    if os.geteuid() != 0:
        return "not root"
    for tool in ("debootstrap", "chroot", "mount", "unshare"):
        if not shutil.which(tool):
            return f"{tool} is not installed"
    trial = ["unshare", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    if subprocess.run(trial, capture_output=True, check=False).returncode:
        return "this root may not mount anything"
    if arch != HOST_ARCH and not Path("/proc/sys/fs/binfmt_misc/qemu-aarch64").exists():
        return (
            "no qemu for arm64: apt install qemu-user-static binfmt-support, and mount binfmt_misc"
        )
    return None


class Chroot:
    """A running copy of a Debian system, with this project's clone in /root/emotion-edge."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder = folder
        self.clone = folder / CLONE
        self.environment = environment

    def entrance(self) -> list[str]:
        """Return what goes before a command, so that it runs in there."""
        return ["chroot", str(self.folder)]

    def run(
        self, *command: str, env: Mapping[str, str] | None = None, timeout_s: float = 1800
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in it and return what came of it, both streams in `stdout`."""
        with self.start(*command, env=env) as process:
            try:
                stdout, _ = process.communicate(timeout=timeout_s)
            except BaseException:
                os.killpg(process.pid, signal.SIGKILL)
                raise
        return subprocess.CompletedProcess(process.args, process.returncode, stdout)

    def start(self, *command: str, env: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
        """Start a command in it; its output is read by the caller."""
        return subprocess.Popen(
            [*self.entrance(), *command],
            env={**self.environment, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def path(self, name: str) -> Path:
        """Return where its /`name` lies here."""
        return self.folder / name.lstrip("/")

    @property
    def boards(self) -> tuple[Board, ...]:
        """What it can be told to be; none where this machine's own processor runs it."""
        return (PI_4, PI_5) if "QEMU_CPU" in self.environment else ()

    def become(self, board: Board) -> None:
        """Run on this board from now on."""
        self.environment["QEMU_CPU"] = board.qemu_cpu
        (self.folder / CPUINFO).write_text(board.cpuinfo())

    def snapshot(self, *, exact: bool) -> dict[str, str]:
        """Return each path outside the volatile folders with what makes it what it is.

        Exact: with each file's time of writing, so that even a rewritten one shows; otherwise with
        its content alone.
        """
        return {
            str(path.relative_to(self.folder)): _describe(path, exact=exact)
            for path in _walk(self.folder, {self.folder / name for name in VOLATILE})
        }


def changes(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """Return the paths that came, went or changed."""
    marks = {
        path: "+" if path not in before else "-" if path not in after else "~"
        for path in before.keys() | after.keys()
        if before.get(path) != after.get(path)
    }
    return [f"{mark} {path}" for path, mark in sorted(marks.items())]


def _walk(folder: Path, without: set[Path]) -> Iterator[Path]:
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        path = Path(entry.path)
        if path in without:
            continue
        yield path
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(path, without)


def _describe(path: Path, *, exact: bool) -> str:
    found = path.lstat()
    description = f"{found.st_mode:o} {found.st_uid}:{found.st_gid}"
    if path.is_symlink():
        return f"{description} -> {path.readlink()}"
    if exact and path.is_file():
        return f"{description} {found.st_ino} {found.st_size} {found.st_mtime_ns}"
    if path.is_file():
        return f"{description} {hashlib.sha256(path.read_bytes()).hexdigest()}"
    return description


@contextmanager
def debian(arch: str, suite: str, *, bare: bool = False) -> Iterator[Chroot]:
    """Give a fresh Debian `suite`; whatever is done to it is gone afterwards.

    Raises NoDebian. Bare: without /dev, /proc and /sys, for a container that brings its own.
    """
    base = _bootstrapped(arch, suite)
    with ExitStack() as cleanup:
        work = Path(cleanup.enter_context(tempfile.TemporaryDirectory(prefix="device-")))
        root = work / "root"
        try:
            _mount_layer(cleanup, base, work)
        except subprocess.CalledProcessError:
            # On a container's own overlay no other can be put: in memory, then.
            _mount(cleanup, work, "-t", "tmpfs", "tmpfs")
            _mount_layer(cleanup, base, work)
        if not bare:
            _mount(cleanup, root / "proc", "-t", "proc", "proc")
            _mount(cleanup, root / "sys", "-t", "sysfs", "-o", "ro", "sysfs")
            _mount(cleanup, root / "dev", "--bind", "/dev")
            _mount(cleanup, root / "dev/pts", "--bind", "/dev/pts")
        _share_caches(cleanup, root, arch, suite)
        environment = _connect(cleanup, root)
        copy_clone(root / CLONE)
        if arch != HOST_ARCH:
            environment["QEMU_CPU"] = PI_4.qemu_cpu
            (root / CPUINFO).write_text(PI_4.cpuinfo())
            _mount(cleanup, root / "proc/cpuinfo", "--bind", str(root / CPUINFO))
        yield Chroot(root, environment)


def _mount_layer(cleanup: ExitStack, base: Path, work: Path) -> None:
    for name in ("root", "changes", "overlay"):
        (work / name).mkdir()
    layers = f"lowerdir={base},upperdir={work / 'changes'},workdir={work / 'overlay'}"
    _mount(cleanup, work / "root", "-t", "overlay", "-o", layers, "overlay")


def copy_clone(to: Path) -> None:
    """Copy what of this clone install.sh needs."""
    to.mkdir(parents=True)
    for file in (*ROOT.glob("*.md"), *(ROOT / name for name in FILES)):
        shutil.copy2(file, to)
    skipped = shutil.ignore_patterns("__pycache__", "*.safetensors")
    for name in ("edge", "converter", "models", "systemd"):
        shutil.copytree(ROOT / name, to / name, ignore=skipped)


def _bootstrapped(arch: str, suite: str) -> Path:
    base = CACHE / f"{arch}-{suite}"
    if base.is_dir():
        return base
    CACHE.mkdir(parents=True, exist_ok=True)
    unfinished = base.with_suffix(".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    mirror = [os.environ["DEBIAN_MIRROR"]] if "DEBIAN_MIRROR" in os.environ else _mirrors()[:1]
    made = subprocess.run(
        ["debootstrap", *_KIND, f"--arch={arch}", suite, unfinished, *mirror],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if made.returncode:
        raise NoDebian(f"debootstrap: {made.stdout.splitlines()[-1]}")
    # Packages must not start their services: they would run on this machine.
    policy = unfinished / "usr/sbin/policy-rc.d"
    policy.write_text("#!/bin/sh\nexit 101\n")
    policy.chmod(0o755)
    # Nor need they outlast a power cut.
    (unfinished / "etc/dpkg/dpkg.cfg.d/90fast").write_text("force-unsafe-io\n")
    unfinished.rename(base)
    return base


def _mirrors() -> list[str]:
    """Return where this machine's own apt gets Debian from; empty for debootstrap's choice."""
    listed = _output("apt-get", "indextargets", "--format", "$(ORIGIN) $(LABEL) $(SITE)")
    lines = [line.split(" ") for line in listed]
    return [
        site
        for origin, label, site in (x for x in lines if len(x) == 3)
        if origin == label == "Debian"
    ]


def _share_caches(cleanup: ExitStack, root: Path, arch: str, suite: str) -> None:
    """Let packages that were fetched once serve the next time."""
    for name, place in (("apt", "var/cache/apt/archives"), ("pip", "mnt/pip-cache")):
        kept = CACHE / f"{name}-{arch}-{suite}"
        (kept / "partial").mkdir(parents=True, exist_ok=True)
        _mount(cleanup, root / place, "--bind", str(kept))


def _connect(cleanup: ExitStack, root: Path) -> dict[str, str]:
    """Let apt and pip in `root` reach what they reach here; return the environment for it."""
    shutil.copy2("/etc/resolv.conf", root / "etc/resolv.conf")
    apt = "".join(f"{line}\n" for line in _output("apt-config", "dump", "Acquire"))
    (root / "etc/apt/apt.conf.d/90reach").write_text(apt)
    environment = {
        **{name: value for name, value in os.environ.items() if _tells_the_way(name)},
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": "/root",
        "LC_ALL": "C.UTF-8",
        "PIP_CACHE_DIR": "/mnt/pip-cache",
    }
    for file in map(Path, ("/etc/pip.conf", "/etc/xdg/pip")):
        if file.exists():
            target = root / file.relative_to("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copytree(file, target) if file.is_dir() else shutil.copy2(file, target)
    if certificates := _pip_settings().get("cert"):
        # Under a name of its own: the package ca-certificates writes the usual one.
        shutil.copy2(certificates, root / "mnt/certificates.pem")
        environment["PIP_CERT"] = "/mnt/certificates.pem"
    for place in _local_places(_pip_settings().values()):
        if not (root / place.relative_to("/")).exists():
            _mount(cleanup, root / place.relative_to("/"), "--bind", "-o", "ro", str(place))
    return environment


def _tells_the_way(name: str) -> bool:
    return name.startswith("PIP_") or name.lower() in {"http_proxy", "https_proxy", "no_proxy"}


def _pip_settings() -> dict[str, str]:
    """Return pip's settings here by their last word, such as "cert"."""
    python = shutil.which("python3") or "python3"
    lines = _output(python, "-m", "pip", "config", "list")
    pairs = (line.partition("=") for line in lines)
    return {name.rpartition(".")[2]: value.strip("'") for name, _, value in pairs}


def _local_places(values: Iterable[str]) -> list[Path]:
    """Return the folders of this machine that pip is sent to."""
    words = (urlparse(word).path for value in values for word in value.split())
    return sorted({Path(word) for word in words if word.startswith("/") and Path(word).is_dir()})


def _output(*command: str) -> list[str]:
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    return run.stdout.splitlines()


def _mount(cleanup: ExitStack, target: Path, *how: str) -> None:
    if not target.exists():
        target.mkdir(parents=True)
    subprocess.run(["mount", *how, target], check=True)
    cleanup.callback(subprocess.run, ["umount", "--lazy", target], check=True)
