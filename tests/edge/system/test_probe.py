"""Whether the port is free, a device of ours runs there, and who holds the camera."""

import contextlib
import os
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from findings import FAIL, PASS, WARN, verdict
from werkzeug.serving import make_server

from edge.config import load_config
from edge.datatypes import CameraState
from edge.system import probe
from edge.system.diagnostics import Verdict
from edge.web.certificate import keep_certificate


def web_on(port: int, tls: bool = False) -> Any:
    return load_config(overrides={"web": {"port": port, "tls": tls}}).web


@pytest.fixture
def serve() -> Iterator[Callable[..., Any]]:
    """Answer every question on a port of its own with one text."""
    servers = []

    def start(status: str, body: str, tls: Any = None) -> Any:
        def application(environ: Any, start_response: Any) -> list[bytes]:
            start_response(status, [("Content-Type", "text/plain")])
            return [body.encode()]

        server = make_server("127.0.0.1", 0, application, ssl_context=tls)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        servers.append((server, thread))
        return web_on(server.port, tls=tls is not None)

    yield start
    for server, thread in servers:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        ("200 OK", "ok\n", (CameraState.LIVE, "")),
        ("503 x", "lost: no frame: is it in?\n", (CameraState.LOST, "no frame: is it in?")),
        ("503 x", "paused: by hand\n", (CameraState.PAUSED, "by hand")),
        ("200 OK", "<html>a printer</html>", None),
        ("503 x", "busy", None),
        ("404 x", "no", None),
    ],
)
def test_only_a_device_of_ours_is_taken_for_one(
    serve: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    status: str,
    body: str,
    expected: Any,
):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    web = serve(status, body)
    running = probe.ask_device(web)
    assert running == expected
    finding = probe.check_port(web, running)
    assert verdict(finding) == ((FAIL, "port") if expected is None else (PASS, ""))
    if expected is None:
        assert f"already in use. Used by {our_name()}" in finding.message
        assert "./install.sh --demo -- --port 8090" in finding.advice


def our_name() -> str:
    return f"{Path('/proc/self/comm').read_text().strip()} ({os.getpid()})"


def test_the_holder_of_a_port_whose_process_is_hidden_is_told_by_its_user(tmp_path: Path):
    tables = {
        # proc_pid_net(5): the local address, the state (0A listens), the user, the inode.
        "tcp": "   0: 0100007F:1F90 00000000:0000 0A 0:0 00:0 0     0        0 4711 1 x\n"
        "   1: 0100007F:1F90 0100007F:9C40 01 0:0 00:0 0     0        0 4712 1 x\n",
        "tcp6": "   0: 00000000000000000000000000000000:1F91 "
        "00000000000000000000000000000000:0000 0A 0:0 00:0 0  4000000        0 4713 1 x\n",
    }
    (tmp_path / "proc/net").mkdir(parents=True)
    for name, rows in tables.items():
        (tmp_path / "proc/net" / name).write_text(f"  sl  local_address rem_address   st\n{rows}")
    assert probe.port_holders(tmp_path, 8080) == ["a program of root"]
    assert probe.port_holders(tmp_path, 8081) == ["a program of user 4000000"]
    assert probe.port_holders(tmp_path, 80) == []
    assert probe.port_holders(tmp_path / "nowhere", 8080) == []


@pytest.mark.parametrize("host", ["192.0.2.7", "2001:db8::7", "nosuch.invalid"])
def test_an_address_that_is_not_this_machine_s_is_no_matter_of_the_port(host: str):
    web = load_config(overrides={"web": {"host": host, "port": 0}}).web
    finding = probe.check_port(web, None)
    assert verdict(finding) == (FAIL, "host")
    assert host in finding.message


def test_a_device_with_a_certificate_of_its_own_is_understood(
    serve: Callable[..., Any], tmp_path: Path
):
    pytest.importorskip("cryptography", reason="cryptography is not installed")
    context = keep_certificate(tmp_path).server_context()
    assert probe.ask_device(serve("200 OK", "ok\n", context)) == (CameraState.LIVE, "")


def test_a_free_port_and_one_that_speaks_no_http():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        web = web_on(listening.getsockname()[1])

        def greet() -> None:
            with listening.accept()[0] as caller:
                caller.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")

        greeter = threading.Thread(target=greet)
        greeter.start()
        assert probe.ask_device(web) is None
        greeter.join()
    finding = probe.check_port(web_on(0), probe.ask_device(web_on(1)))
    assert verdict(finding) == (PASS, "")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may bind such a port")
def test_a_port_that_only_root_may_have_is_not_the_services():
    finding = probe.check_port(web_on(_free_low_port()), None)
    assert verdict(finding) == (WARN, "port")
    assert "the service is not root" in finding.message


def _free_low_port() -> int:
    for port in range(1023, 512, -1):
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    pytest.fail("no port below 1024 is free")


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (CameraState.LIVE, (PASS, "")),
        (CameraState.STARTING, (WARN, "camera")),
        (CameraState.PAUSED, (WARN, "camera-paused")),
        (CameraState.LOST, (FAIL, "camera-lost")),
    ],
)
def test_a_running_device_tells_of_its_camera(state: CameraState, expected: tuple[Verdict, str]):
    finding = probe.running_camera(probe.Running(state, "why"))
    assert verdict(finding) == expected
    assert finding.message.startswith(f"the device is running: {state}")


def test_the_holders_of_a_camera_are_found(tmp_path: Path):
    for number, name, target in (
        ("17", "rpicam-hello", "/dev/media0"),
        ("4", "shell", "/dev/pts/0"),
        ("23", "zoom", "/dev/video0"),
    ):
        folder = tmp_path / "proc" / number / "fd"
        folder.mkdir(parents=True)
        (folder.parent / "comm").write_text(f"{name}\n")
        (folder / "5").symlink_to(target)
    (tmp_path / "proc/self").mkdir()
    assert probe.camera_holders(tmp_path) == ["rpicam-hello (17)", "zoom (23)"]
