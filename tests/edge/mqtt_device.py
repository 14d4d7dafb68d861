"""A device without a camera, which publishes to a broker."""

from dataclasses import dataclass, field
from typing import Any

from watched import report_of

from edge.datatypes import CameraState
from edge.outputs.fanout import FanOut
from edge.outputs.mqtt.backoff import Backoff
from edge.outputs.mqtt.broker import Broker
from edge.outputs.mqtt.commands import Controls
from edge.outputs.mqtt.images import Images
from edge.outputs.mqtt.messages import DeviceInfo, Extras, Topics
from edge.outputs.mqtt.output import MqttOutput
from edge.outputs.mqtt.session import Plan

LABELS = ("happy", "sad")
MODES = ("off", "pixelate", "boxes-only")
# The topics of `plan_of()`.
STATE, AVAILABILITY = "edge/one/state", "edge/one/availability"
CONFIG = "homeassistant/device/emotion-edge-one/config"


def plan_of(device_id: str = "one", **changes: Any) -> Plan:
    info: dict[str, Any] = {
        "device_id": device_id,
        "name": "Shelf 1",
        "board": "Raspberry Pi 5",
        "version": "1.2",
        "labels": LABELS,
        "has_leds": True,
        "privacy_modes": MODES,
    }
    plan: dict[str, Any] = {
        "interval_s": 30.0,
        "is_announced": True,
        "discovery_prefix": "homeassistant",
    }
    plan |= {name: changes.pop(name) for name in tuple(changes) if name in plan}
    return Plan(
        info=DeviceInfo(**{**info, **changes}), topics=Topics(base=f"edge/{device_id}"), **plan
    )


@dataclass
class Device:
    """A device without a camera: what commands did to it, and its output behind a fan-out."""

    done: list[str] = field(default_factory=list)
    brightness: float = 1.0
    privacy: str = "off"
    camera: CameraState = CameraState.LIVE
    labels: tuple[str | None, ...] = ("happy",)
    fan_out: FanOut | None = None

    def run(
        self, port: int, plan: Plan | None = None, images: Images | None = None, **broker: Any
    ) -> MqttOutput:
        output = MqttOutput(
            Broker(**{"host": "127.0.0.1", "port": port, **broker}),
            plan or plan_of(),
            extras=lambda: Extras(
                shares={"happy": 0.25, "sad": 0.5, "uncertain": 0.25},
                brightness=self.brightness,
                privacy=self.privacy,
            ),
            controls=Controls(
                pause=self.pause,
                resume=self.resume,
                set_brightness=self.set_brightness,
                set_privacy=self.set_privacy,
                privacy_modes=MODES,
            ),
            images=images,
            backoff=Backoff(first_s=0.1, longest_s=0.2),
        )
        self.fan_out = FanOut([output], retry_s=0.02)
        self.tell()
        return output

    def tell(self) -> None:
        assert self.fan_out
        self.fan_out.show(report_of(1.0, self.labels, self.camera))

    def fails(self) -> bool:
        assert self.fan_out
        self.tell()
        return self.fan_out.failing() == ("mqtt",)

    def pause(self) -> None:
        self.done.append("pause")
        self.camera = CameraState.PAUSED
        self.tell()

    def resume(self) -> None:
        self.done.append("resume")
        self.camera = CameraState.LIVE
        self.tell()

    def set_brightness(self, brightness: float) -> None:
        self.brightness = brightness

    def set_privacy(self, mode: str) -> None:
        self.privacy = mode

    def close(self) -> None:
        if self.fan_out is not None:
            self.fan_out.close()
