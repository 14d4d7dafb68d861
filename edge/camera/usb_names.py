"""Finds a USB camera by a name that stays: the number of its /dev/videoN depends on the order."""

from __future__ import annotations

import re
from pathlib import Path

from edge.camera.v4l2 import usb_cameras, video_devices
from edge.errors import CameraNotFound
from edge.files import matching

_CLASSES = Path("sys/class/video4linux")
_LINKS = Path("dev/v4l/by-id")
_VIDEO = re.compile(r"/video(\d{1,7})\Z")


def camera_number(value: str, root: Path = Path("/")) -> int:
    """Return the N of /dev/videoN for the text after `v4l2:`, which is no number.

    It is a path, such as /dev/v4l/by-id/..., or the name that the camera states, or the beginning
    of that name; case does not matter. Raises CameraNotFound, which lists what there is.
    """
    return _by_path(value, root) if value.startswith("/") else _by_name(value, root)


def _by_path(value: str, root: Path) -> int:
    try:
        target = (root / value.lstrip("/")).resolve(strict=True)
    except (OSError, RuntimeError, ValueError) as exc:
        links = [f"v4l2:/{_LINKS}/{link.name}" for link in sorted(matching(root / _LINKS, "*"))]
        known = f"found {', '.join(links)}" if links else "no USB camera is plugged in"
        raise CameraNotFound(f"v4l2:{value}: there is no such camera; {known}") from exc
    match = _VIDEO.search(str(target))
    if match is None:
        raise CameraNotFound(f"v4l2:{value}: this is no camera; a camera is /dev/videoN")
    return int(match[1])


def _by_name(value: str, root: Path) -> int:
    names = {number: _name_of(number, root) for number in usb_cameras(root / _CLASSES)}
    wanted = value.casefold().strip()
    same = [number for number, name in names.items() if name.casefold() == wanted]
    found = same or [n for n, name in names.items() if name.casefold().startswith(wanted)]
    if len(found) == 1:
        return found[0]
    known = ", ".join(f"v4l2:{name or number}" for number, name in names.items())
    if found:
        raise CameraNotFound(
            f"v4l2:{value}: {len(found)} cameras have this name; name one by its path in "
            f"/{_LINKS}, or by its number: {', '.join(f'v4l2:{number}' for number in found)}"
        )
    known = f"found {known}" if known else _nothing(root)
    raise CameraNotFound(f"v4l2:{value}: no USB camera has this name; {known}")


def _name_of(number: int, root: Path) -> str:
    try:
        return (root / _CLASSES / f"video{number}" / "name").read_text("utf-8", "replace").strip()
    except OSError:
        return ""


def _nothing(root: Path) -> str:
    others = video_devices(root / "dev")
    if not others:
        return "no USB camera is plugged in"
    return f"of /dev/video{others[0]} to /dev/video{others[-1]} none is a USB camera"
