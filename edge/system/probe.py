"""Whether the port is free, whether the device runs already, and who holds the camera."""

from __future__ import annotations

import contextlib
import http.client
import os
import ssl
import urllib.error
import urllib.request
from pathlib import Path
from typing import NamedTuple

from edge.config import WebConfig
from edge.datatypes import CameraState
from edge.network import listen
from edge.system.finding import Finding, failed, passed, warned

_PATIENCE_S = 3.0
_FIRST_FOR_ALL = 1024  # ports below are root's


class Running(NamedTuple):
    """What a device that runs says of itself on /healthz."""

    camera: CameraState
    detail: str


def ask_device(web: WebConfig) -> Running | None:
    """Return how the device on the configured port is, None when nothing of ours answers there."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(web.host, web.host)  # noqa: S104 (compared)
    host = f"[{host}]" if ":" in host else host
    url = f"{'https' if web.tls else 'http'}://{host}:{web.port}/healthz"
    # The device made its certificate itself, and is asked on this machine, past any proxy.
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
    """Return what /healthz said: "ok", or with 503 the camera's state, a colon and why."""
    text = body.decode("utf-8", "replace").strip()
    if (status, text) == (200, "ok"):
        return Running(CameraState.LIVE, "")
    state, _, detail = text.partition(": ")
    if status == 503 and state in set(CameraState):
        return Running(CameraState(state), detail)
    return None


def check_port(web: WebConfig, running: Running | None) -> Finding:
    """Say whether the page's port is free or used by the device itself."""
    where = f"{web.host} port {web.port}"
    if running is not None:
        return passed("port", f"{where}: the device is running there")
    try:
        listen(web.host, web.port).close()
    except OSError as exc:
        reason = (exc.strerror or str(exc)).partition(" (")[0].lower()
        return failed("port", f"{where}: {reason}", "port")
    if 0 < web.port < _FIRST_FOR_ALL and os.geteuid() == 0:
        return warned("port", f"{where}: free for root alone, and the service is not root", "port")
    return passed("port", f"{where}: free")


def running_camera(running: Running) -> Finding:
    """Say how the camera is that the running device holds."""
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
    """Return the programs that have a video device open, as far as this user may know.

    Everybody knows their own, root knows all.
    """
    holders = {
        process.name
        for link in root.glob("proc/[0-9]*/fd/*")
        if _target(link).startswith(("/dev/video", "/dev/media"))
        for process in (link.parent.parent,)
    }
    return sorted(f"{_name(root / 'proc' / number)} ({number})" for number in holders)


def _target(link: Path) -> str:
    with contextlib.suppress(OSError):  # the process may have ended, or be another user's
        return os.readlink(link)  # noqa: PTH115 (a name is wanted, not a path that must exist)
    return ""


def _name(process: Path) -> str:
    with contextlib.suppress(OSError):
        return (process / "comm").read_text("utf-8", "replace").strip()
    return "a program"
