"""The clients that are logged in: what they send goes first while the device is busy. No I/O."""

from __future__ import annotations

import threading

from edge.web.auth.rate_limit import client_of

_MOST_KNOWN = 64


class KnownClients:
    """The clients that sent valid credentials last, at most 64; from any thread.

    Other machines behind the same address are known with them.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._clients: dict[str, None] = {}

    def note(self, address: str) -> None:
        """Note that a request from this address had valid credentials."""
        client = client_of(address)
        with self._lock:
            self._clients.pop(client, None)
            self._clients[client] = None
            if len(self._clients) > _MOST_KNOWN:
                del self._clients[next(iter(self._clients))]

    def __contains__(self, client: object) -> bool:
        """Whether this client, as `client_of` names it, is known."""
        return client in self._clients
