"""A virtual machine: started, cut from its power, connected to a network and taken off it."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path

from agent import Agent, AgentSilent
from device import free_port
from images import Base

# Emulated in software everywhere: what a machine's own virtualization saves is not needed here.
_START_S = 600.0
_ORDERLY_S = 180.0
_COMMON = ("-accel", "tcg,thread=multi", "-smp", "2", "-m", "2048")
_MACHINES = {
    # Without FMA, of which each number is computed in software: inference takes half as long.
    "amd64": ("qemu-system-x86_64", "-machine", "q35", "-cpu", "Nehalem"),
    "arm64": ("qemu-system-aarch64", "-machine", "virt", "-cpu", "cortex-a72"),
}
# Now and then an emulator with two processors runs kernel code that is being patched (int3).
_PANIC = "Kernel panic - not syncing: Fatal exception in interrupt"
# Mitigations of faults that an emulated processor does not have: with page table isolation each
# system call would empty its TLB. With clocks that it trusts the kernel patches itself less often,
# and does not take a busy emulator for a broken timer.
_QUICK = "mitigations=off nokaslr tsc=reliable no_timer_check systemd.show_status=no"
_CONSOLES = {"amd64": "ttyS0", "arm64": "ttyAMA0"}


def processor(arch: str) -> list[str]:
    """Return qemu's name and what makes the bare machine."""
    return [*_MACHINES[arch], *_COMMON]


def missing_programs(arch: str) -> list[str]:
    """Return what this machine lacks to start one."""
    needed = (_MACHINES[arch][0], "qemu-img", "mkfs.ext4", "debootstrap", "fdtput")
    return [name for name in needed if not shutil.which(name)]


class Machine:
    """A machine with a disk; the folder holds its sockets and its console's output.

    Its disk keeps what it has written when its power is cut, and loses what is only in its memory.
    """

    def __init__(
        self,
        base: Base,
        disk: Path,
        folder: Path,
        *,
        shared: Path | None = None,
        options: Sequence[str] = (),
    ) -> None:
        """`options` are further ones of qemu's; `shared` is a disk that it can only read."""
        self.base, self.disk, self.port = base, disk, free_port()
        self.folder, self._shared, self._options = folder, shared, options
        self._process: subprocess.Popen[bytes] | None = None
        self._agent = Agent(folder / "agent")
        self.kernel_options = ""

    def run(
        self, *command: str, env: Mapping[str, str] | None = None, timeout_s: float = 1800
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in it as root and return what came of it, both streams in `stdout`."""
        return self._agent.run(*command, env=env, timeout_s=timeout_s)

    def begin(self, *command: str, env: Mapping[str, str] | None = None) -> None:
        """Start a command in it as root; its output is lost."""
        self._agent.start(*command, env=env)

    def start(self, *, is_connected: bool = True) -> float:
        """Switch it on; return the seconds until its agent answers. Raises AssertionError."""
        began_s = time.monotonic()
        self.switch_on()
        if not is_connected:
            time.sleep(2)  # until it has its monitor, and long before it has a network
            self.connect(is_on=False)
        while not self._agent.is_there():
            if _PANIC in self.console():
                self.cut()
                self.switch_on()
            assert self.is_on(), f"it went out: {self.console()[-2000:]}"
            assert time.monotonic() < began_s + _START_S, f"no start: {self.console()[-2000:]}"
            time.sleep(0.5)
        return time.monotonic() - began_s

    def switch_on(self) -> None:
        """Start it and do not wait."""
        assert not self.is_on()
        with (self.folder / "qemu.log").open("ab") as log:
            self._process = subprocess.Popen(
                self._command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def is_on(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def cut(self) -> None:
        """Take its power away."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def copy_disk(self, path: Path) -> None:
        """Copy its disk as it is, and as a power cut at this moment would leave it."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        try:
            os.waitpid(self._process.pid, os.WUNTRACED)  # until it has stopped
            subprocess.run(["cp", "--sparse=always", self.disk, path], check=True)
        finally:
            self._process.send_signal(signal.SIGCONT)

    def wait_for_end(self, timeout_s: float = _ORDERLY_S) -> None:
        """Wait until it has switched itself off. Raises AssertionError."""
        assert self._process is not None
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired as exc:
            raise AssertionError("it has not switched itself off") from exc
        self._process = None

    def shut_down(self) -> None:
        """Switch it off in an orderly way."""
        self.begin("systemctl", "poweroff")
        self.wait_for_end()

    def reboot(self) -> float:
        """Shut it down and start it again; return the seconds of the start."""
        self.shut_down()
        return self.start()

    def is_settled(self) -> str:
        """Wait until its start is over; return systemd's word for its state."""
        try:
            state = self.run("systemctl", "is-system-running", "--wait", timeout_s=_START_S)
        except AgentSilent as exc:
            raise AssertionError(self.console()[-2000:]) from exc
        return state.stdout.strip()

    def connect(self, *, is_on: bool) -> None:
        """Plug its network cable in, or pull it out."""
        with closing(socket.socket(socket.AF_UNIX)) as monitor:
            monitor.connect(str(self.folder / "monitor"))
            monitor.sendall(f"set_link net {'on' if is_on else 'off'}\n".encode())
            time.sleep(0.5)  # it has read the line by then; there is no answer to wait for

    def console(self) -> str:
        """Return what its kernel and systemd have printed."""
        path = self.folder / "console"
        return path.read_text(errors="replace") if path.exists() else ""

    def _command(self) -> list[str]:
        arch, folder = self.base.arch, self.folder
        options = f"root=/dev/vda rw console={_CONSOLES[arch]} {_QUICK} {self.kernel_options}"
        command = ["nice", "-n", "10", *processor(arch)]
        command += ["-display", "none", "-nodefaults", "-no-user-config", "-no-reboot"]
        command += ["-kernel", str(self.base.kernel), "-initrd", str(self.base.initrd)]
        command += ["-append", options, "-serial", f"file:{folder}/console"]
        command += ["-monitor", f"unix:{folder}/monitor,server=on,wait=off"]
        command += _drive("root", self.disk, "qcow2")
        if self._shared is not None:
            command += _drive("share", self._shared, "raw", "readonly=on")
        command += ["-device", "virtio-rng-pci", "-device", "virtio-serial-pci"]
        command += ["-chardev", f"socket,id=agent,path={folder}/agent,server=on,wait=off"]
        command += ["-device", "virtserialport,chardev=agent,name=org.qemu.guest_agent.0"]
        forwarded = f"user,id=net,restrict=on,hostfwd=tcp:127.0.0.1:{self.port}-:8080"
        command += ["-netdev", forwarded, "-device", "virtio-net-pci,netdev=net,id=nic"]
        return [*command, *self._options]


def _drive(name: str, path: Path, kind: str, *more: str) -> list[str]:
    # What it flushes is left to this machine's kernel, which does not go when qemu is killed.
    described = f"if=none,id={name},file={path},format={kind},cache=unsafe"
    described = ",".join([described, *more])
    return ["-drive", described, "-device", f"virtio-blk-pci,drive={name},serial={name}"]
