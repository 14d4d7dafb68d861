"""Attacks a running device of this machine, and measures what another address notices.

    emotion-edge run --source demo --config OPEN.toml    # with [web] auth = "none"
    python tests/device/attack.py 8080

For each attack: the slowest of the other address's /healthz, which may take 300 ms, and the rate of
its stream against the rate before, which may fall by a tenth. Exits with 1 when one is missed.
"""

import socket
import sys
import threading
import time
from contextlib import closing, suppress

ATTACKER, OTHER = "127.0.0.1", "127.0.0.2"
LASTS_S = 10.0
MOST_S, LEAST_SHARE = 0.3, 0.9
HEAD = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"
BODY = b"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 900\r\n\r\n"
WHOLE = b"GET /static/style.css HTTP/1.1\r\nHost: localhost\r\n\r\n"
FORGED = b"GET /x%0aWARNING%1b[2J HTTP/1.1\r\nHost: a\r\nAuthorization: Basic \xff\r\n\r\n"
# name: how many connections, what each says first, and what it goes on to say
ATTACKS = {
    "nothing": (0, b"", b""),
    "20 silent": (20, b"", b""),
    "20 dribbling": (20, HEAD + b"X: ", b"x"),
    "60 dribbling": (60, HEAD + b"X: ", b"x"),
    "60 with half a body": (60, BODY, b"x"),
    "60 half handshakes": (60, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc", b""),
    "60 that read nothing": (60, WHOLE * 50, b""),
    "300 connections": (300, b"G", b""),
    "a flood of forged requests": (8, FORGED, FORGED),
}


class Crowd(threading.Thread):
    """Connections of the attacker, opened again as soon as they are hung up on."""

    def __init__(self, port: int, number: int, said: bytes, then: bytes) -> None:
        super().__init__(daemon=True)
        self._port, self._said, self._then = port, said, then
        self._over = threading.Event()
        self._clients: list[socket.socket | None] = [None] * number
        self.start()

    def run(self) -> None:
        while not self._over.is_set():
            for number, client in enumerate(self._clients):
                self._clients[number] = self._go_on(client)
            self._over.wait(0.05)

    def _go_on(self, client: socket.socket | None) -> socket.socket | None:
        try:
            if client is None:
                client = connect(self._port, ATTACKER)
                client.sendall(self._said)
                client.setblocking(False)
            elif self._then:
                client.send(self._then)
                with suppress(BlockingIOError):
                    client.recv(65536)
        except BlockingIOError:
            return client
        except OSError:
            return None
        return client

    def leave(self) -> None:
        self._over.set()
        self.join()
        for client in self._clients:
            if client is not None:
                client.close()


def connect(port: int, source: str) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), 5, source_address=(source, 0))


def healthz_s(port: int) -> float:
    """Return how long the other address waits for an answer."""
    began_s = time.monotonic()
    with closing(connect(port, OTHER)) as client:
        client.sendall(HEAD + b"Connection: close\r\n\r\n")
        if not client.recv(1000):  # 503 is an answer too: on a busy machine pictures come late
            raise OSError("hung up on")
    return time.monotonic() - began_s


class Viewer(threading.Thread):
    """Counts the pictures that the other address gets."""

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self.count = 0
        self._socket = connect(port, OTHER)
        self._socket.sendall(b"GET /stream.mjpg HTTP/1.1\r\nHost: localhost\r\n\r\n")
        self.start()

    def run(self) -> None:
        tail = b""
        while received := self._socket.recv(65536):
            tail += received
            self.count += tail.count(b"--frame\r\n")
            tail = tail[-8:]


def main(port: int) -> int:
    viewer, usual, missed = Viewer(port), 0.0, False
    time.sleep(2)
    for name, (number, said, then) in ATTACKS.items():
        crowd = Crowd(port, number, said, then)
        time.sleep(1)
        slowest_s, before, began_s = 0.0, viewer.count, time.monotonic()
        while time.monotonic() - began_s < LASTS_S:
            slowest_s = max(slowest_s, healthz_s(port))
            time.sleep(0.2)
        rate = (viewer.count - before) / (time.monotonic() - began_s)
        crowd.leave()
        usual = usual or rate
        missed = missed or slowest_s > MOST_S or rate < LEAST_SHARE * usual
        print(f"{name:28} /healthz {slowest_s * 1000:5.0f} ms, {rate:5.1f}/s ({rate / usual:.0%})")
    return int(missed)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
