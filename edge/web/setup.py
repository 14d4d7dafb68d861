"""The setup of web access: the page's addresses, the access code and the certificate."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from edge.config import Config, WebConfig
from edge.config.hostnames import canonical_host, host_from_here, host_problem, is_loopback
from edge.network import own_addresses
from edge.state import KeptFile, find_folder, open_folder
from edge.web.auth.access_code import AccessCode, login_secret
from edge.web.auth.allowed_hosts import AllowedHosts
from edge.web.auth.authenticator import Access, Authenticator
from edge.web.auth.forwarded import TrustedProxies
from edge.web.auth.sessions import Sessions
from edge.web.auth.tokens import TOKENS_FILE, AccessTokens
from edge.web.certificate import Certificate, keep_certificate

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PageInfo:
    """The page's addresses, the access code, and the certificate's fingerprint.

    The first address is for a browser on this machine. `code` is None when none is needed,
    `fingerprint` is None without TLS.
    """

    urls: tuple[str, ...]
    code: str | None
    fingerprint: str | None

    @property
    def for_phones(self) -> str | None:
        """The address that a phone most likely reaches, None when only this machine can."""
        here, *elsewhere = self.urls
        is_local = is_loopback(urlsplit(here).hostname or "")
        return elsewhere[0] if elsewhere else None if is_local else here


@dataclass(frozen=True, slots=True)
class WebSetup:
    """The access rules, the access code if one is needed, and the certificate if there is one."""

    access: Access
    code: AccessCode | None
    certificate: Certificate | None

    def page_info(self, web: WebConfig, port: int) -> PageInfo:
        """Return what a person needs to open the page, with the present code."""
        return PageInfo(
            page_urls(web, port),
            None if self.code is None else self.code(),
            None if self.certificate is None else self.certificate.fingerprint,
        )


def set_up_web(config: Config) -> WebSetup:
    """Read or create the files in the state folder. Raises ConfigError, StateError."""
    access, code = open_access(config)
    return WebSetup(access, code, _open_certificate(config))


def open_access(config: Config) -> tuple[Access, AccessCode | None]:
    """Return the access rules, and the code if one is needed. Raises ConfigError, StateError."""
    hosts = AllowedHosts((*config.web.allowed_hosts, config.web.host))
    ancestors = tuple("'self'" if o == "self" else o for o in config.web.frame_ancestors)
    proxies = TrustedProxies(config.web.trusted_proxies)
    if config.web.auth == "none":
        if not is_loopback(config.web.host):
            log.warning(
                'web: [web] auth = "none": every machine that reaches this device can see the page'
            )
        return Access(hosts, None, None, ancestors, proxies), None
    folder = open_folder(find_folder(config.state))
    code = AccessCode(folder)
    sessions = Sessions(login_secret(folder), KeptFile(folder / "ended-logins"))
    tokens = AccessTokens(KeptFile(folder / TOKENS_FILE))
    return Access(hosts, Authenticator(code, sessions), tokens, ancestors, proxies), code


def _open_certificate(config: Config) -> Certificate | None:
    if not config.web.tls:
        return None
    return keep_certificate(open_folder(find_folder(config.state)), config.web.allowed_hosts)


def page_urls(
    web: WebConfig, port: int, *, addresses: Iterable[str] | None = None, name: str | None = None
) -> tuple[str, ...]:
    """Return the page's address for this machine's browser, then those for other machines.

    The last one contains the machine's name, which not every phone can resolve. Tests pass
    `addresses` and `name` instead of the machine's own.
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
    """Return the machine's multicast DNS name, nothing when it has no name."""
    name = hostname.partition(".")[0]
    return [] if name in ("", "localhost") or host_problem(name) else [f"{name}.local"]
