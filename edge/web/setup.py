"""How one gets to the page: its addresses, the code that opens it, and its certificate."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from edge.config import Config, WebConfig
from edge.config.hostnames import canonical_host, host_from_here, host_problem, is_loopback
from edge.network import own_addresses
from edge.state import AccessCode, KeptFile, find_folder, login_secret, open_folder
from edge.web.auth.access_code import Access, Door
from edge.web.auth.allowed_hosts import Hosts
from edge.web.auth.sessions import Logins
from edge.web.certificate import Certificate, keep_certificate

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Served:
    """Where the page is, the access code that opens it, and its certificate's fingerprint.

    The first address is for this machine's own browser. Without a code the page stands open;
    without a fingerprint it is not encrypted.
    """

    urls: tuple[str, ...]
    code: str | None
    fingerprint: str | None

    @property
    def for_phones(self) -> str | None:
        """The address that a phone most likely reaches, None when only this machine does."""
        here, *elsewhere = self.urls
        is_local = is_loopback(urlsplit(here).hostname or "")
        return elsewhere[0] if elsewhere else None if is_local else here


@dataclass(frozen=True, slots=True)
class Entrance:
    """Who may look; the code for telling it, None: it stands open; and the certificate if any."""

    access: Access
    code: AccessCode | None
    certificate: Certificate | None

    def served(self, web: WebConfig, port: int) -> Served:
        """Return what a person needs to know, with the code in force now."""
        return Served(
            page_urls(web, port),
            None if self.code is None else self.code(),
            None if self.certificate is None else self.certificate.fingerprint,
        )


def open_entrance(config: Config) -> Entrance:
    """Read or make what is kept in the state folder. Raises ConfigError, StateError."""
    access, code = open_access(config)
    return Entrance(access, code, _open_certificate(config))


def open_access(config: Config) -> tuple[Access, AccessCode | None]:
    """Return who may look, and the code for telling it. Raises ConfigError, StateError."""
    hosts = Hosts((*config.web.allowed_hosts, config.web.host))
    if config.web.auth == "none":
        if not is_loopback(config.web.host):
            log.warning('web: [web] auth = "none": whoever reaches this device may look')
        return Access(hosts, None), None
    folder = open_folder(find_folder(config.state))
    code = AccessCode(folder)
    logins = Logins(login_secret(folder), KeptFile(folder / "ended-logins"))
    return Access(hosts, Door(code, logins)), code


def _open_certificate(config: Config) -> Certificate | None:
    if not config.web.tls:
        return None
    return keep_certificate(open_folder(find_folder(config.state)), config.web.allowed_hosts)


def page_urls(
    web: WebConfig, port: int, *, addresses: Iterable[str] | None = None, name: str | None = None
) -> tuple[str, ...]:
    """Return the page's address for this machine's browser, then those for others if any.

    The last of these is the machine's name, which not every phone can resolve. `addresses` and
    `name` stand in for the machine's own in tests.
    """
    host, here = canonical_host(web.host), host_from_here(web.host)
    hosts = [here]
    if here != host:
        found = own_addresses() if addresses is None else addresses
        hosts += [a for a in found if host == "::" or ":" not in a]
        hosts += _multicast_names(socket.gethostname() if name is None else name)
    scheme = "https" if web.tls else "http"
    return tuple(f"{scheme}://{f'[{h}]' if ':' in h else h}:{port}" for h in hosts)


def _multicast_names(hostname: str) -> list[str]:
    """Return what the network's phones may call this machine, nothing when it has no name."""
    name = hostname.partition(".")[0]
    return [] if name in ("", "localhost") or host_problem(name) else [f"{name}.local"]
