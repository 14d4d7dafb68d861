"""How one gets to the page: its addresses, the code that opens it, and its certificate."""

from __future__ import annotations

import ipaddress
import logging
import socket
from dataclasses import dataclass

from edge.certificate import Certificate, keep_certificate
from edge.config import Config, WebConfig
from edge.state import AccessCode, KeptFile, find_folder, login_secret, open_folder
from edge.web.access import Access, Door
from edge.web.hosts import Hosts
from edge.web.logins import Logins

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
    """Read or make what is kept in the state folder. Raises StateError."""
    access, code = open_access(config)
    return Entrance(access, code, _open_certificate(config))


def open_access(config: Config) -> tuple[Access, AccessCode | None]:
    """Return who may look, and the code for telling it. Raises StateError."""
    hosts = Hosts((*config.web.allowed_hosts, config.web.host))
    if config.web.auth == "none":
        if not _is_loopback(config.web.host):
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


def page_urls(web: WebConfig, port: int) -> tuple[str, ...]:
    """Return the page's address for this machine's browser, then the one for others if any."""
    scheme = "https" if web.tls else "http"
    here = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(web.host, web.host)  # noqa: S104 (not bound)
    hosts = [f"[{here}]" if ":" in here else here]
    if here != web.host:
        hosts.append(f"{socket.gethostname().partition('.')[0]}.local")
    return tuple(f"{scheme}://{host}:{port}" for host in hosts)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
