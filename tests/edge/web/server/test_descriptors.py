"""A device that has no descriptor left."""

import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from crowds import OTHER, SOON_S, ask, crowd


def test_without_descriptors_it_serves_on_and_dies_of_nothing() -> None:
    with device_with_descriptors(64) as (process, port):
        with crowd(port, 144, b""):
            assert ask(port, OTHER) < SOON_S
        assert ask(port, OTHER, b"GET /take HTTP/1.1\r\nHost: a\r\n") < SOON_S
        used_s = cpu_s(process.pid)
        with crowd(port, 30, b""):
            time.sleep(1)
            assert cpu_s(process.pid) - used_s < 0.5  # it does not spin
        assert ask(port, OTHER, b"GET /give HTTP/1.1\r\nHost: a\r\n") < 3 * SOON_S
        assert ask(port, OTHER) < SOON_S
        process.terminate()
        said = process.communicate(timeout=5)[1]
    assert "Traceback" not in said
    assert len(said) < 1000


@contextmanager
def device_with_descriptors(number: int) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Give a device that may open so many files; /take and /give take all and give them back."""
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(SCRIPT), str(number)],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[4])},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield process, int(process.stdout.readline())
    finally:
        process.kill()
        process.communicate()


SCRIPT = """
    import logging, os, resource, sys, threading, time
    from flask import Flask
    from edge.config import ThermalConfig
    from edge.system.thermal import ThermalMonitor
    from edge.web.server.server import WebServer

    logging.basicConfig()
    resource.setrlimit(resource.RLIMIT_NOFILE, (int(sys.argv[1]),) * 2)
    app, held = Flask("device"), []
    fast_clock = lambda: time.monotonic() * 1e6  # so that each call reads the files
    monitor = ThermalMonitor(ThermalConfig(hot_c=80.0), clock=fast_clock)

    def take():
        try:
            while True:
                held.append(os.open("/dev/null", os.O_RDONLY))
        except OSError:
            return repr(monitor.vitals())

    def give():
        while held:
            os.close(held.pop())
        return "given"

    app.add_url_rule("/take", view_func=take)
    app.add_url_rule("/give", view_func=give)
    app.add_url_rule("/healthz", view_func=lambda: repr(monitor.vitals()))
    server = WebServer(app, "127.0.0.1", 0, threads=8)
    server.start()
    print(server.port, flush=True)
    threading.Event().wait()
"""


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
