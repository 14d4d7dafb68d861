"""The types of single settings: ranges, and checks of paths and hosts."""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from typing import Annotated, Literal, get_args
from urllib.parse import urlsplit

import msgspec

from edge.config.hostnames import host_problem

PROBLEM = "problem"
"""In a Meta's `extra`: a function that returns what was expected, "" for a valid text."""

# What Linux allows: https://man7.org/linux/man-pages/man7/path_resolution.7.html
_LONGEST_PATH, _LONGEST_NAME = 4095, 255


def path_problem(text: str) -> str:
    """Return what was expected in place of an impossible path, "" for a possible one."""
    if "\0" in text:
        return "expected a path without NUL"
    path = text.encode("utf-8")
    if len(path) > _LONGEST_PATH or max(map(len, path.split(b"/"))) > _LONGEST_NAME:
        return f"expected a path of at most {_LONGEST_PATH} bytes, {_LONGEST_NAME} for each name"
    if text.startswith("~"):
        try:
            Path(text).expanduser()
        except RuntimeError:
            return f"expected an absolute path: {text.partition('/')[0]} has no home folder"
    return ""


def text_problem(text: str) -> str:
    """Return what was expected in place of a text with control characters, "" for any other."""
    return "" if text.isprintable() else "expected a text of one line without control characters"


def topic_problem(text: str) -> str:
    """Return what was expected in place of an impossible start of an MQTT topic.

    https://docs.oasis-open.org/mqtt/mqtt/v5.0/os/mqtt-v5.0-os.html#_Toc3901241
    """
    if any(sign in text for sign in "+#") or text.startswith("$"):
        return "expected a topic without +, # and a leading $, which brokers reserve"
    if not all(text.split("/")):
        return "expected a topic without a / at its start or end, and without //"
    return text_problem(text)


def url_problem(text: str, *, may_hold_password: bool = False) -> str:
    """Return what was expected in place of an address that cannot be used, or holds a password."""
    if text == "none" and not may_hold_password:
        return ""
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "expected an address as http://HOST:PORT/PATH"
    if parts.scheme not in ("http", "https") or not host or not text.isascii() or " " in text:
        return "expected an address that begins with http:// or https://"
    if parts.username is not None and not may_hold_password:
        return "expected no password in it: write the address to a file and set url_file"
    return text_problem(text)


def source_problem(text: str) -> str:
    """Return what was expected in place of an impossible path or address, "" for a possible one."""
    kind, _, path = text.partition(":")
    if kind in ("file", "images"):
        return path_problem(path)
    return _address_problem(text) if kind in ("rtsp", "http", "https") else ""


def _address_problem(text: str) -> str:
    """Return what was expected in place of the address of a network camera."""
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "expected an address such as rtsp://192.168.1.20:554/stream1"
    if parts.username is not None or parts.password is not None:
        return (
            "expected no user and password in the address, where they would be shown: write "
            "user:password into a file and set [camera] login_file"
        )
    if not text.isprintable() or " " in text or not host:
        return "expected an address such as rtsp://192.168.1.20:554/stream1"
    return host_problem(host)


def origin_problem(text: str) -> str:
    """Return what was expected in place of this origin of a page, "" for a valid one."""
    if text == "self":
        return ""
    scheme, _, place = text.partition("://")
    match = _PLACE.fullmatch(place)
    port = int(match["port"] or 0) if match else -1
    if scheme not in ("http", "https") or match is None or port > _HIGHEST_PORT:
        return f"expected {_ORIGIN}"
    return host_problem(match["ipv6"] or match["name"])


def network_problem(text: str) -> str:
    """Return what was expected in place of this address or network, "" for a valid one."""
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        return f"expected {_NETWORK}"
    if network.prefixlen == 0:
        return (
            "expected the proxy's own address: with every address, any client could claim another"
        )
    if str(network.network_address) != text.partition("/")[0].lower():
        return f"expected {_NETWORK}; write {str(network)!r}"
    return ""


# An origin's host and port; an IPv6 address has brackets.
_PLACE = re.compile(
    r"(?:(?P<name>[^\s:/?#@\[\]]+)|\[(?P<ipv6>[^\s/?#@\[\]]+)\])(?::(?P<port>\d{1,5}))?"
)
_HIGHEST_PORT = 65535
_ORIGIN = "self or an origin such as https://ha.local:8123"
_NETWORK = "an address such as 192.168.1.5, or a network such as 172.30.32.0/23"

Port = Annotated[int, msgspec.Meta(ge=0, le=65535)]
Pin = Annotated[int, msgspec.Meta(ge=0, le=27)]
PrivacyMode = Literal["off", "pixelate", "boxes-only"]
PRIVACY_MODES: tuple[PrivacyMode, ...] = get_args(PrivacyMode)
"""Each mode shows less than the one before."""
DayTime = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^(none|([01][0-9]|2[0-3]):[0-5][0-9])\Z",
        description="none, or a time of day from 00:00 to 23:59",
    ),
]
Unit = Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]
ShortTime = Annotated[float, msgspec.Meta(ge=0.0, le=10.0)]
Host = Annotated[
    str,
    msgspec.Meta(
        min_length=1, description="an address or a host name", extra={PROBLEM: host_problem}
    ),
]
Origin = Annotated[str, msgspec.Meta(description=_ORIGIN, extra={PROBLEM: origin_problem})]
Network = Annotated[str, msgspec.Meta(description=_NETWORK, extra={PROBLEM: network_problem})]
Folder = Annotated[
    str,
    msgspec.Meta(
        min_length=1, description="auto or the path of a folder", extra={PROBLEM: path_problem}
    ),
]
OptionalFile = Annotated[
    str,
    msgspec.Meta(
        min_length=1, description="none or the path of a file", extra={PROBLEM: path_problem}
    ),
]
ModelFile = Annotated[
    str,
    msgspec.Meta(
        pattern=r"(?s)^(auto|.*[^/]\.tflite)\Z",
        description="auto or the path of a .tflite",
        extra={PROBLEM: path_problem},
    ),
]
Source = Annotated[
    str,
    msgspec.Meta(
        # V4L2 has 256 devices at most. A camera's name has 31 bytes at most.
        pattern=r"(?s)^(auto|demo|picamera2(:[0-9]{1,3})?|v4l2:([0-9]{1,3}|/dev/[^\0\n]{1,200}"
        r"|(?![0-9]+\Z)[^\s\0/][^\0\n/]{2,63})|(file|images):.+|(rtsp|https?)://[^\0]{1,2000})\Z",
        description="auto, demo, picamera2, picamera2:N, v4l2:N, v4l2:NAME, file:PATH, images:DIR, "
        "rtsp://... or http://...",
        extra={PROBLEM: source_problem},
    ),
]
CertificateFile = Annotated[
    str,
    msgspec.Meta(
        min_length=1, description="system or the path of a PEM file", extra={PROBLEM: path_problem}
    ),
]
PasswordFile = Annotated[
    str,
    msgspec.Meta(
        min_length=1,
        description="environment or the path of a file",
        extra={PROBLEM: path_problem},
    ),
]
ShortText = Annotated[
    str,
    msgspec.Meta(
        min_length=1,
        max_length=128,
        description="a text of 1 to 128 characters",
        extra={PROBLEM: text_problem},
    ),
]
DeviceId = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^[A-Za-z0-9_-]{1,64}\Z",
        description="auto, or at most 64 of the characters A-Z a-z 0-9 _ -",
    ),
]
Topic = Annotated[
    str,
    msgspec.Meta(
        min_length=1,
        max_length=128,
        description="the start of a topic, at most 128 characters",
        extra={PROBLEM: topic_problem},
    ),
]
Url = Annotated[
    str,
    msgspec.Meta(
        min_length=1,
        max_length=2000,
        description="none, or an http or https address",
        extra={PROBLEM: url_problem},
    ),
]
