"""Runs commands in a virtual machine through its guest agent, over a virtual serial port.

The port needs no network, so that it works where the machine's own network is down. The protocol
is QEMU's: https://www.qemu.org/docs/master/interop/qemu-ga-ref.html
"""

from __future__ import annotations

import base64
import json
import socket
import subprocess
import time
from collections.abc import Mapping
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

_PATIENCE_S = 300.0  # a machine may be held for a while
_FIRST_POLL_S, _SLOWEST_POLL_S = 0.2, 5.0  # the agent and the journal work for each
_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class AgentSilent(RuntimeError):
    """The agent does not answer: the machine has not started yet, or has stopped."""


class Agent:
    """The guest agent behind a UNIX socket of this machine."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._number = 0

    def is_there(self, patience_s: float = 2.0) -> bool:
        """Whether it answers."""
        try:
            self._ask("guest-ping", patience_s=patience_s)
        except AgentSilent:
            return False
        return True

    def run(
        self, *command: str, env: Mapping[str, str] | None = None, timeout_s: float = 1800
    ) -> subprocess.CompletedProcess[str]:
        """Run a command as root and return what came of it, both streams in `stdout`."""
        deadline_s = time.monotonic() + timeout_s
        pid, pause_s = self.start(*command, env=env), _FIRST_POLL_S
        while not (state := self._ask("guest-exec-status", pid=pid))["exited"]:
            if time.monotonic() > deadline_s:
                self.start("kill", "-KILL", str(pid))
                raise AssertionError(f"{command}: still runs after {timeout_s:g} s")
            time.sleep(pause_s)
            pause_s = min(pause_s * 1.5, _SLOWEST_POLL_S)
        output = base64.b64decode(state.get("out-data", "")).decode(errors="replace")
        status = state.get("exitcode", -state.get("signal", 0))
        return subprocess.CompletedProcess(command, status, output)

    def start(self, *command: str, env: Mapping[str, str] | None = None) -> int:
        """Start a command as root; return its number in the machine."""
        environment = [_PATH, "HOME=/root", "LC_ALL=C.UTF-8"]
        environment += [f"{name}={value}" for name, value in (env or {}).items()]
        # Debian 12's agent cannot merge the streams by itself.
        merged = ["-c", 'exec "$@" 2>&1', "sh", *command]
        asked = {"path": "/bin/sh", "arg": merged, "env": environment, "capture-output": True}
        started = self._ask("guest-exec", **asked)
        return int(started["pid"])

    def _ask(self, command: str, patience_s: float = _PATIENCE_S, **arguments: Any) -> Any:
        """Return the answer. A connection of its own: a stopped machine leaves half an answer."""
        self._number += 1
        with closing(socket.socket(socket.AF_UNIX)) as client, suppress(OSError, ValueError):
            client.settimeout(patience_s)
            client.connect(str(self._path))
            lines = client.makefile("rwb")
            self._synchronize(lines)
            _say(lines, command, arguments)
            answer = json.loads(lines.readline())
            if "error" in answer:
                raise AssertionError(f"{command}: {answer['error']}")
            return answer["return"]
        raise AgentSilent(f"{command}: no answer from {self._path}")

    def _synchronize(self, lines: Any) -> None:
        """Skip what is left of earlier conversations."""
        lines.write(b"\xff")
        _say(lines, "guest-sync-delimited", {"id": self._number})
        while line := lines.readline():
            _, delimiter, answer = line.rpartition(b"\xff")
            if delimiter and json.loads(answer).get("return") == self._number:
                return
        raise ConnectionResetError


def _say(lines: Any, command: str, arguments: Mapping[str, Any]) -> None:
    said = {"execute": command, **({"arguments": arguments} if arguments else {})}
    lines.write(json.dumps(said).encode() + b"\n")
    lines.flush()
