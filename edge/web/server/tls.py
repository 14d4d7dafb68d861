"""TLS on a connection that never blocks: a silent client does not delay the others."""

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
    """Return the wrapped socket, before its handshake. Raises OSError."""
    return context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)


def shake_hands(sock: ssl.SSLSocket) -> bool:
    """Continue the handshake; return whether it is finished. Raises OSError when it fails.

    A client that speaks plain http gets an error message.
    """
    try:
        sock.do_handshake()
    except NOT_YET:
        return False  # never for lack of send buffer: it is larger than the handshake's messages
    except ssl.SSLError as exc:
        if exc.reason == "HTTP_REQUEST":
            with contextlib.suppress(OSError):
                socket.socket.send(sock, _PLAIN_ANSWER)  # not its own method, which encrypts
        raise
    return True
