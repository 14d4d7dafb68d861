"""TLS on a connection that never blocks: a client that says nothing keeps no other waiting."""

from __future__ import annotations

import contextlib
import socket
import ssl

from edge.web.server.writer import NOT_YET

_PLAIN_ANSWER = (
    b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Type: text/plain\r\n\r\n"
    b"This page is served over https only: write https:// before its address.\n"
)


def wrap(context: ssl.SSLContext, sock: socket.socket) -> ssl.SSLSocket:
    """Return the connection wrapped, its hands not yet shaken. Raises OSError."""
    return context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)


def shake_hands(sock: ssl.SSLSocket) -> bool:
    """Go on with the handshake; whether it is finished. Raises OSError when it fails.

    Somebody who speaks plain http is told so.
    """
    try:
        sock.do_handshake()
    except NOT_YET:
        return False  # never for want of room to write: the socket's buffer is larger than a flight
    except ssl.SSLError as exc:
        if exc.reason == "HTTP_REQUEST":
            with contextlib.suppress(OSError):
                socket.socket.send(sock, _PLAIN_ANSWER)  # its own method would encrypt
        raise
    return True
