"""Whether the port is free, whether the device runs already, and who holds the camera."""

from __future__ import annotations

import contextlib
import errno
import http.client
import os
import pwd
import ssl
import urllib.error
import urllib.request
from pathlib import Path
from typing import NamedTuple

from edge.config import WebConfig
from edge.config.hostnames import host_from_here
from edge.datatypes import CameraState
from edge.files import lines_of
from edge.network import listen
from edge.system.board import ROOT
from edge.system.diagnostics import Finding, failed, passed, warned

_PATIENCE_S = 3.0
_FIRST_FOR_ALL = 1024  # ports below are root's
_ABOUT_THE_PORT = (errno.EADDRINUSE, errno.EACCES)  # other errors are about the address
_LISTENS = "0A"  # one of the kernel's TCP states


class Running(NamedTuple):
    """The answer of a running device to /healthz."""

    camera: CameraState
    detail: str


def ask_device(web: WebConfig) -> Running | None:
    """Return the state of the device on the configured port, None when no device answers there."""
    host = host_from_here(web.host)
    host = f"[{host}]" if ":" in host else host
    url = f"{'https' if web.tls else 'http'}://{host}:{web.port}/healthz"
    # The certificate is self-signed, and the request stays on this machine, past any proxy.
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=_any_certificate())
    )
    try:
        with opener.open(url, timeout=_PATIENCE_S) as answer:
            return _understood(answer.status, answer.read(1000))
    except urllib.error.HTTPError as exc:
        with exc:
            return _understood(exc.code, exc.read(1000))
    except (OSError, ValueError, http.client.HTTPException):
        return None


def _any_certificate() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def _understood(status: int, body: bytes) -> Running | None:
    """Parse the answer of /healthz: "ok", or with 503 the camera's state, a colon and a reason."""
    text = body.decode("utf-8", "replace").strip()
    if (status, text) == (200, "ok"):
        return Running(CameraState.LIVE, "")
    state, _, detail = text.partition(": ")
    if status == 503 and state in set(CameraState):
        return Running(CameraState(state), detail)
    return None


def check_port(web: WebConfig, running: Running | None, root: Path = ROOT) -> Finding:
    """Check that the page's port is free or used by the device; else name the program."""
    where = f"{web.host} port {web.port}"
    if running is not None:
        return passed("port", f"{where}: the device is running there")
    try:
        listen(web.host, web.port).close()
    except OSError as exc:
        message = f"{where}: {(exc.strerror or str(exc)).partition(' (')[0].lower()}"
        if exc.errno not in _ABOUT_THE_PORT:
            return failed("port", message, "host")
        holders = port_holders(root, web.port) if exc.errno == errno.EADDRINUSE else []
        message += f". Used by {', '.join(holders)}" if holders else ""
        return failed("port", message, "port")
    if 0 < web.port < _FIRST_FOR_ALL and os.geteuid() == 0:
        return warned("port", f"{where}: free for root only, and the service is not root", "port")
    return passed("port", f"{where}: free")


def running_camera(running: Running) -> Finding:
    """Report the camera's state as the running device states it."""
    message = f"the device is running: {running.camera}"
    if running.detail:
        message += f", {running.detail}"
    match running.camera:
        case CameraState.LIVE:
            return passed("camera", message)
        case CameraState.STARTING:
            return warned("camera", message, "camera")
        case CameraState.PAUSING | CameraState.PAUSED:
            return warned("camera", message, "camera-paused")
        case CameraState.LOST:
            return failed("camera", message, "camera-lost")


def camera_holders(root: Path) -> list[str]:
    """Return the programs that have a video device open.

    Root sees all programs, any other user only its own.
    """
    return [str(held) for held in _holding(root, ("/dev/video", "/dev/media"))]


def port_holders(root: Path, port: int) -> list[str]:
    """Return the programs that listen on a port, or their users where only those are visible.

    The list is empty where /proc does not show the sockets.
    """
    holders = []
    for inode, uid in _listening(root, port):
        holders += [str(held) for held in _holding(root, (f"socket:[{inode}]",))] or [
            f"a program of {user_name(uid)}"
        ]
    return sorted(set(holders))


def user_name(uid: int) -> str:
    """Return the name of a user, or "user" and the number without one."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"


class _Process(NamedTuple):
    name: str
    number: str

    def __str__(self) -> str:
        return f"{self.name} ({self.number})"


def _holding(root: Path, starts: tuple[str, ...]) -> list[_Process]:
    """Return the processes with an open file whose name begins with one of `starts`, sorted."""
    numbers = {
        link.parent.parent.name
        for link in root.glob("proc/[0-9]*/fd/*")
        if _target(link).startswith(starts)
    }
    return sorted(_Process(_name(root / "proc" / number), number) for number in numbers)


def _listening(root: Path, port: int) -> list[tuple[str, int]]:
    """Return the inode and the user's number of each socket that listens on a TCP port."""
    # proc_pid_net(5): local_address is the second field, then come the other's, the state, three
    # that do not matter here, the user and the inode.
    rows = [row.split() for name in ("tcp", "tcp6") for row in lines_of(root / "proc/net" / name)]
    return [
        (row[9], int(row[7]))
        for row in rows
        if len(row) > 9 and row[3] == _LISTENS and row[1].endswith(f":{port:04X}")
    ]


def _target(link: Path) -> str:
    with contextlib.suppress(OSError):  # the process may have ended, or be another user's
        return os.readlink(link)  # noqa: PTH115 (a name is wanted, not a path that must exist)
    return ""


def _name(process: Path) -> str:
    return next(iter(lines_of(process / "comm")), "a program").strip()
