"""`python -m edge run` of this checkout, with what it writes and uses."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any

import tomli_w

ROOT = Path(__file__).parents[2]
# What a caller ignores would be ignored here, too.
HEARING = ("env", "--default-signal=INT", "--default-signal=HUP")
DEVICE = ("-m", "edge")
Sections = dict[str, dict[str, Any]]


class DrilledProcess:
    """The process, its settings in `folder`, and what it logs."""

    def __init__(
        self,
        folder: Path,
        *,
        before: Sequence[str] = HEARING,
        program: Sequence[str] = DEVICE,
        environ: dict[str, str] | None = None,
        stdout: int | None = None,
        **sections: dict[str, Any],
    ) -> None:
        """`sections` are settings that differ from a demo with a code and a history on disk."""
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.state = Path(sections.get("state", {}).get("folder", folder / "state"))
        self.lines: list[str] = []
        self.told = ""  # the end of what it wrote to stdout
        settings = folder / "my.toml"
        settings.write_text(tomli_w.dumps(merged(defaults(self.state), sections)))
        self.process = subprocess.Popen(
            [*before, sys.executable, *program, "run", "--config", str(settings)],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if stdout is None else stdout,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(ROOT), **(environ or {})},
        )
        self._readers = [
            threading.Thread(target=self._read, args=(stream, note), daemon=True)
            for stream, note in (
                (self.process.stderr, self.lines.append),
                (self.process.stdout, self._note_told),
            )
            if stream is not None
        ]
        for reader in self._readers:
            reader.start()

    def kill(self) -> None:
        """End it as a power cut does."""
        self.process.kill()
        self.process.wait()
        self._finish_reading()

    def end(self, within_s: float = 20.0) -> int:
        """End it in order, and return its exit code."""
        self.process.terminate()
        return self.wait(within_s)

    def wait(self, within_s: float = 60.0) -> int:
        """Wait for its own end, and return its exit code."""
        code = self.process.wait(within_s)
        self._finish_reading()
        return code

    @property
    def log(self) -> str:
        """What it wrote to stderr."""
        return "".join(self.lines)

    def logged(self, pattern: str) -> int:
        """Return how many lines of the log the pattern is found in."""
        return sum(bool(re.search(pattern, line)) for line in tuple(self.lines))

    def fds(self) -> int:
        """Return how many descriptors are open."""
        return len(list(Path(f"/proc/{self.process.pid}/fd").iterdir()))

    def memory_mb(self) -> int:
        """Return how much memory it holds."""
        found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{self.process.pid}/status").read_text())
        return int(found[1]) // 1024 if found else 0

    def processor_s(self) -> float:
        """Return the processor time that it has used."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def _note_told(self, line: str) -> None:
        self.told = (self.told + line)[-20_000:]

    def _read(self, stream: IO[bytes], note: Callable[[str], None]) -> None:
        with stream:
            for line in stream:
                note(line.decode(errors="replace"))

    def _finish_reading(self) -> None:
        for reader in self._readers:
            reader.join(5)


def defaults(state: Path) -> Sections:
    """Return the settings of a drilled device: as a maker has them, with all that can fail."""
    return {
        "camera": {"source": "demo"},
        "web": {"port": 0},
        "history": {"keep": "disk", "days": 1},
        "leds": {"mode": "per_emotion", "factory": "mock"},
        "state": {"folder": str(state)},
    }


def merged(first: Sections, second: Sections) -> Sections:
    """Return the settings of both, the second's where both have one."""
    names = {**first, **second}
    return {name: {**first.get(name, {}), **second.get(name, {})} for name in names}
