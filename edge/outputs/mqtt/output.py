"""The Sink that publishes reports to an MQTT broker. Its thread connects, again and again.

`show` only stores the report, so a broker that is slow or away delays nothing.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
import time
from collections.abc import Callable

from edge.datatypes import Report
from edge.errors import OutputRetrying, ResourceError
from edge.outputs.mqtt import home_assistant
from edge.outputs.mqtt.backoff import Backoff
from edge.outputs.mqtt.broker import Broker, reason_of
from edge.outputs.mqtt.commands import Commands, Controls
from edge.outputs.mqtt.connection import Connection
from edge.outputs.mqtt.images import Images
from edge.outputs.mqtt.messages import OFFLINE, Extras, Message, signature
from edge.outputs.mqtt.session import Plan, Session
from edge.process.threads import start_thread

log = logging.getLogger(__name__)

_LONGEST_WAIT_S = 5.0  # between two looks at the clock
_STABLE_S = 30.0  # a connection that lasts this long resets the back-off
_GOODBYE_S = 0.5
_JOIN_S = 0.9


class MqttOutput:
    """Publishes the state, the availability, the announcement and the image of a device.

    Its threads start with the first report. `extras` and the functions of `controls` are not called
    before that.
    """

    name = "mqtt"

    def __init__(
        self,
        broker: Broker,
        plan: Plan,
        *,
        extras: Callable[[], Extras],
        controls: Controls,
        images: Images | None = None,
        backoff: Backoff | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._broker = broker
        self.plan = plan
        self._extras = extras
        self._images = images
        self._backoff = backoff or Backoff()
        self._clock = clock
        self._commands = Commands(controls, self.refresh)
        self._report: Report | None = None
        self._signature: tuple[object, ...] | None = None
        self._is_stale = False
        self._is_born = False
        self._fault = ""
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        self._wake, self._waker = socket.socketpair()
        self._wake.setblocking(False)
        self._waker.setblocking(False)

    def show(self, report: Report) -> None:
        """Store the report for the thread. Raises OutputRetrying while there is no connection."""
        if self._closing.is_set():
            return
        self._report = report
        if self._thread is None:
            self._thread = start_thread("mqtt", self._run)
        changed = signature(report)
        if changed != self._signature:
            self._signature = changed
            self._nudge()
            if self._images is not None:
                self._images.tell(report.health.camera)
        if self._fault:
            raise OutputRetrying(f"{self._broker}: {self._fault}")

    def close(self) -> None:
        """Publish that the device is offline, and disconnect; half a second at most."""
        self._closing.set()
        self._commands.close()
        if self._images is not None:
            self._images.close()
        self._nudge()
        if self._thread is not None:
            self._thread.join(_JOIN_S)
        if self._thread is None or not self._thread.is_alive():
            self._wake.close()
            self._waker.close()

    def refresh(self) -> None:
        """Have the state sent again as soon as possible; callable from any thread."""
        self._is_stale = True
        self._nudge()

    def _nudge(self) -> None:
        with contextlib.suppress(OSError):  # full: the thread wakes anyway
            self._waker.send(b"\0")

    def _run(self) -> None:
        try:
            self._commands.start()
            if self._images is not None:
                self._images.start(self._nudge)
        except ResourceError as exc:
            self._fault = str(exc)
            return
        while not self._closing.is_set():
            began_s = self._clock()
            try:
                self._converse()
            except OSError as exc:
                self._fault = reason_of(exc)
            except Exception as exc:
                log.exception("mqtt: the connection failed unexpectedly")
                self._fault = repr(exc)
            if self._clock() - began_s > _STABLE_S:
                self._backoff.reset()
            self._closing.wait(self._backoff.pause_s())

    def _converse(self) -> None:
        """Connect, and publish what is due until the end. Raises OSError when it is lost."""
        will = Message(topic=self.plan.topics.availability, payload=OFFLINE, retain=True)
        connection = Connection(
            self._broker, self.plan.info.unique_id, will, self._received, self._clock
        )
        try:
            connection.open()
            while not connection.is_up and not self._closing.is_set():
                self._serve(connection, _LONGEST_WAIT_S)
            if connection.is_up and self.plan.subscriptions:
                connection.subscribe(*self.plan.subscriptions)
            self._fault = ""
            self._publish(connection, Session(self.plan, self._extras))
            self._say_goodbye(connection)
        finally:
            connection.drop()

    def _publish(self, connection: Connection, session: Session) -> None:
        while not self._closing.is_set():
            self._update(session)
            while connection.has_room and (message := session.next_message(self._clock())):
                connection.publish(message)
            self._fault = connection.refusal
            wait_s = session.due_in_s(self._clock()) if connection.has_room else _LONGEST_WAIT_S
            self._serve(connection, min(wait_s, _LONGEST_WAIT_S))

    def _update(self, session: Session) -> None:
        """Tell the session what is new."""
        if self._is_stale:
            self._is_stale = False
            session.refresh()
        if self._is_born:
            self._is_born = False
            session.birth(self._clock())
        if self._report is not None:
            session.tell(self._report)
        if self._images is not None and (jpeg := self._images.take()) is not None:
            session.show(jpeg)

    def _serve(self, connection: Connection, timeout_s: float) -> None:
        connection.serve(self._wake, timeout_s)
        with contextlib.suppress(BlockingIOError):
            self._wake.recv(4096)

    def _say_goodbye(self, connection: Connection) -> None:
        """Publish the end: a broker that gets an orderly goodbye drops the will."""
        deadline_s = self._clock() + _GOODBYE_S
        topic = self.plan.topics.availability
        if not connection.is_up:
            return
        connection.publish(Message(topic=topic, payload=OFFLINE, retain=True))
        while not connection.is_idle and (left_s := deadline_s - self._clock()) > 0:
            self._serve(connection, left_s)
        if connection.is_idle:
            connection.close()

    def _received(self, topic: str, payload: bytes) -> None:
        """Take a message that the broker delivers; on the thread of the connection."""
        plan = self.plan
        if topic == home_assistant.birth_topic(plan.discovery_prefix):
            self._is_born = payload == home_assistant.BIRTH_PAYLOAD
        elif (name := plan.topics.command_of(topic)) is not None:
            self._commands.add(name, payload)
