"""What a device says on one connection: which message is due, and when. No socket here.

The device and the simulated fleet share it. Only the newest state is ever sent: it is made when the
connection has room for it.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from edge.datatypes import CameraState, Report
from edge.outputs.mqtt import home_assistant
from edge.outputs.mqtt.messages import (
    ONLINE,
    DeviceInfo,
    Extras,
    Message,
    Topics,
    as_payload,
    signature,
    state_of,
)

_LEAST_S = 1.0  # between two states, unless the camera's state changes
_LATEST_BIRTH_S = 3.0  # all devices announce themselves again when Home Assistant starts
_IMAGE_EXPIRES_S = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a device publishes, from its settings. `discovery_prefix` is Home Assistant's."""

    info: DeviceInfo
    topics: Topics
    interval_s: float
    is_announced: bool
    discovery_prefix: str

    @property
    def subscriptions(self) -> tuple[str, ...]:
        """The topics to listen to."""
        births = (home_assistant.birth_topic(self.discovery_prefix),) if self.is_announced else ()
        commands = (self.topics.command("+"),) if self.info.takes_commands else ()
        return (*births, *commands)


class Session:
    """The messages that are due on one connection, the most urgent first. `now_s` is monotonic."""

    def __init__(
        self,
        plan: Plan,
        extras: Callable[[], Extras],
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._plan = plan
        self._extras = extras
        self._chance = chance
        self._is_online = False
        self._announce_at_s: float | None = 0.0
        self._image: bytes | None = None
        self._report: Report | None = None
        self._sent: tuple[object, ...] | None = None
        self._sent_camera: CameraState | None = None
        self._sent_s = -1e9

    def tell(self, report: Report) -> None:
        """Set the newest report. An image from before the camera's state changed is dropped."""
        if self._report is not None and report.health.camera is not self._report.health.camera:
            self._image = None
        self._report = report

    def refresh(self) -> None:
        """Have the state sent again as soon as possible."""
        self._sent = None

    def show(self, jpeg: bytes) -> None:
        """Set the newest image."""
        self._image = jpeg

    def birth(self, now_s: float) -> None:
        """Home Assistant has started: announce the device within a few seconds."""
        self._announce_at_s = now_s + _LATEST_BIRTH_S * self._chance()

    def next_message(self, now_s: float) -> Message | None:
        """Return the message that is due now, None without one."""
        topics = self._plan.topics
        if self._announce_at_s is not None and now_s >= self._announce_at_s:
            self._announce_at_s = None
            self.refresh()
            return self._announcement()
        if self._report is not None and self._wait_for_state_s(self._report, now_s) <= 0:
            return self._state(self._report, now_s)
        if not self._is_online and self._report is not None:
            self._is_online = True
            return Message(topic=topics.availability, payload=ONLINE, retain=True)
        if self._image is not None:
            jpeg, self._image = self._image, None
            return Message(topic=topics.image, payload=jpeg, expires_s=_IMAGE_EXPIRES_S)
        return None

    def due_in_s(self, now_s: float) -> float:
        """Return how long no message is due if nothing changes."""
        waits_s = [self._plan.interval_s]
        if self._announce_at_s is not None:
            waits_s.append(self._announce_at_s - now_s)
        if self._report is not None:
            waits_s.append(self._wait_for_state_s(self._report, now_s))
        return max(min(waits_s), 0.0)

    def _announcement(self) -> Message:
        plan = self._plan
        topic = home_assistant.discovery_topic(plan.discovery_prefix, plan.info.unique_id)
        payload = b""  # removes the device from Home Assistant
        if plan.is_announced:
            payload = as_payload(home_assistant.discovery_of(plan.info, plan.topics))
        return Message(topic=topic, payload=payload, retain=True)

    def _wait_for_state_s(self, report: Report, now_s: float) -> float:
        since_s = now_s - self._sent_s
        if since_s < 0 or self._sent is None or report.health.camera is not self._sent_camera:
            return 0.0
        has_changed = signature(report) != self._sent
        return (_LEAST_S if has_changed else self._plan.interval_s) - since_s

    def _state(self, report: Report, now_s: float) -> Message:
        self._sent, self._sent_s = signature(report), now_s
        self._sent_camera = report.health.camera
        state = state_of(report, self._extras(), self._plan.info.version)
        return Message(topic=self._plan.topics.state, payload=as_payload(state), retain=True)
