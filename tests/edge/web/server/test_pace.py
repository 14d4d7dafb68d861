"""When the requests of a client are answered: with an injected clock, then on the real server."""

import socket
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass

import pytest
from flask import Flask

from edge.web.server.connection_limit import ConnectionLimit
from edge.web.server.pace import (
    _MOST_CLIENTS,
    BURST,
    BURST_OF_UNKNOWN,
    RATE_OF_UNKNOWN_PER_S,
    RATE_PER_S,
    Pace,
)
from edge.web.server.server import WebServer

REQUEST = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
PAGE = 60  # requests that must never wait: two pages with their files


@dataclass(frozen=True)
class Member:
    requester: str
    number: int = 0


class Clock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def pace(clock: Clock) -> Pace[Member]:
    return Pace(clock)


def add(pace: Pace[Member], client: str, number: int) -> list[Member]:
    members = [Member(client, n) for n in range(number)]
    for member in members:
        pace.add(member)
    return members


def test_a_burst_is_answered_at_once_and_in_order(pace: Pace[Member]) -> None:
    assert BURST >= PAGE
    members = add(pace, "a", BURST)
    assert pace.due() == members
    assert pace.wait_s() is None


def test_what_follows_a_burst_is_delayed_and_others_are_not(
    pace: Pace[Member], clock: Clock
) -> None:
    members = add(pace, "a", BURST + 3)
    assert pace.due() == members[:BURST]
    assert pace.due() == []
    assert pace.wait_s() == pytest.approx(1 / RATE_PER_S)
    other = add(pace, "b", 1)
    assert pace.wait_s() == 0
    assert pace.due() == other
    clock.now_s += 1.01 / RATE_PER_S
    assert pace.due() == members[BURST : BURST + 1]
    clock.now_s += 2.01 / RATE_PER_S
    assert pace.due() == members[BURST + 1 :]


def test_a_client_that_pauses_has_its_burst_again(pace: Pace[Member], clock: Clock) -> None:
    add(pace, "a", BURST)
    pace.due()
    clock.now_s += BURST / RATE_PER_S + 0.01
    assert len(add(pace, "a", 2 * BURST)) == 2 * BURST
    assert len(pace.due()) == BURST


def test_clients_that_are_not_logged_in_share_a_rate_in_turns(clock: Clock) -> None:
    pace: Pace[Member] = Pace(clock, {"owner"})
    flood = [str(number) for number in range(8)]
    for client in flood:
        add(pace, client, BURST)
    assert len(pace.due()) == BURST_OF_UNKNOWN
    assert pace.due() == []
    assert pace.wait_s() == pytest.approx(1 / RATE_OF_UNKNOWN_PER_S)
    owner = add(pace, "owner", PAGE)
    assert pace.wait_s() == 0
    assert pace.due() == owner
    (login,) = add(pace, "login", 1)
    clock.now_s += (len(flood) + 1.01) / RATE_OF_UNKNOWN_PER_S
    due = pace.due()
    assert sorted(member.requester for member in due) == [*flood, "login"]
    assert login in due


def test_without_a_login_no_rate_is_shared(pace: Pace[Member]) -> None:
    for number in range(8):
        add(pace, str(number), BURST)
    assert len(pace.due()) == 8 * BURST


def test_a_closed_connection_does_not_wait(pace: Pace[Member]) -> None:
    members = add(pace, "a", BURST + 1)
    pace.due()
    for member in members:
        pace.remove(member)
    assert pace.wait_s() is None
    assert not pace._waiting


def test_any_number_of_clients_needs_bounded_memory(pace: Pace[Member]) -> None:
    noisy = add(pace, "noisy", BURST + 1)
    pace.due()
    for number in range(3 * _MOST_CLIENTS):
        pace.add(Member(str(number)))
        pace.due()
    assert len(pace._full_s) <= _MOST_CLIENTS
    pace.remove(noisy[-1])
    pace.add(noisy[-1])
    assert pace.due() == []  # the client with the emptiest bucket is not forgotten
    assert set(pace._waiting) == {"noisy"}


@pytest.fixture
def server(clock: Clock) -> Iterator[WebServer]:
    app = Flask("test")
    app.get("/")(lambda: "ok\n")
    server = WebServer(app, "127.0.0.1", 0, threads=4, clock=clock)
    server.start()
    yield server
    server.stop()


def connect(server: WebServer, source: str) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), 5, source_address=(source, 0))


class Asking:
    """A client that has sent many requests at once on one connection."""

    def __init__(self, sock: socket.socket, number: int) -> None:
        self._socket, self._received = sock, b""
        sock.sendall(number * REQUEST)

    def answers(self, least: int) -> int:
        """Return how many answers came, once so many did and no more follow for a moment."""
        self._socket.settimeout(5)
        while self._received.count(b"HTTP/1.1 200") < least:
            self._receive()
        self._socket.settimeout(0.5)
        try:
            while True:
                self._receive()
        except TimeoutError:
            return self._received.count(b"HTTP/1.1 200")

    def _receive(self) -> None:
        received = self._socket.recv(65536)
        assert received, "hung up on"
        self._received += received


def test_the_server_answers_a_burst_and_delays_the_rest(server: WebServer, clock: Clock) -> None:
    with (
        closing(connect(server, "127.0.0.1")) as flooding,
        closing(connect(server, "127.0.0.2")) as other,
    ):
        flood = Asking(flooding, BURST + 20)
        assert flood.answers(BURST) == BURST
        assert Asking(other, 1).answers(1) == 1
        clock.now_s += 10.5 / RATE_PER_S
        assert flood.answers(BURST + 10) == BURST + 10
        clock.now_s += 20 / RATE_PER_S
        assert flood.answers(BURST + 20) == BURST + 20


def test_a_delayed_connection_makes_room_for_a_new_one(server: WebServer) -> None:
    receiver = server._receiver
    assert receiver is not None
    receiver._connections = ConnectionLimit(2)  # one for each client
    with closing(connect(server, "127.0.0.1")) as delayed:
        assert Asking(delayed, BURST + 1).answers(BURST) == BURST
        with closing(connect(server, "127.0.0.1")):
            delayed.settimeout(5)
            with suppress(ConnectionResetError):
                assert delayed.recv(100) == b""


def test_the_server_stops_while_requests_are_delayed(server: WebServer) -> None:
    with closing(connect(server, "127.0.0.1")) as delayed:
        assert Asking(delayed, BURST + 1).answers(BURST) == BURST
        started_s = time.monotonic()
        server.stop()
        assert time.monotonic() - started_s < 5
        assert delayed.recv(100) == b""
