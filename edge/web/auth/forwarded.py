"""What a trusted reverse proxy says about a request: the client, the scheme, the host, the prefix.

From any other address these headers prove nothing and are ignored: each client can send them.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from edge.web.auth.rate_limit import plain_address

_MOST_HOPS = 16
_PREFIX = re.compile(r"(?:/[A-Za-z0-9._~-]+)+")
_SCHEMES = ("http", "https")
# Home Assistant's ingress calls it X-Ingress-Path.
_PREFIX_HEADERS = ("HTTP_X_FORWARDED_PREFIX", "HTTP_X_INGRESS_PATH")


class TrustedProxies:
    """The addresses of the proxies that are believed."""

    def __init__(self, networks: Iterable[str] = ()) -> None:
        """Raise ValueError for what is neither an address nor a network."""
        self._networks = [ipaddress.ip_network(text, strict=False) for text in networks]

    def __contains__(self, address: str) -> bool:
        """Whether this address is a proxy's. False for what is no address."""
        try:
            ip = ipaddress.ip_address(plain_address(address))
        except ValueError:
            return False
        return any(ip in network for network in self._networks)

    def client_behind(self, peer: str, forwarded_for: str) -> str:
        """Return the client of a connection from `peer`, by the proxies' X-Forwarded-For.

        Each proxy appends the address that it got the request from. So the list is read from its
        end, and the first address that is not a trusted proxy's is the client's. A client can write
        only what is before that.
        """
        client = peer
        hops = forwarded_for.split(",")[-_MOST_HOPS:] if forwarded_for else []
        for hop in reversed(hops):
            if client not in self:
                break
            address = plain_address(_without_port(hop.strip()))
            if address == "unknown":
                break
            client = address
        return client


NO_PROXIES = TrustedProxies()


class Forwarded:
    """WSGI middleware that puts what a trusted proxy says into the request."""

    def __init__(self, app: WSGIApplication, proxies: TrustedProxies) -> None:
        self._app = app
        self._proxies = proxies

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request."""
        peer = str(environ.get("REMOTE_ADDR", ""))
        if peer in self._proxies:
            forwarded_for = _header(environ, "HTTP_X_FORWARDED_FOR")
            environ["REMOTE_ADDR"] = self._proxies.client_behind(peer, forwarded_for)
            _take_place(environ)
            _take_prefix(environ)
        return self._app(environ, start_response)


def _take_place(environ: WSGIEnvironment) -> None:
    """Take over scheme and host, of the proxy that is next to the device."""
    scheme = _last(environ, "HTTP_X_FORWARDED_PROTO").lower()
    if scheme in _SCHEMES:
        environ["wsgi.url_scheme"] = scheme
    if host := _last(environ, "HTTP_X_FORWARDED_HOST"):
        environ["HTTP_HOST"] = host  # which the request guard checks


def _take_prefix(environ: WSGIEnvironment) -> None:
    """Move the path prefix to the root, whether the proxy has removed it from the path or not."""
    prefix = next(filter(None, (_last(environ, name) for name in _PREFIX_HEADERS)), "").rstrip("/")
    if not _PREFIX.fullmatch(prefix) or {".", ".."} & set(prefix.split("/")):
        return
    path = str(environ.get("PATH_INFO", ""))
    if path == prefix or path.startswith(f"{prefix}/"):
        environ["PATH_INFO"] = path.removeprefix(prefix)
    environ["SCRIPT_NAME"] = prefix


def _header(environ: Mapping[str, object], name: str) -> str:
    return str(environ.get(name, ""))


def _last(environ: Mapping[str, object], name: str) -> str:
    return _header(environ, name).rpartition(",")[2].strip()


def _without_port(hop: str) -> str:
    """Return the address of a hop: some proxies write 1.2.3.4:5678 or [::1]:5678."""
    if hop.startswith("["):
        return hop[1:].partition("]")[0]
    return hop.partition(":")[0] if hop.count(":") == 1 else hop
