"""The host names that the device accepts: a site that rebinds its DNS name to us has another."""

from __future__ import annotations

import re
from collections.abc import Iterable

from edge.config.hostnames import canonical_host, is_address

# A name or an IPv4 address, or an IPv6 address in brackets; then perhaps a port.
_HOST = re.compile(
    r"(?:(?P<name>[A-Za-z0-9_.-]{1,253})|\[(?P<ipv6>[0-9A-Fa-f:.]{2,45})\])(?::\d{1,5})?"
)


class AllowedHosts:
    """Accepts addresses, names without a dot, *.local and the names in the settings; any port."""

    def __init__(self, names: Iterable[str] = ()) -> None:
        """`names` come from the settings. Raises ValueError for one that is not a host name."""
        self._names = frozenset(map(canonical_host, names))

    def is_well_formed(self, host: str) -> bool:
        """Whether this is a valid value of a Host header."""
        return _HOST.fullmatch(host) is not None

    def allows(self, host: str) -> bool:
        """Whether the device accepts requests for `host`, a Host header's value."""
        match = _HOST.fullmatch(host)
        if match is None:
            return False
        if match["ipv6"]:
            return is_address(match["ipv6"])
        name = match["name"].lower().removesuffix(".")
        dotless = "." not in name and name != ""
        return dotless or name.endswith(".local") or is_address(name) or name in self._names
