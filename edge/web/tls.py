"""TLS for cheroot, whose own way shakes hands in the loop that accepts connections.

There one client that says nothing would keep everybody else waiting. Here the connection is only
wrapped, and the thread that serves it shakes hands first.
"""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
from typing import Any

from cheroot.makefile import StreamReader, StreamWriter
from cheroot.ssl import Adapter

_PLAIN_ANSWER = (
    b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Type: text/plain\r\n\r\n"
    b"This page is served over https only: write https:// before its address.\n"
)


class TlsAdapter(Adapter):
    """What cheroot asks to wrap its connections."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self.context = context

    def bind(self, sock: socket.socket) -> socket.socket:
        """Return the listening socket as it is."""
        return sock

    def wrap(self, sock: socket.socket) -> tuple[ssl.SSLSocket, dict[str, str]]:
        """Return the connection wrapped, its hands not yet shaken, and what a request is told."""
        wrapped = self.context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
        return wrapped, self.get_environ()

    def get_environ(self) -> dict[str, str]:
        """Return what a request is told of its connection."""
        return {"wsgi.url_scheme": "https", "HTTPS": "on"}

    def makefile(self, sock: socket.socket, mode: str = "r", bufsize: int = -1) -> Any:
        """Return a file to read from the connection, or to write to it."""
        return (StreamReader if "r" in mode else StreamWriter)(sock, mode, bufsize)


def shake_hands(sock: ssl.SSLSocket) -> bool:
    """Finish the handshake within the socket's timeout; False when the other side does not.

    Somebody who speaks plain http is told so.
    """
    try:
        sock.do_handshake()
    except ssl.SSLError as exc:
        if exc.reason == "HTTP_REQUEST":
            with contextlib.suppress(OSError), _beneath(sock) as plain:
                plain.sendall(_PLAIN_ANSWER)
        return False
    except (OSError, ValueError):
        return False
    return True


def _beneath(sock: ssl.SSLSocket) -> socket.socket:
    """Return the connection without its TLS, on a descriptor of its own."""
    plain = socket.socket(fileno=os.dup(sock.fileno()))
    plain.settimeout(1)
    return plain
