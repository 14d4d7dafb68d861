"""A simulated fleet: many devices with real topics, messages and rates, without camera and model.

It sizes a broker. One thread drives every connection; a device that loses its own tries again.
"""

from __future__ import annotations

import random
import selectors
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from edge.datatypes import BBox, CameraState, FaceState, Health, Report, Snapshot, Vitals
from edge.outputs.mqtt import home_assistant
from edge.outputs.mqtt.backoff import Backoff
from edge.outputs.mqtt.broker import Broker, reason_of
from edge.outputs.mqtt.connection import Connection
from edge.outputs.mqtt.messages import OFFLINE, DeviceInfo, Extras, Message, Topics
from edge.outputs.mqtt.session import Plan, Session

_MOOD_LASTS_S = 5.0  # on average; the demo scene changes every 2.5 s
_MOST_FACES = 4
_LONGEST_WAIT_S = 0.2
_STARTS_PER_S = 100.0
_LEAVING_S = 10.0
_KEPT_OPEN_S = 5.0  # how often each connection's keep-alive is looked after

LABELS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")


@dataclass(slots=True)
class Counts:
    """What the fleet did since the start."""

    connected: int = 0
    published: int = 0
    payload_bytes: int = 0
    lost: int = 0
    reason: str = ""


class SimulatedDevice:
    """One device: a room whose faces and mood change by chance, and its connection."""

    def __init__(
        self, plan: Plan, broker: Broker, counts: Counts, chance: random.Random, starts_s: float
    ) -> None:
        self._plan = plan
        self._broker = broker
        self._counts = counts
        self._chance = chance
        self._began_s = starts_s
        self._labels: tuple[str, ...] = ()
        self._changes_at_s = starts_s
        self._backoff = Backoff(chance=chance.random)
        self._session: Session | None = None
        self._is_leaving = False
        self.connection: Connection | None = None
        self.next_s = starts_s
        """When `step` is to be called next, even if nothing arrives."""

    def step(self, now_s: float, *, readable: bool, writable: bool) -> None:
        """Connect, live, read and publish what is due."""
        try:
            if self.connection is None and not self._is_leaving:
                self._connect()
            elif self.connection is not None:
                self.connection.handle(readable=readable, writable=writable)
                if not self._is_leaving:
                    self._publish(self.connection, now_s)
        except OSError as exc:
            self._lose(reason_of(exc), now_s)

    def leave(self) -> None:
        """Remove what the broker retains of the device; `is_gone` tells when that is done."""
        topics, plan = self._plan.topics, self._plan
        announcement = home_assistant.discovery_topic(plan.discovery_prefix, plan.info.unique_id)
        self._is_leaving = True
        if self.connection is None or not self.connection.is_up:
            return
        try:
            for topic in (announcement, topics.state, topics.availability):
                self.connection.publish(Message(topic=topic, payload=b"", retain=True))
        except OSError:
            self.connection.drop()

    @property
    def is_gone(self) -> bool:
        """Whether nothing is left to do."""
        connection = self.connection
        return connection is None or not connection.is_up or connection.is_idle

    def close(self) -> None:
        """Disconnect."""
        if self.connection is not None:
            self.connection.close()

    def _connect(self) -> None:
        plan = self._plan
        will = Message(topic=plan.topics.availability, payload=OFFLINE, retain=True)
        self.connection = Connection(self._broker, plan.info.unique_id, will, self._hear)
        self._session = None
        self.connection.open()
        self.next_s = 0.0

    def _publish(self, connection: Connection, now_s: float) -> None:
        if not connection.is_up:
            self.next_s = now_s + _KEPT_OPEN_S
            return
        if self._session is None:
            connection.subscribe(*self._plan.subscriptions)
            self._session = Session(self._plan, self._extras, self._chance.random)
            self._counts.connected += 1
            self._backoff.reset()
        self._live(now_s)
        self._session.tell(self._report(now_s))
        while connection.has_room and (message := self._session.next_message(now_s)):
            connection.publish(message)
            self._counts.published += 1
            self._counts.payload_bytes += len(message.payload)
        due_s = now_s + self._session.due_in_s(now_s) if connection.has_room else now_s + 1
        self.next_s = min(due_s, self._changes_at_s, now_s + _KEPT_OPEN_S)

    def _lose(self, reason: str, now_s: float) -> None:
        if self._session is not None:
            self._counts.connected -= 1
        self._counts.lost += 1
        self._counts.reason = reason
        if self.connection is not None:
            self.connection.drop()
        self.connection = self._session = None
        self.next_s = now_s + self._backoff.pause_s()

    def _live(self, now_s: float) -> None:
        """Let faces come and go."""
        if now_s >= self._changes_at_s:
            faces = self._chance.randrange(_MOST_FACES + 1)
            self._labels = tuple(self._chance.choices(LABELS, k=faces))
            self._changes_at_s = now_s + self._chance.expovariate(1 / _MOOD_LASTS_S)

    def _hear(self, topic: str, payload: bytes) -> None:
        """Answer nothing: a command to a simulated device has no effect."""

    def _report(self, now_s: float) -> Report:
        box = BBox(0, 0, 1, 1)
        faces = tuple(
            FaceState(track_id=i, box=box, label=label, confidence=1.0, probs={})
            for i, label in enumerate(self._labels)
        )
        snapshot = Snapshot(
            seq=0,
            captured_at_s=now_s,
            faces=faces,
            dominant=self._labels[0] if self._labels else None,
            stage_ms={},
        )
        health = Health(
            camera=CameraState.LIVE,
            detail="",
            source="simulated",
            fps=15.0,
            age_s=0.0,
            uptime_s=now_s - self._began_s,
            vitals=Vitals(temperature_c=50.0),
        )
        return Report(snapshot=snapshot, health=health)

    def _extras(self) -> Extras:
        shares = {label: self._labels.count(label) / _MOST_FACES for label in LABELS}
        return Extras(shares={**shares, "uncertain": 0.0}, brightness=1.0, privacy="off")


class Fleet:
    """Drives simulated devices, which start one after the other, `_STARTS_PER_S` a second."""

    def __init__(
        self,
        plans: Sequence[Plan],
        broker: Broker,
        clock: Callable[[], float] = time.monotonic,
        seed: int = 0,
    ) -> None:
        self.counts = Counts()
        self._clock = clock
        now_s = clock()
        self._devices = [
            SimulatedDevice(
                plan,
                broker,
                self.counts,
                random.Random(f"{seed} {number}"),  # noqa: S311 (a simulation)
                now_s + number / _STARTS_PER_S,
            )
            for number, plan in enumerate(plans)
        ]
        self._selector = selectors.DefaultSelector()
        self._watched: dict[SimulatedDevice, tuple[int, int]] = {}

    def run(self, seconds: float, stopping: Callable[[], bool] = lambda: False) -> None:
        """Let the fleet live for this long, or until `stopping`."""
        ends_s = self._clock() + seconds
        while (left_s := ends_s - self._clock()) > 0 and not stopping():
            first_s = min(device.next_s for device in self._devices)
            self._turn(min(left_s, max(first_s - self._clock(), 0.0), _LONGEST_WAIT_S))

    def close(self) -> None:
        """Remove what the broker retains, within a few seconds, and disconnect every device."""
        ends_s = self._clock() + _LEAVING_S
        for device in self._devices:
            device.leave()
        while self._clock() < ends_s and not all(device.is_gone for device in self._devices):
            self._turn(_LONGEST_WAIT_S)
        for device in self._devices:
            device.close()
        self._selector.close()

    def _turn(self, wait_s: float) -> None:
        """Wait for a socket, and let each device that has something to do take a step."""
        ready = {key.data: events for key, events in self._selector.select(wait_s)}
        now_s = self._clock()
        for device in self._devices:
            events = ready.get(device, 0)
            if events or now_s >= device.next_s:
                device.step(
                    now_s,
                    readable=bool(events & selectors.EVENT_READ),
                    writable=bool(events & selectors.EVENT_WRITE),
                )
                self._watch(device)

    def _watch(self, device: SimulatedDevice) -> None:
        """Watch the device's socket, if it has one, for what it needs."""
        connection, watched = device.connection, self._watched.get(device)
        wanted = None
        if connection is not None and connection.is_open:
            events = selectors.EVENT_READ
            events |= selectors.EVENT_WRITE if connection.wants_to_write else 0
            wanted = (connection.opened().fileno(), events)
        if wanted == watched:
            return
        if watched is not None:
            del self._watched[device]
            self._selector.unregister(watched[0])
        if wanted is not None:
            self._selector.register(*wanted, device)
            self._watched[device] = wanted


def plan_of(number: int, topic_prefix: str, discovery_prefix: str, version: str) -> Plan:
    """Return the plan of the simulated device with this number."""
    info = DeviceInfo(
        device_id=f"sim-{number:05d}",
        name=f"simulated {number}",
        board="simulated",
        version=version,
        labels=LABELS,
        has_leds=True,
        privacy_modes=("off", "pixelate", "boxes-only"),
    )
    return Plan(
        info=info,
        topics=Topics(base=f"{topic_prefix}/{info.device_id}"),
        interval_s=30.0,
        is_announced=True,
        discovery_prefix=discovery_prefix,
    )
