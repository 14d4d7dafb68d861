"""One MQTT connection, driven by the caller's own loop; paho's threads and queues are not used.

paho keeps every message that is not acknowledged yet, and sends it again after the connection is
lost. What was seen before a pause must not be sent after it, and memory must not grow. A connection
is therefore used once, at most MOST_UNACKNOWLEDGED messages are given to it, and the messages that
follow are made when there is room for them.
"""

from __future__ import annotations

import select
import ssl
import time
from collections.abc import Callable
from socket import socket
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from edge.outputs.mqtt.broker import Broker
from edge.outputs.mqtt.messages import Message

MOST_UNACKNOWLEDGED = 4
LARGEST_RECEIVED_BYTES = 16 * 1024
_KEEPALIVE_S = 30
_CONNECT_S = 5.0
# Reason codes, https://docs.oasis-open.org/mqtt/mqtt/v5.0/os/mqtt-v5.0-os.html#_Toc3901208
_UNSPECIFIED, _TAKEN_OVER = 0x80, 0x8E
_ANSWER_S = 15.0  # without an acknowledgement for this long, the connection counts as lost


Received = Callable[[str, bytes], None]
"""Called with the topic and the payload of a message that arrived and is not a retained one."""


class ConnectionLost(ConnectionError):
    """The broker refused the login, ended the connection, or does not answer."""


class LoginRefused(ConnectionLost):
    """The broker refused the login."""


class Connection:
    """A connection to a broker. Its methods, for one thread, raise OSError when it is lost."""

    def __init__(
        self,
        broker: Broker,
        client_id: str,
        will: Message | None,
        received: Received,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._broker = broker
        self._received = received
        self._clock = clock
        self._is_up = False
        self._end = ""
        self._is_refused = False
        self.refusal = ""
        """Why the broker refuses some of the messages, "" while it takes them all."""
        self._waiting_since_s: dict[int, float] = {}
        self._opened_s = clock()
        self._client = client = paho.Client(
            CallbackAPIVersion.VERSION2, client_id, protocol=paho.MQTTv5
        )
        client.connect_timeout = _CONNECT_S
        if will is not None:
            client.will_set(will.topic, will.payload, qos=1, retain=will.retain)
        if broker.username is not None:
            client.username_pw_set(broker.username, broker.password)
        self._encryption = None if broker.tls is None else _Encryption(broker.tls)
        if self._encryption is not None:
            client.tls_set_context(self._encryption)  # type: ignore[arg-type]
        client.on_connect = self._note_connect
        client.on_disconnect = self._note_end
        client.on_publish = self._note_acknowledgement
        client.on_subscribe = self._note_subscription
        client.on_message = self._note_message

    @property
    def is_up(self) -> bool:
        """Whether the broker has accepted the login."""
        return self._is_up and not self._end

    @property
    def has_room(self) -> bool:
        """Whether a message may be published now."""
        return self.is_up and len(self._waiting_since_s) < MOST_UNACKNOWLEDGED

    @property
    def is_idle(self) -> bool:
        """Whether everything that was published is acknowledged."""
        return not self._waiting_since_s and not self._client.want_write()

    def open(self) -> None:
        """Connect and send the login; the answer comes while `serve` runs."""
        properties = _properties(PacketTypes.CONNECT)
        properties.MaximumPacketSize = LARGEST_RECEIVED_BYTES
        self._opened_s = self._clock()
        self._client.connect(
            self._broker.host,
            self._broker.port,
            _KEEPALIVE_S,
            clean_start=True,
            properties=properties,
        )
        self.check()

    def publish(self, message: Message) -> None:
        """Send a message; only while there is room."""
        properties = _properties(PacketTypes.PUBLISH)
        if message.expires_s is not None:
            properties.MessageExpiryInterval = message.expires_s
        info = self._client.publish(
            message.topic, message.payload, qos=1, retain=message.retain, properties=properties
        )
        self._waiting_since_s.setdefault(info.mid, self._clock())
        self.check()

    def subscribe(self, *topics: str) -> None:
        """Ask for messages that are published from now on; a retained command is an old one."""
        options = SubscribeOptions(qos=1, retainHandling=SubscribeOptions.RETAIN_DO_NOT_SEND)
        self._client.subscribe([(topic, options) for topic in topics])
        self.check()

    def opened(self) -> socket:
        """Return the socket, for the caller's loop."""
        self.check()
        return self._client.socket()  # type: ignore[return-value]  # there is one, see check

    @property
    def wants_to_write(self) -> bool:
        """Whether the socket is to be watched until it can be written."""
        return self._client.want_write()

    def handle(self, *, readable: bool, writable: bool) -> None:
        """Read and write what the socket is ready for."""
        if readable:
            self._client.loop_read()
            while self.is_open and _pending(self._client.socket()):
                self._client.loop_read()
        if writable and self.is_open and self._client.want_write():
            self._client.loop_write()
        self._client.loop_misc()
        self.check()

    def serve(self, wake: socket, timeout_s: float) -> None:
        """Wait until the socket is ready, `wake` is readable or the time is over; then work."""
        sock = self.opened()
        poll = select.poll()
        poll.register(sock, select.POLLIN | (select.POLLOUT if self.wants_to_write else 0))
        poll.register(wake, select.POLLIN)
        events = dict(poll.poll(max(timeout_s, 0.0) * 1000))
        event = events.get(sock.fileno(), 0)
        self.handle(readable=bool(event & ~select.POLLOUT), writable=bool(event & select.POLLOUT))

    @property
    def is_open(self) -> bool:
        """Whether there still is a socket."""
        return self._client.socket() is not None

    def check(self) -> None:
        """Raise ConnectionLost when the connection is over, or the broker does not answer."""
        if self._is_refused:
            raise LoginRefused(self._end)
        if self._end or not self.is_open:
            raise ConnectionLost(self._end or "it closed the connection")
        now_s = self._clock()
        login_s = [] if self._is_up else [self._opened_s]
        if any(
            now_s - since_s > _ANSWER_S for since_s in (*login_s, *self._waiting_since_s.values())
        ):
            raise ConnectionLost(f"it has not answered for {_ANSWER_S:.0f} s")

    def close(self) -> None:
        """Say goodbye if the broker listens, and close the socket; never raises."""
        try:
            if self.is_open:
                self._client.disconnect()
        except (OSError, ValueError):
            pass
        finally:
            self.drop()

    def drop(self) -> None:
        """Close the socket without a goodbye, so that the broker publishes the will."""
        encrypted = None if self._encryption is None else self._encryption.sock
        for sock in (self._client.socket(), encrypted):
            if sock is not None:
                sock.close()

    def _note_connect(
        self, _client: object, _data: object, _flags: object, code: ReasonCode, _props: object
    ) -> None:
        if code.is_failure:
            self._is_refused = True
            self._end = (
                f"it refuses the login: {code}; compare username and password_file in [mqtt]"
            )
        self._is_up = not code.is_failure

    def _note_end(
        self, _client: object, _data: object, _flags: object, code: ReasonCode, _props: object
    ) -> None:
        # Mosquitto 2.0 tells no reason to a client whose id another one takes.
        known = "" if code.value == _UNSPECIFIED else f": {code}"
        advice = (
            "; if that repeats, another device has the same [mqtt] device_id"
            if code.value in (_UNSPECIFIED, _TAKEN_OVER)
            else ""
        )
        self._end = self._end or f"it ended the connection{known}{advice}"

    def _note_acknowledgement(
        self, _client: object, _data: object, mid: int, code: ReasonCode, _props: object
    ) -> None:
        self._waiting_since_s.pop(mid, None)
        self._note_refusal(code, "a message")

    def _note_subscription(
        self, _client: object, _data: object, _mid: int, codes: list[ReasonCode], _props: object
    ) -> None:
        for code in codes:
            self._note_refusal(code, "a subscription")

    def _note_refusal(self, code: ReasonCode, what: str) -> None:
        if code.is_failure and not self.refusal:
            self.refusal = f"it refuses {what}: {code}; permit this user's topics in its settings"

    def _note_message(self, _client: object, _data: object, message: paho.MQTTMessage) -> None:
        if not message.retain:
            self._received(message.topic, bytes(message.payload))


class _Encryption:
    """An SSLContext that remembers its socket: paho does not close it after a failed handshake."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        self.check_hostname = context.check_hostname
        self.sock: ssl.SSLSocket | None = None

    def wrap_socket(self, sock: socket, **options: Any) -> ssl.SSLSocket:
        """Return the encrypted socket. See ssl.SSLContext."""
        self.sock = self._context.wrap_socket(sock, **options)
        return self.sock


def _pending(sock: object) -> bool:
    """Whether decrypted bytes wait that a poll does not see."""
    return isinstance(sock, ssl.SSLSocket) and sock.pending() > 0


def _properties(packet: int) -> Properties:
    return Properties(packet)  # type: ignore[no-untyped-call]
