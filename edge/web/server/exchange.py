"""One request and its response: cheroot calls the application and writes the response.

cheroot's threads and its reading of requests are replaced; see receiver.py. What is used of it,
HTTPRequest.respond and what that calls, is no public interface: pyproject.toml bounds its version.
Each method that is overridden here says which behaviour of cheroot it replaces.
"""

from __future__ import annotations

import contextlib
import io
from typing import Any, Protocol

from cheroot.server import HTTPRequest
from cheroot.wsgi import Gateway_10
from flask import Flask

from edge.web.auth.forwarded import NO_PROXIES, TrustedProxies
from edge.web.auth.viewer_links import without_token
from edge.web.server.defect_log import DefectLog
from edge.web.server.request_head import RequestHead
from edge.web.server.writer import Writer

NAME = "emotion-edge"
KEPT_OPEN_S = 5


class Peer(Protocol):
    """What cheroot's request and gateway use of a connection, in place of cheroot's own."""

    remote_addr: str
    remote_port: int
    ssl_env: dict[str, str]
    rfile: io.BytesIO
    wfile: Writer


class Site:
    """What cheroot's request and gateway use of a server, in place of cheroot's HTTPServer."""

    protocol = "HTTP/1.1"
    gateway = Gateway_10
    server_name = NAME
    software = NAME
    timeout = KEPT_OPEN_S
    max_request_body_size = 0  # the body was read already, and is limited
    can_add_keepalive_connection = True  # a new connection replaces a waiting one

    def __init__(
        self,
        app: Flask,
        address: tuple[str, int],
        *,
        secure: bool,
        proxies: TrustedProxies = NO_PROXIES,
    ) -> None:
        self.wsgi_app = app
        self.proxies = proxies
        self.bind_addr = address
        self.ssl_adapter = NAME if secure else None
        self.connection_environ = {"HTTPS": "on"} if secure else {}
        self.defects = DefectLog()


class Request(HTTPRequest):
    """A request that was already read."""

    def __init__(self, site: Site, peer: Peer, head: RequestHead) -> None:
        """Take the parsed head.

        Replaces parse_request, which reads from the socket and waits, fails on a header that
        begins with a continuation line, and accepts repeated lengths.
        """
        super().__init__(site, peer)
        self.ready = True
        self.method, self.uri, self.path, self.qs = head.method, head.target, head.path, head.query
        self.request_protocol = head.protocol
        self.response_protocol = head.protocol.decode()
        self.inheaders = head.fields
        self.close_connection = not head.keeps_open

    def send_headers(self) -> None:
        """Send the head of the response; without a length it is a stream, whose writes block.

        Replaces sending it alone: all of cheroot's own writes wait for the client.
        """
        super().send_headers()
        if not any(name.lower() == b"content-length" for name, _ in self.outheaders):
            self.conn.wfile.stream()

    def ensure_headers_sent(self) -> None:
        """Send the head of a response without a body, unless the client has left.

        Replaces raising the socket's error, which keeps cheroot's gateway from closing the response
        and the file that it may hold.
        """
        try:
            super().ensure_headers_sent()
        except OSError:
            self.close_connection = True


def respond(site: Site, peer: Peer, head: RequestHead) -> bool:
    """Let the application answer; return whether the client may send another request."""
    request: Any = Request(site, peer, head)
    try:
        request.respond()
    except OSError:
        return False  # a viewer that leaves, or stops reading, in the middle of a frame
    except Exception as exc:  # a defect ends one response, not a thread
        target = without_token(head.target.decode())
        site.defects.add(f"{head.method.decode()} {target}", exc)
        if not request.sent_headers:
            with contextlib.suppress(OSError):
                request.simple_response("500 Internal Server Error")
        return False
    return not request.close_connection
