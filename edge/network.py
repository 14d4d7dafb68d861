"""The addresses of this machine, and a socket that listens on one of them."""

from __future__ import annotations

import contextlib
import fcntl
import ipaddress
import logging
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

_SIOCGIFADDR = 0x8915  # netdevice(7); the address lies after the name and the family
_NAME_BYTES, _ADDRESS_AT = 16, 20
# In /proc/net/if_inet6, of linux/if_addr.h: temporary, failed, deprecated, tentative
_PASSING_FLAGS = 0x01 | 0x08 | 0x20 | 0x40
# Documentation addresses, used only to find a route: RFC 5737, RFC 3849.
_ELSEWHERE = ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1"))

log = logging.getLogger(__name__)


def listen(host: str, port: int, backlog: int = 32) -> socket.socket:
    """Return a socket that listens on one address of `host`, IPv4 rather than IPv6.

    `::` is every address of the machine, IPv4 too. Raises socket.gaierror for an unknown name, and
    another OSError when the port cannot be opened.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except ValueError as exc:  # a name that cannot be encoded
        raise socket.gaierror(socket.EAI_NONAME, "not a host name") from exc
    family, _, _, _, address = min(found, key=lambda info: info[0] != socket.AF_INET)
    return socket.create_server(
        address,
        family=family,
        backlog=backlog,
        dualstack_ipv6=address[0] == "::" and socket.has_dualstack_ipv6(),
    )


def own_addresses() -> list[str]:
    """Return the addresses at which other machines may reach this one, the likeliest first.

    Link-local addresses are left out, since browsers do not support them. So are temporary and
    deprecated IPv6 addresses, and those of bridges, which serve containers, unless the default
    route leads through the bridge.
    """
    found = [address for family, there in _ELSEWHERE if (address := _routed(family, there))]
    for _, name in socket.if_nameindex():
        if not Path("/sys/class/net", name, "bridge").exists():
            found += [*_ipv4_of(name), *_ipv6_of(name)]
    addresses = [ipaddress.ip_address(text) for text in dict.fromkeys(found)]
    reachable = [a for a in addresses if not (a.is_loopback or a.is_link_local)]
    return [str(address) for address in sorted(reachable, key=lambda a: a.version)]


def _routed(family: int, there: str) -> str:
    """Return the source address of packets for `there`; no packet is sent."""
    with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.connect((there, 9))
        return str(probe.getsockname()[0])
    log.debug("no route with %s", socket.AddressFamily(family).name)
    return ""


def _ipv4_of(interface: str) -> Iterator[str]:
    """Yield the interface's first address, if it has one."""
    request = struct.pack("256s", interface.encode()[: _NAME_BYTES - 1])
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        answer = fcntl.ioctl(asked, _SIOCGIFADDR, request)
        yield socket.inet_ntoa(answer[_ADDRESS_AT : _ADDRESS_AT + 4])


def _ipv6_of(interface: str) -> Iterator[str]:
    """Yield the interface's permanent addresses."""
    try:
        lines = Path("/proc/self/net/if_inet6").read_text("ascii").splitlines()
    except OSError:
        return  # no IPv6 here
    for line in lines:
        digits, _, _, _, flags, name = line.split()
        if name == interface and not int(flags, 16) & _PASSING_FLAGS:
            yield str(ipaddress.IPv6Address(int(digits, 16)))
