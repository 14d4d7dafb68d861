"""One client's connection: read without blocking until a request is complete, then answered."""

from __future__ import annotations

import contextlib
import io
import socket
import ssl
import time

from edge.web.auth.rate_limit import client_of
from edge.web.server.exchange import KEPT_OPEN_S, Site, respond
from edge.web.server.request_head import RefusedError, RequestHead, parse_head, split_head
from edge.web.server.tls import shake_hands
from edge.web.server.writer import NOT_YET, Writer

_REQUEST_S = 10.0  # from a request's first byte to its last
_LINGER_S = 1.0  # for the client to read a refusal: closing at once would discard it
_RECEIVE_BYTES = 32 * 1024  # more than a TLS record, so that nothing is left inside OpenSSL
_SEND_BUFFER_BYTES = 64 * 1024
_MOST_LOOKS = 8  # without a whole request, until it is read seldom; a handshake takes three
_UNHEARD_MS = 20_000  # also while the receive window is closed: not less than for a slow reader
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Connection:
    """A connection on a socket that never blocks; used by one thread at a time.

    `client` is the key of the machine at its other end, `requester` that of the client whose
    request is complete: they differ for a trusted proxy.

    Call `advance` until a request is complete, then `answer`; repeat while `is_open`.
    """

    def __init__(self, site: Site, sock: socket.socket, address: tuple[str, int]) -> None:
        self.remote_addr, self.remote_port = address
        self.client = self.requester = client_of(self.remote_addr)
        self.ssl_env = site.connection_environ
        self.socket = sock
        self.rfile = io.BytesIO()
        self.wfile = Writer(sock)
        self.is_open = True
        self._site = site
        self._received = bytearray()
        self._searched_bytes = 0  # of what was received, for the end of a head
        self._head: RequestHead | None = None
        self._is_ready = not isinstance(sock, ssl.SSLSocket)
        self._waits_since_s = time.monotonic()
        self._began_s: float | None = None
        self._refused_s: float | None = None
        self._looks = 0  # since the last whole request
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # A phone out of range acknowledges nothing, and small events fill no buffer for minutes.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _UNHEARD_MS)

    @property
    def has_unsent(self) -> bool:
        """Whether a part of the last response is not sent yet."""
        return self.wfile.unsent_bytes > 0

    @property
    def is_dribbling(self) -> bool:
        """Whether a request arrives in so many pieces that it is to be read seldom."""
        return self._looks > _MOST_LOOKS

    @property
    def expires_s(self) -> float:
        """When an idle connection is closed, by the monotonic clock."""
        if self.has_unsent:
            return self.wfile.expires_s
        if self._refused_s is not None:
            return self._refused_s + _LINGER_S
        if self._began_s is None:
            return self._waits_since_s + KEPT_OPEN_S
        return self._began_s + _REQUEST_S

    def advance(self) -> bool:
        """Read and send without blocking; return whether a request is complete.

        Raises OSError when the connection is over.
        """
        if self.wfile.flush():
            return False
        self._looks += 1
        if not self.is_open:
            raise ConnectionAbortedError("answered")
        if not self._shake_hands():
            return False
        try:
            # What follows a request stays with the client, and in the kernel, until it is answered.
            if self._has_request():
                return True
            ended = not self._receive()
            if self._has_request():
                return True
        except RefusedError as exc:
            self._refuse(exc)
            return False
        if ended:
            raise ConnectionResetError("the client left")
        return False

    def answer(self) -> None:
        """Let the application answer the request; blocks until the response is sent or held."""
        head, self._head = self._head, None
        if head is not None:
            self.wfile.hold()
            self.is_open = respond(self._site, self, head)
        self._waits_since_s, self._began_s, self._looks = time.monotonic(), None, 0

    def shut_down(self) -> None:
        """Shut the connection down, from any thread; also ends a write that blocks."""
        with contextlib.suppress(OSError):
            # Not its own method: a TLS socket would drop its encryption while a thread writes.
            socket.socket.shutdown(self.socket, socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the socket; the kernel still delivers its buffer."""
        self.shut_down()
        self.socket.close()

    def _shake_hands(self) -> bool:
        if not self._is_ready and isinstance(self.socket, ssl.SSLSocket):
            self._is_ready = shake_hands(self.socket)
            self._waits_since_s = time.monotonic() if self._is_ready else self._waits_since_s
        return self._is_ready

    def _receive(self) -> bool:
        """Receive from the client; False once it has closed its side."""
        try:
            received = self.socket.recv(_RECEIVE_BYTES)
        except NOT_YET:
            return True
        if self._refused_s is None:
            self._received += received
        return bool(received)

    def _has_request(self) -> bool:
        if not self._received and self._head is None:
            return False
        if self._began_s is None:
            self._began_s = time.monotonic()
        if self._head is None and not self._has_head():
            return False
        length = self._head.body_bytes if self._head else 0
        if len(self._received) < length:
            return False
        self.rfile = io.BytesIO(self._received[:length])
        del self._received[:length]
        return True

    def _has_head(self) -> bool:
        found = split_head(self._received, self._searched_bytes)
        self._searched_bytes = 0 if found else len(self._received)
        if found is None:
            return False
        head, length = found
        self._head = parse_head(head)
        self.requester = self._requester_of(self._head)
        del self._received[:length]
        if self._head.waits_to_send and len(self._received) < self._head.body_bytes:
            self.wfile.write(_CONTINUE)
        return True

    def _requester_of(self, head: RequestHead) -> str:
        if self.remote_addr not in self._site.proxies:
            return self.client
        forwarded_for = head.fields.get(b"X-Forwarded-For", b"").decode("latin-1")
        return client_of(self._site.proxies.client_behind(self.remote_addr, forwarded_for))

    def _refuse(self, exc: RefusedError) -> None:
        """Send a refusal without the application, and give the client a moment to read it."""
        reason = f"{exc.reason}\n".encode()
        fields = (
            f"HTTP/1.1 {exc.status}",
            f"Server: {self._site.server_name}",
            "Connection: close",
            "Content-Type: text/plain",
            "X-Content-Type-Options: nosniff",
            f"Content-Length: {len(reason)}",
        )
        self._refused_s, self._head = time.monotonic(), None
        self._received.clear()
        self.wfile.write("\r\n".join(fields).encode() + b"\r\n\r\n" + reason)
        with contextlib.suppress(OSError):
            socket.socket.shutdown(self.socket, socket.SHUT_WR)
