"""One connection on a real socket, advanced and answered by the test itself."""

import socket
import time
from collections.abc import Iterator
from contextlib import closing
from fcntl import ioctl
from struct import unpack
from termios import FIONREAD

import pytest
from flask import Flask

from edge.web.server.connection import Connection
from edge.web.server.exchange import Site

REQUEST = b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"
RECEIVED_AT_ONCE = 32 * 1024


@pytest.fixture
def client_and_connection() -> Iterator[tuple[socket.socket, Connection]]:
    app = Flask("test")
    app.get("/healthz")(lambda: "ok\n")
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        client = socket.create_connection(listening.getsockname())
        sock, address = listening.accept()
    connection = Connection(Site(app, ("127.0.0.1", 0), secure=False), sock, address)
    with closing(client), closing(connection):
        yield client, connection


def unread_bytes(connection: Connection) -> int:
    """Return how much the kernel holds that was not received."""
    return int(unpack("i", ioctl(connection.socket, FIONREAD, bytes(4)))[0])


def test_requests_in_advance_stay_with_their_client(
    client_and_connection: tuple[socket.socket, Connection],
) -> None:
    client, connection = client_and_connection
    number = 3 * RECEIVED_AT_ONCE // len(REQUEST)
    client.settimeout(5)
    client.sendall(REQUEST * number)
    for _ in range(100):
        assert connection.advance()
        connection.answer()
    deadline_s = time.monotonic() + 5
    while unread_bytes(connection) < number * len(REQUEST) - RECEIVED_AT_ONCE:
        assert time.monotonic() < deadline_s
        time.sleep(0.01)  # some may be on their way
