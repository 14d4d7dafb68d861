"""A trial of a broker: whether it takes the login, and which topics it permits."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager

from edge.outputs.mqtt.broker import Broker
from edge.outputs.mqtt.connection import Connection, ConnectionLost
from edge.outputs.mqtt.messages import Message

PAYLOAD = b"emotion-edge doctor: is this topic permitted?"
"""What is published, for the person who finds it: on an announcement's topic Home Assistant ignores
what is no JSON, and logs it."""

_POLL_S = 1.0


def refused_topics(broker: Broker, client_id: str, topics: Sequence[str]) -> list[str]:
    """Return the topics that this user may not publish; PAYLOAD is published on each.

    Raises LoginRefused, OSError.
    """
    return [topic for topic in topics if not _permits(broker, client_id, topic)]


def _permits(broker: Broker, client_id: str, topic: str) -> bool:
    with _logged_in(broker, client_id) as (connection, wake):
        try:
            connection.publish(Message(topic=topic, payload=PAYLOAD))
            while not connection.is_idle:
                connection.serve(wake, _POLL_S)
        except ConnectionLost:  # the way of some brokers to forbid it
            return False
        return not connection.refusal


@contextmanager
def _logged_in(broker: Broker, client_id: str) -> Iterator[tuple[Connection, socket.socket]]:
    connection = Connection(broker, client_id, None, received=lambda _topic, _payload: None)
    wake, waker = socket.socketpair()
    with closing(wake), closing(waker), closing(connection):
        connection.open()
        while not connection.is_up:
            connection.serve(wake, _POLL_S)
        yield connection, wake
