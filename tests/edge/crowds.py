"""Clients of a server, one of which attacks: each has an address of 127.0.0.0/8."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress

from flask import Flask

from edge.web.auth.known_clients import KnownClients
from edge.web.server.server import WebServer

ATTACKER, OTHER = "127.0.0.1", "127.0.0.2"
HEAD = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"
SOON_S = 2.0


@contextmanager
def serving(app: Flask, threads: int = 8, known: KnownClients | None = None) -> Iterator[WebServer]:
    server = WebServer(app, "127.0.0.1", 0, threads=threads, known=known)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def connect(port: int, source: str = ATTACKER) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), 5, source_address=(source, 0))


def ask(port: int, source: str, head: bytes = HEAD) -> float:
    """Return after how many seconds an answer with status 200 arrived."""
    started_s = time.monotonic()
    with closing(connect(port, source)) as client:
        client.sendall(head + b"Connection: close\r\n\r\n")
        assert client.recv(1000).startswith(b"HTTP/1.1 200")
    return time.monotonic() - started_s


@contextmanager
def crowd(port: int, number: int, said: bytes, then: bytes = b"") -> Iterator[list[socket.socket]]:
    """Give many connections of the attacker, each having said something and going on to."""
    over = threading.Event()
    with ExitStack() as opened:
        clients = []
        for _ in range(number):
            clients.append(opened.enter_context(closing(connect(port))))
            with suppress(OSError):  # hung up on already
                clients[-1].sendall(said)

        def go_on() -> None:
            while then and not over.wait(0.1):
                for client in clients:
                    with suppress(OSError):
                        client.sendall(then)

        talking = threading.Thread(target=go_on)
        talking.start()
        try:
            yield clients
        finally:
            over.set()
            talking.join()
