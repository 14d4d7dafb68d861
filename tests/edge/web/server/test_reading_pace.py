"""A slow reader is told from one that stalled by its window alone: without sockets."""

import socket

import pytest

from edge.web.server.reading_pace import PATIENCE_S, ReadingPace

WIDEST = 65536


class Client:
    """A receive buffer that is read at some rate, and tells its window with every piece."""

    def __init__(self, bytes_per_s: float) -> None:
        with socket.socket() as unused:
            self.pace = ReadingPace(unused)
        self.bytes_per_s = bytes_per_s
        self.sent = 0
        self.read = 0.0
        self.now_s = 0.0
        self.progress_s = 0.0
        self.look()

    def look(self) -> None:
        if self.pace.note(self.sent, WIDEST - int(self.sent - self.read)):
            self.progress_s = self.now_s

    def send(self) -> None:
        """Send one piece and look again after the pause, if one is due."""
        self.sent += min(self.pace.piece_bytes, WIDEST - int(self.sent - self.read))
        pause_s = 0.001 if self.pace.has_room else self.pace.pause_s
        self.now_s += pause_s
        self.read = min(self.read + pause_s * self.bytes_per_s, self.sent)
        self.look()

    @property
    def silent_s(self) -> float:
        return self.now_s - self.progress_s


def test_a_fast_reader_is_sent_whole_pieces() -> None:
    client = Client(1e9)
    for _ in range(1000):
        client.send()
        assert client.pace.has_room
    assert client.now_s < 2


@pytest.mark.parametrize("bytes_per_s", [5_000, 10_000, 50_000])
def test_a_slow_reader_gets_what_it_reads_and_no_full_buffer(bytes_per_s: int) -> None:
    client = Client(bytes_per_s)
    while client.now_s < 60:
        client.send()
        assert client.silent_s < client.pace.patience_s
        assert client.sent - client.read < WIDEST
    assert client.sent > 0.8 * 60 * bytes_per_s


def test_who_stops_reading_is_given_up_after_the_patience() -> None:
    client = Client(1e9)
    for _ in range(1000):
        client.send()
    client.bytes_per_s = 0
    stopped_s = client.now_s
    while client.silent_s < client.pace.patience_s:
        client.send()
    assert client.now_s - stopped_s < PATIENCE_S + 0.5
    assert client.sent - client.read < WIDEST
