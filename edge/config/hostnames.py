"""Converts host names and addresses to the form of a Host header."""

from __future__ import annotations

import ipaddress
import re
import unicodedata

_LONGEST_NAME, _LONGEST_LABEL = 253, 63  # RFC 1035 2.3.4, without the root's dot
_LONGEST_TEXT = 1000  # with scheme and path
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
# What browsers take for an IPv4 address, https://url.spec.whatwg.org/#ends-in-a-number-checker
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_SCHEME, _PORT = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://"), re.compile(r":\d*\Z")
_FROM_HERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 (compared, not bound)
_EXPECTED = "an address, or a name without scheme, brackets, port or path"


def canonical_host(text: str) -> str:
    """Return a name or an address as browsers send it: in lower case, and in ASCII (IDNA).

    Raises ValueError, whose message states what was expected and, if possible, a correction.
    """
    if len(text) > _LONGEST_TEXT:
        raise ValueError(f"expected {_EXPECTED}")
    if is_address(text):
        return str(ipaddress.ip_address(text))
    labels = unicodedata.normalize("NFKC", text.lower()).replace("\u3002", ".").split(".")
    if len(labels) > 1 and not labels[-1]:
        labels.pop()  # the root's dot
    name = ".".join(map(_in_ascii, labels))
    if (
        not all(_LABEL.fullmatch(label) for label in name.split("."))
        or _NUMBER.fullmatch(name.rpartition(".")[2])
        or len(name) > _LONGEST_NAME
    ):
        raise ValueError(_advice(text))
    return name


def host_problem(text: str) -> str:
    """Return why this is neither a name nor an address, "" for a valid one."""
    try:
        canonical_host(text)
    except ValueError as exc:
        return str(exc)
    return ""


def is_loopback(host: str) -> bool:
    """Whether this address or name is this machine's own, and no other machine's."""
    name = host.lower().removesuffix(".")
    if not is_address(host):
        return name == "localhost" or name.endswith(".localhost")  # RFC 6761 6.3
    address = ipaddress.ip_address(host)
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback


def host_from_here(host: str) -> str:
    """Return where a server on `host` is asked on its own machine: 0.0.0.0 is every address."""
    host = canonical_host(host)  # :: may be written in many ways
    return _FROM_HERE.get(host, host)


def is_address(text: str) -> bool:
    """Whether this is an IPv4 or IPv6 address; the latter may have a zone, as fe80::1%eth0."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return text.isprintable() and " " not in text and len(text) <= 64  # a zone may hold anything


def _in_ascii(label: str) -> str:
    """Return one label of a name in the form of the domain name system.

    It is UTS 46 without transitional mapping, as in browsers. Python's own codec "idna" follows the
    standard of 2003, which maps a sharp s to another name.
    """
    if label.isascii():
        return label
    if len(label) > _LONGEST_LABEL or any(_is_no_letter(sign) for sign in label):
        return ""
    return f"xn--{label.encode('punycode').decode('ascii')}"


def _is_no_letter(sign: str) -> bool:
    """Whether a name cannot hold this character: no letter, mark, number, symbol or hyphen."""
    return sign != "-" and unicodedata.category(sign)[0] not in "LMNS"


def _advice(text: str) -> str:
    """Return what was expected in place of `text`."""
    if "*" in text:
        return "expected each name in full: * is not supported"
    bare = re.split(r"[/?#]", _SCHEME.sub("", text.strip(), count=1), maxsplit=1)[0]
    bare = _PORT.sub("", bare.rpartition("@")[2]).removeprefix("[").removesuffix("]")
    if bare != text and not host_problem(bare):
        return f"expected {_EXPECTED}; write {bare!r}"
    return f"expected {_EXPECTED}"
