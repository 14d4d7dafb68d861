"""Listening on whatever a host setting may name, and where a phone finds the page."""

import io
import os
import shutil
import socket
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from flask import Flask
from msgspec import structs

from edge.config import WebConfig, load_config
from edge.errors import OutputError
from edge.network import listen, own_addresses
from edge.system.probe import check_port
from edge.web.announcement import announce
from edge.web.server.server import WebServer
from edge.web.setup import PageInfo, page_urls

SOMEWHERE = ["192.168.178.20", "10.8.0.3", "2001:db8::20"]


def web(host: str, port: int = 8080) -> WebConfig:
    return structs.replace(load_config().web, host=host, port=port, auth="none")


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="this machine has no IPv6")
def test_all_addresses_of_ipv6_are_ipv4s_too() -> None:
    with closing(listen("::", 0)) as server:
        port = server.getsockname()[1]
        for address in ("127.0.0.1", "::1"):
            socket.create_connection((address, port), 5).close()
        with pytest.raises(OSError, match="in use"):
            listen("0.0.0.0", port).close()  # noqa: S104


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="this machine has no IPv6")
def test_one_address_of_ipv6_is_that_alone() -> None:
    with closing(listen("::1", 0)) as server, pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", server.getsockname()[1]), 5).close()


def test_localhost_is_where_both_kinds_of_browsers_look() -> None:
    with closing(listen("localhost", 0)) as server:
        for name in ("localhost", "127.0.0.1"):
            socket.create_connection((name, server.getsockname()[1]), 5).close()


@pytest.mark.parametrize(
    ("host", "port", "reason"),
    [
        ("nosuch.invalid", 0, "the name cannot be resolved; set [web] host"),
        ("x" * 70, 0, "the name cannot be resolved; set [web] host"),
        ("ü" * 70, 0, "the name cannot be resolved; set [web] host"),
        ("a\0b", 0, "the name cannot be resolved; set [web] host"),
        ("a b", 0, "the name cannot be resolved; set [web] host"),
        ("203.0.113.7", 0, "no such address on this machine"),
        ("2001:db8::7", 0, "no such address on this machine"),
    ],
)
def test_where_nothing_can_listen_is_one_line(host: str, port: int, reason: str) -> None:
    with pytest.raises(OutputError) as caught:
        WebServer(Flask(__name__), host, port, threads=1).start()
    line = str(caught.value)
    assert reason in line
    assert line.isprintable()
    assert len(line) < 300


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="this machine has no IPv6")
def test_the_doctor_sees_that_ipv4s_port_is_taken_too() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert "in use" in check_port(web("::", port), None).message


@pytest.mark.parametrize(
    ("host", "urls"),
    [
        ("127.0.0.1", ["http://127.0.0.1:8080"]),
        ("192.168.178.20", ["http://192.168.178.20:8080"]),
        (
            "0.0.0.0",  # noqa: S104
            [
                "http://127.0.0.1:8080",
                "http://192.168.178.20:8080",
                "http://10.8.0.3:8080",
                "http://pi.local:8080",
            ],
        ),
        (
            "::",
            [
                "http://[::1]:8080",
                "http://192.168.178.20:8080",
                "http://10.8.0.3:8080",
                "http://[2001:db8::20]:8080",
                "http://pi.local:8080",
            ],
        ),
    ],
)
def test_the_pages_addresses(host: str, urls: list[str]) -> None:
    assert list(page_urls(web(host), 8080, addresses=SOMEWHERE, name="pi")) == urls


def test_all_addresses_of_ipv6_may_be_written_in_full() -> None:
    short, full = (page_urls(web(host), 80, addresses=SOMEWHERE) for host in ("::", "0:0::0"))
    assert short == full


@pytest.mark.parametrize("name", ["localhost", "", "with space", "ü" * 70])
def test_a_name_that_no_phone_resolves_is_not_announced(name: str) -> None:
    urls = page_urls(web("0.0.0.0"), 80, addresses=[], name=name)  # noqa: S104
    assert list(urls) == ["http://127.0.0.1:80"]


def test_without_any_network_this_machine_has_no_address_for_others() -> None:
    found = _in_a_network_of_its_own("")
    assert found == []


def test_addresses_a_phone_can_use_and_no_others() -> None:
    found = _in_a_network_of_its_own(
        "ip link add lan0 type veth peer name lan1 && ip addr add 192.168.178.20/24 dev lan0 && "
        "ip addr add 2001:db8:1::20/64 dev lan0 nodad && ip link set lan0 up && "
        "ip addr add 2001:db8:1::bad/64 dev lan0 preferred_lft 0 nodad && "
        "ip link add name docker0 type bridge && ip addr add 172.17.0.1/16 dev docker0 && "
        "ip link set docker0 up && ip link set lo up"
    )
    assert found == ["192.168.178.20", "2001:db8:1::20"]


def test_the_way_out_comes_first() -> None:
    found = _in_a_network_of_its_own(
        "ip link add aaa0 type veth peer name aaa1 && "
        "ip addr add 10.8.0.3/24 dev aaa0 && ip link set aaa0 up && "
        "ip link add br0 type bridge && ip addr add 192.168.178.20/24 dev br0 && "
        "ip link set br0 up && ip route add default via 192.168.178.1"
    )
    assert found == ["192.168.178.20", "10.8.0.3"]


def _in_a_network_of_its_own(setup: str) -> list[str]:
    """Return own_addresses() as seen in an empty network namespace after `setup`."""
    if os.geteuid() != 0 or not (shutil.which("unshare") and shutil.which("ip")):
        pytest.skip("needs root, unshare and ip")
    ask = f"{sys.executable} -c 'from edge.network import *; print(*own_addresses())'"
    script = f"mount -t sysfs sysfs /sys && {setup or ':'} && {ask}"
    done = subprocess.run(
        ["unshare", "--net", "--mount", "sh", "-c", script],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    if done.returncode != 0:
        pytest.skip(f"no such network can be made here: {done.stderr.strip()[-200:]}")
    return done.stdout.split()


def test_this_machines_addresses_are_its_own() -> None:
    for address in own_addresses():
        listen(address, 0).close()


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


SERVED = PageInfo(
    ("http://127.0.0.1:8080", "http://192.168.1.5:8080", "http://pi.local:8080"), "k7mf", None
)


@pytest.fixture
def qrencode(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program that stands in for qrencode, and first in the PATH."""
    program = tmp_path / "bin" / "qrencode"
    program.parent.mkdir()
    program.write_text('#!/bin/sh\nfor last; do :; done\necho "█▀▄ $last"\n', "utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("COLUMNS", "80")
    return program


def test_a_person_at_a_terminal_is_shown_a_code_to_scan(qrencode: Path) -> None:
    terminal = Terminal()
    announce(SERVED, terminal)
    lines = terminal.getvalue().splitlines()
    assert "█▀▄ http://192.168.1.5:8080" in lines
    assert "for other devices: http://192.168.1.5:8080" in lines
    assert "for other devices: http://pi.local:8080" in lines
    assert lines[-1] == "access code: k7mf"


@pytest.mark.parametrize("case", ["absent", "fails", "hangs", "ascii", "narrow", "pipe", "local"])
def test_without_it_the_addresses_have_to_do(
    qrencode: Path, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    terminal, served = Terminal(), SERVED
    match case:
        case "absent":
            monkeypatch.setenv("PATH", str(qrencode.parent / "empty"))
        case "fails":
            qrencode.write_text("#!/bin/sh\necho 'half a code'; exit 1\n")
        case "hangs":
            monkeypatch.setattr("edge.web.qr_code._TIMEOUT_S", 0.2)
            qrencode.write_text("#!/bin/sh\nexec sleep 20\n")
        case "ascii":
            monkeypatch.setattr(terminal, "encoding", "ascii", raising=False)
        case "narrow":
            monkeypatch.setenv("COLUMNS", "30")
        case "pipe":
            monkeypatch.setattr(terminal, "isatty", lambda: False)
        case "local":
            served = PageInfo(("http://127.0.0.1:8080",), "k7mf", None)
    announce(served, terminal)
    lines = terminal.getvalue().splitlines()
    assert lines[0].endswith("on http://127.0.0.1:8080 (Ctrl-C ends it)")
    assert not any("█" in line or "half" in line for line in lines)
    assert len(lines) == len(served.urls) + 1
