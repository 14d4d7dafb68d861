"""The device in a clean system: installed, asked, edited and compared with this machine."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from chroot import ROOT, Chroot, changes

RELEASES = "opt/emotion-edge/releases"
SETTINGS = "etc/emotion-edge/config.toml"


class System(Protocol):
    """Where commands run."""

    def run(
        self, *command: str, env: Mapping[str, str] | None = None, timeout_s: float = 1800
    ) -> subprocess.CompletedProcess[str]: ...


class Installed:
    """A system in which install.sh runs, asked by commands alone."""

    patience_s, pause_s = 120.0, 0.2

    def __init__(self, system: System) -> None:
        self.system = system

    def install(
        self, *options: str, env: dict[str, str] | None = None, script: str = ""
    ) -> subprocess.CompletedProcess[str]:
        script = script or "/root/emotion-edge/install.sh"
        return self.system.run(script, *options, env=env)

    def installed(self, *options: str, script: str = "") -> str:
        result = self.install(*options, script=script)
        assert result.returncode == 0, result.stdout
        return result.stdout

    def shell(self, command: str) -> str:
        """Run a command that must succeed; return what it printed."""
        result = self.system.run("sh", "-c", command)
        assert result.returncode == 0, result.stdout
        return result.stdout

    def service(self, *properties: str) -> list[str]:
        """Return what systemd says of the service: one value per property."""
        asked = [f"--property={name}" for name in properties]
        command = ["systemctl", "show", "emotion-edge", *asked]
        lines = self.system.run(*command).stdout.splitlines()
        said = dict(line.split("=", 1) for line in lines)
        return [said[name] for name in properties]

    def wait_for(self, **properties: str) -> None:
        """Wait until the service is so. Raises AssertionError when it does not become so."""
        deadline_s = time.monotonic() + self.patience_s
        while (now := self.service(*properties)) != list(properties.values()):
            assert time.monotonic() < deadline_s, f"{now} and not {properties}"
            time.sleep(self.pause_s)


class Device(Installed):
    """A system in a folder of this machine, and what the steps before learnt about it."""

    def __init__(self, system: Chroot, image: Path) -> None:
        """`image` shows faces, which this machine reads as well."""
        super().__init__(system)
        self.system: Chroot = system
        self.before: dict[str, str] = {}
        self.promised = ""
        self.first = ""
        self.second = ""
        self.lost = ""
        self.port = free_port()
        self._faces = read_faces(image)
        system.path("root/image.png").write_bytes(image.read_bytes())

    def refused(self, message: str, *options: str, **how: Any) -> str:
        """Assert that nothing changes, and that the last line says why."""
        before = self.system.snapshot(exact=True)
        result = self.install(*options, **how)
        assert result.returncode == 1, result.stdout
        last = result.stdout.splitlines()[-1]
        assert last.startswith("install.sh: "), result.stdout
        assert message in last, last
        assert (changed := changes(before, self.system.snapshot(exact=True))) == [], changed
        return last

    @property
    def current(self) -> str:
        return self.system.path("opt/emotion-edge/current").readlink().name

    def set(self, old: str, new: str) -> None:
        """Change the settings."""
        replace_in(self.system.path(SETTINGS), old, new)

    def releases(self) -> set[str]:
        return {path.name for path in self.system.path(RELEASES).iterdir()}

    def edit(self, name: str, old: str, new: str) -> None:
        """Change a file of the clone."""
        replace_in(self.system.clone / name, old, new)

    def assert_reads_faces(self) -> list[str]:
        """Assert that it reads what this machine reads; return what was seen."""
        command = ["/usr/local/bin/emotion-edge", "analyze", "/root/image.png"]
        seen = []
        for board in self.system.boards or (None,):
            if board:
                self.system.become(board)
            result = self.system.run(*command)
            assert result.returncode == 0, result.stdout
            lines = [line for line in result.stdout.splitlines() if line.startswith("{")]
            faces = json.loads(lines[-1])["faces"]
            apart = distance(faces, self._faces)
            assert apart <= 0.02, f"{board}: {faces} against {self._faces}"
            labels = " and ".join(face["label"] for face in faces)
            seen.append(f"{board.name if board else 'here'}: {labels}, at most {apart:.4f} apart")
        return seen


def replace_in(path: Path, old: str, new: str) -> None:
    """Replace the first `old` in a file, which must have one."""
    text = path.read_text()
    assert old in text, f"{path}: {old!r}"
    path.write_text(text.replace(old, new, 1))


def free_port() -> int:
    """Return a port that is free."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def draw_picture(path: Path) -> None:
    """Write an image of the demo's two people."""
    program = "import sys, cv2; from edge.camera.demo.scene import DemoScene as Demo; " + (
        "assert cv2.imwrite(sys.argv[1], Demo().render(1.0))"
    )
    subprocess.run([sys.executable, "-c", program, path], cwd=ROOT, check=True)


def read_faces(image: Path) -> list[dict[str, Any]]:
    """Return what `analyze` makes of an image on this machine."""
    command = [sys.executable, "-m", "edge", "analyze", image]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    faces: list[dict[str, Any]] = json.loads(run.stdout)["faces"]
    assert len(faces) >= 2
    return faces


def distance(faces: list[dict[str, Any]], others: list[dict[str, Any]]) -> float:
    """Return the largest difference of a probability; the labels must be the same."""
    assert [face["label"] for face in faces] == [face["label"] for face in others]
    return max(
        abs(face["probs"][label] - other["probs"][label])
        for face, other in zip(faces, others, strict=True)
        for label in face["probs"]
    )
