"""A machine for install.sh: a checkout, and a PATH with only what a test names."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]


TOOLS = (
    *("bash", "cat", "chmod", "cut", "dirname", "flock", "grep", "id", "mkdir", "mktemp", "mv"),
    *("rm", "sh", "sha256sum", "sleep", "sync", "tail", "true", "uname"),
)


# A Python that answers what install.sh asks, and whose venv holds a Python like itself.
PYTHON = """\
#!/bin/sh
echo "$*" >> "$CALLS"
case "$*" in
    *"checks.py python"*) echo "{version} {bits}" ;;
    -V) echo "Python {version}.1" ;;
    *can-make-venv*) {venv_module} ;;
    "-m venv "*) mkdir -p "$3/bin" && cp "$0" "$3/bin/python"
                 printf '#!/bin/sh\\necho "started: $*"\\n' > "$3/bin/emotion-edge"
                 chmod +x "$3/bin/emotion-edge" ;;
    "-m pip install"*) {pip} ;;
esac
"""


class Machine:
    """A copy of install.sh in a checkout, and a PATH with the usual tools and nothing else."""

    def __init__(self, folder: Path) -> None:
        self.checkout, self.bin = folder / "a checkout", folder / "bin"
        self.calls = folder / "calls"
        self.checkout.mkdir()
        self.bin.mkdir()
        for name in ("install.sh", "pyproject.toml"):
            shutil.copy(ROOT / name, self.checkout)
        shutil.copytree(ROOT / "systemd" / "installer", self.checkout / "systemd" / "installer")
        for tool in (*TOOLS, "cp"):
            if found := shutil.which(tool):
                (self.bin / tool).symlink_to(found)
        self.environ = {"PATH": str(self.bin), "CALLS": str(self.calls), "TMPDIR": str(folder)}

    def add(self, name: str, script: str) -> None:
        (self.bin / name).unlink(missing_ok=True)
        (self.bin / name).write_text(script)
        (self.bin / name).chmod(0o755)

    def add_python(
        self,
        name: str = "python3",
        version: str = "3.11",
        bits: int = 64,
        venv_module: str = "true",
        pip: str = "true",
    ) -> None:
        self.add(name, PYTHON.format(version=version, bits=bits, venv_module=venv_module, pip=pip))

    def install(self, *args: str) -> subprocess.CompletedProcess[str]:
        self.calls.write_text("")
        return subprocess.run(
            [self.checkout / "install.sh", *args],
            env=self.environ,
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )

    def call(self, commands: str) -> list[str]:
        """Run commands with install.sh's functions known; return the lines they print."""
        functions = (ROOT / "install.sh").read_text().removesuffix('main "$@"\n')
        part = self.checkout / "part.sh"
        for tool in ("head", "sed"):
            (self.bin / tool).unlink(missing_ok=True)
            (self.bin / tool).symlink_to(shutil.which(tool) or "/nowhere")
        (self.checkout / "complete").touch()  # as in a release
        part.write_text(f"{functions}{commands}")
        result = subprocess.run(
            [self.bin / "bash", part],
            env=self.environ,
            capture_output=True,
            text=True,
            check=True,
            timeout=30,
        )
        assert result.stderr == ""
        return result.stdout.splitlines()

    def count(self, call: str) -> int:
        return self.calls.read_text().count(call)

    @property
    def state(self) -> str:
        return (self.checkout / ".venv" / ".emotion-edge").read_text().strip()


def assert_refused(result: subprocess.CompletedProcess[str], status: int, message: str) -> None:
    assert result.returncode == status
    assert result.stderr.count("\n") == 1
    assert result.stderr.startswith("install.sh: ")
    assert message in result.stderr
