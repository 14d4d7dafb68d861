"""Drills: the process may open few files, or have little memory."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path

from drill import Lab, drill, left_out
from drilled import until
from drilled_process import HEARING

_MOST_DESCRIPTORS = 64
_MOST_MEMORY = 300 * 1024 * 1024


@drill(
    f"at most {_MOST_DESCRIPTORS} descriptors, four viewers, and 100 connections that stay open",
    "page, stream, health check and inference go on; the history is written; at most one line a "
    "minute; all is well once they are closed",
    is_short=True,
)
def few_descriptors(lab: Lab) -> str:
    device = lab.live(before=(*HEARING, "prlimit", f"--nofile={_MOST_DESCRIPTORS}"))
    viewers = [device.watch() for _ in range(4)]
    until("all see frames", lambda: all(viewer.frames for viewer in viewers), 30, device)
    with ExitStack() as opened:
        most = 0
        for _ in range(100):
            with suppress(OSError):
                address = ("127.0.0.1", device.port)
                crowd = socket.create_connection(address, 5, ("127.0.0.9", 0))
                opened.enter_context(closing(crowd)).sendall(b"GET / HTTP/1.1\r\n")
            most = max(most, device.fds())
        asked_s = until("it answers", lambda: device.healthz == "ok\n", lab.soon_s, device)
        before = [viewer.frames for viewer in viewers]
        assert device.infers()
        until(
            "the stream goes on",
            lambda: all(v.frames > n for v, n in zip(viewers, before, strict=True)),
            10,
            device,
        )
        assert device.failing == []
    assert device.logged("refusing connections") <= 1, device.log
    assert device.end() == 0
    assert "Traceback" not in device.log, device.log
    return f"at most {most} were open; /healthz within {asked_s:.1f} s"


@contextmanager
def _memory_group(limit_bytes: int) -> Iterator[tuple[Path, str]]:
    """Make a control group with a limit; yield it and the name of the file with its peak."""
    root = Path("/sys/fs/cgroup")
    v1 = (root / "memory" / "memory.limit_in_bytes").exists()
    group = (root / "memory" if v1 else root) / f"emotion-edge-drill-{os.getpid()}"
    try:
        group.mkdir()
    except OSError:
        left_out("no control group can be made; run it as root")
    try:
        limit = group / ("memory.limit_in_bytes" if v1 else "memory.max")
        if not limit.exists():
            left_out("control groups here do not limit memory")
        limit.write_text(str(limit_bytes))
        yield group, "memory.max_usage_in_bytes" if v1 else "memory.peak"
    finally:
        deadline_s = time.monotonic() + 10
        while time.monotonic() < deadline_s:  # it is in use until the kernel has ended its process
            with suppress(OSError):
                group.rmdir()
                break
            time.sleep(0.1)


@drill(
    f"at most {_MOST_MEMORY >> 20} MB of memory in a control group, without libraries that other "
    "programs have loaded; eight viewers",
    "it starts, and page, streams and inference go on; it is not killed",
)
def little_memory(lab: Lab) -> str:
    with _memory_group(_MOST_MEMORY) as (group, peak):
        inside = ("sh", "-c", f'echo $$ >{group}/cgroup.procs && exec "$@"', "sh")
        device = lab.live(before=(*HEARING, *inside))
        viewers = [device.watch() for _ in range(8)]
        until("all see frames", lambda: all(viewer.frames for viewer in viewers), 30, device)
        time.sleep(10)
        assert device.infers()
        assert device.process.poll() is None
        most_mb = int((group / peak).read_text()) >> 20
        assert device.end() == 0
    return f"at most {most_mb} MB were in use"
