"""sd_notify against real sockets, and the real program under a service manager's environment."""

import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.datatypes import CameraState, Health, Report
from edge.errors import OutputError
from edge.system.notify import Notifier, StatusLine


class Manager:
    """What systemd does: a datagram socket, and a record of what came."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind("\0" + address[1:] if address.startswith("@") else address)
        self.heard: list[str] = []

    def hear(self, timeout_s: float = 5.0) -> str:
        self.socket.settimeout(timeout_s)
        self.heard.append(self.socket.recv(4096).decode())
        return self.heard[-1]

    def hear_until(self, state: str, timeout_s: float = 60.0) -> None:
        deadline_s = time.monotonic() + timeout_s
        while self.hear(deadline_s - time.monotonic()) != state:
            pass

    def hears_nothing(self) -> bool:
        self.socket.setblocking(False)
        try:
            self.heard.append(self.socket.recv(4096).decode())
        except BlockingIOError:
            return True
        return False


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Manager]:
    address = str(tmp_path / "notify")
    if request.param == "abstract":
        address = f"@emotion-edge-{secrets.token_hex(8)}"
    manager = Manager(address)
    yield manager
    manager.socket.close()


@pytest.fixture
def notifiers() -> Iterator[list[Notifier]]:
    opened: list[Notifier] = []
    yield opened
    for notifier in opened:
        notifier.close()


def test_each_state_is_one_datagram(manager: Manager, notifiers: list[Notifier]):
    notifiers.append(notifier := Notifier({"NOTIFY_SOCKET": manager.address}))
    assert notifier.has_manager
    notifier.ready()
    notifier.status("two\nlines,  and \x0bspaces")
    notifier.stopping()
    assert [manager.hear() for _ in range(3)] == [
        "READY=1",
        "STATUS=two lines, and spaces",
        "STOPPING=1",
    ]


def test_the_watchdog_is_fed_four_times_a_period_at_most(
    manager: Manager, notifiers: list[Notifier]
):
    now_s = 100.0
    environment = {"NOTIFY_SOCKET": manager.address, "WATCHDOG_USEC": "8000000"}
    notifiers.append(notifier := Notifier(environment, clock=lambda: now_s))
    fed_at_s = []
    for _ in range(65):
        notifier.alive()
        if not manager.hears_nothing():
            fed_at_s.append(now_s)
        now_s += 0.125
    assert fed_at_s == [100, 102, 104, 106, 108]
    assert set(manager.heard) == {"WATCHDOG=1"}


@pytest.mark.parametrize(
    "watchdog",
    [{}, {"WATCHDOG_USEC": ""}, {"WATCHDOG_USEC": "1000000", "WATCHDOG_PID": "1"}],
)
def test_no_watchdog_is_not_fed(
    manager: Manager, notifiers: list[Notifier], watchdog: dict[str, str]
):
    notifiers.append(notifier := Notifier({"NOTIFY_SOCKET": manager.address, **watchdog}))
    notifier.alive()
    assert manager.hears_nothing()


def test_the_watchdog_of_this_process_is_fed(manager: Manager, notifiers: list[Notifier]):
    environment = {
        "NOTIFY_SOCKET": manager.address,
        "WATCHDOG_USEC": "1000000",
        "WATCHDOG_PID": str(os.getpid()),
    }
    notifiers.append(notifier := Notifier(environment))
    notifier.alive()
    assert manager.hear() == "WATCHDOG=1"


def test_without_a_manager_nothing_happens(notifiers: list[Notifier]):
    notifiers.append(notifier := Notifier({"WATCHDOG_USEC": "1000000"}))
    assert not notifier.has_manager
    for say in (notifier.ready, notifier.alive, notifier.stopping):
        say()
    notifier.status("no socket hears this")
    notifier.close()
    notifier.close()


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({"NOTIFY_SOCKET": "run/notify"}, "NOTIFY_SOCKET='run/notify': neither a path nor"),
        ({"NOTIFY_SOCKET": "@"}, "NOTIFY_SOCKET='@': neither"),
        ({"NOTIFY_SOCKET": "vsock:2:1"}, "NOTIFY_SOCKET='vsock:2:1': neither"),
        ({"WATCHDOG_USEC": "0"}, "WATCHDOG_USEC='0': not a number of microseconds"),
        ({"WATCHDOG_USEC": "-5"}, "WATCHDOG_USEC='-5'"),
        ({"WATCHDOG_USEC": "3 s"}, "WATCHDOG_USEC='3 s'"),
        ({"WATCHDOG_USEC": "²"}, "WATCHDOG_USEC='²'"),
    ],
)
def test_nonsense_is_refused(environment: dict[str, str], message: str):
    with pytest.raises(OutputError, match=message):
        Notifier(environment)


def test_a_manager_that_left_is_mentioned_once(
    tmp_path: Path, notifiers: list[Notifier], caplog: pytest.LogCaptureFixture
):
    notifiers.append(notifier := Notifier({"NOTIFY_SOCKET": str(tmp_path / "absent")}))
    notifier.ready()
    notifier.stopping()
    (message,) = caplog.messages
    assert message == "NOTIFY_SOCKET: systemd does not listen: No such file or directory"


def test_a_manager_that_does_not_read_never_blocks(manager: Manager, notifiers: list[Notifier]):
    notifiers.append(notifier := Notifier({"NOTIFY_SOCKET": manager.address}))
    for _ in range(10_000):
        notifier.status("x" * 1000)
    assert manager.hear().startswith("STATUS=x")


def report(camera: CameraState, detail: str = "") -> Report:
    health = Health(camera=camera, detail=detail, source="demo", fps=0, age_s=None, uptime_s=0)
    return Report(snapshot=None, health=health)


def test_the_status_line_speaks_when_something_changed():
    said: list[str] = []
    line = StatusLine(said.append)
    for state in ("starting", "live", "live", "lost", "lost", "live", "paused"):
        line.show(report(CameraState(state), "why"))
    line.close()
    assert said == [
        "camera starting: why",
        "watching: demo",
        "camera lost: why",
        "watching: demo",
        "camera paused: why",
    ]


def test_the_program_reports_its_life_to_the_manager(manager: Manager):
    environment = os.environ | {"NOTIFY_SOCKET": manager.address, "WATCHDOG_USEC": "400000"}
    environment.pop("WATCHDOG_PID", None)
    with subprocess.Popen(
        [sys.executable, "-m", "edge", "run", "--source", "demo", "--port", "0"],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as program:
        try:
            manager.hear_until("READY=1")
            assert "WATCHDOG=1" not in manager.heard
            manager.hear_until("STATUS=watching: demo scene")
            for _ in range(3):
                manager.hear_until("WATCHDOG=1")
            program.send_signal(signal.SIGTERM)
            manager.hear_until("STOPPING=1")
            _, stderr = program.communicate(timeout=20)
        finally:
            program.kill()
    assert program.returncode == 0
    assert "Traceback" not in stderr
    assert manager.hears_nothing()
