"""A process that attacks a device until it is ended."""

import multiprocessing
import os
import socket
import ssl
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import cycle

from attacks import Attack
from drilled import Drilled


@dataclass
class Client:
    """A connection of the attacker, and what of its words did not go out yet."""

    sock: socket.socket
    unsent: bytes = b""


def connect(port: int, source: str) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), 5, source_address=(source, 0))


def encrypted(sock: socket.socket) -> ssl.SSLSocket:
    return ssl._create_unverified_context().wrap_socket(sock)  # noqa: S323 (its own certificate)


def attack(plan: Attack, port: int, is_https: bool, code: bytes) -> None:
    """Go on until the parent ends; connections that are hung up on are opened again."""
    os.nice(10)  # of the device, not of its processor, is the time that is to be taken
    parent = os.getppid()
    sources = cycle(plan.sources)
    clients: list[Client | None] = [None] * plan.number
    while os.getppid() == parent:
        for index, client in enumerate(clients):
            try:
                if client is not None:
                    go_on(plan, client)
                elif sock := begun(plan, port, next(sources), is_https, code):
                    clients[index] = Client(sock)
            except OSError:
                if client is not None:
                    client.sock.close()
                clients[index] = None
        time.sleep(plan.pause_s)


def begun(
    plan: Attack, port: int, source: str, is_https: bool, code: bytes
) -> socket.socket | None:
    client = connect(port, source)
    if plan.resets:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    if is_https and plan.is_encrypted:
        client = encrypted(client)
    client.sendall(plan.said.replace(b"%CODE%", code))
    client.setblocking(False)
    if plan.resets:
        client.close()
        return None
    return client


def go_on(plan: Attack, client: Client) -> None:
    with suppress(BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
        client.unsent = client.unsent or plan.then
        if client.unsent:
            client.unsent = client.unsent[client.sock.send(client.unsent) :]
    with suppress(BlockingIOError, ssl.SSLWantReadError):
        if plan.reads and not client.sock.recv(plan.reads):
            raise ConnectionResetError


@contextmanager
def under(plan: Attack, device: Drilled) -> Iterator[None]:
    """Let another process attack meanwhile."""
    given = (plan, device.port, device.is_https, device.code.encode())
    attacker = multiprocessing.get_context("spawn").Process(target=attack, args=given, daemon=True)
    attacker.start()
    try:
        time.sleep(1)
        yield
    finally:
        attacker.kill()
        attacker.join()
