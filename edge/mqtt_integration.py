"""Wires the output to an MQTT broker with the parts of the device."""

from __future__ import annotations

import logging
import socket
from collections.abc import Sequence
from functools import partial
from typing import get_args
from urllib.parse import urlsplit

from edge import __version__
from edge.config import Config, MqttConfig
from edge.config.hostnames import is_loopback
from edge.datatypes import UNCERTAIN
from edge.history.history import added
from edge.outputs.mqtt.broker import Broker, broker_of
from edge.outputs.mqtt.commands import Controls
from edge.outputs.mqtt.images import Images
from edge.outputs.mqtt.messages import DeviceInfo, Extras, Topics
from edge.outputs.mqtt.output import MqttOutput
from edge.outputs.mqtt.session import Plan
from edge.parts import Parts
from edge.state import KeptFile, find_folder, open_folder
from edge.system.identity import board_name, device_id
from edge.web.privacy import Mode
from edge.web.setup import page_urls

log = logging.getLogger(__name__)

_SHARES_OF_S = 60.0


def open_mqtt(config: Config, parts: Parts) -> MqttOutput:
    """Return the output to the broker of the settings.

    Raises ConfigError for a file that cannot be read, StateError when the id cannot be stored.
    """
    broker = broker_of(config.mqtt)
    _warn_of_plain_text(broker)
    images = None
    if config.mqtt.image_s:
        images = Images(lambda: parts.feed().current_jpeg(), config.mqtt.image_s)
    info = _info(config, parts)
    return MqttOutput(
        broker,
        plan_of(config.mqtt, info),
        extras=partial(_extras, parts),
        controls=_controls(parts, info.privacy_modes),
        images=images,
    )


def plan_of(config: MqttConfig, info: DeviceInfo) -> Plan:
    """Return what a device publishes."""
    return Plan(
        info=info,
        topics=Topics(base=f"{config.topic_prefix}/{info.device_id}"),
        interval_s=config.interval_s,
        is_announced=config.discovery,
        discovery_prefix=config.discovery_prefix,
    )


def _warn_of_plain_text(broker: Broker) -> None:
    if broker.password and broker.tls is None and not is_loopback(broker.host):
        log.warning(
            "mqtt: the password is sent to %s without encryption: set [mqtt] tls = true", broker
        )


def _info(config: Config, parts: Parts) -> DeviceInfo:
    mqtt = config.mqtt
    chosen = mqtt.device_id
    if chosen == "auto":
        chosen = device_id(KeptFile(open_folder(find_folder(config.state)) / "device-id"))
    return DeviceInfo(
        device_id=chosen,
        name=f"emotion-edge {socket.gethostname()}" if mqtt.name == "auto" else mqtt.name,
        board=board_name(),
        version=__version__,
        labels=tuple(parts.labels),
        page_url=_page_url(config),
        has_leds=parts.leds is not None,
        privacy_modes=_stricter_modes(config.stream.privacy),
        sends_images=mqtt.image_s > 0,
        takes_commands=mqtt.commands,
    )


def _page_url(config: Config) -> str | None:
    """Return the page's address for other machines, preferably by name; None without one."""
    *_, last = page_urls(config.web, config.web.port)
    is_reachable = config.web.port and not is_loopback(urlsplit(last).hostname or "")
    return last if is_reachable else None


def _stricter_modes(least: Mode) -> tuple[Mode, ...]:
    """Return the modes that show no more than `least`: a command cannot show what a person hid."""
    modes: tuple[Mode, ...] = get_args(Mode)
    return modes[modes.index(least) :]


def _extras(parts: Parts) -> Extras:
    labels = (*parts.labels, UNCERTAIN)
    shares = dict.fromkeys(labels, 0.0)
    if steps := parts.history.steps(_SHARES_OF_S):
        total = steps[0]
        for step in steps[1:]:
            total = added(total, step)
        shares = total.shares(parts.labels)
    return Extras(
        shares=shares,
        brightness=None if parts.leds is None else parts.leds.brightness,
        privacy=parts.feed().privacy,
    )


def _controls(parts: Parts, modes: Sequence[str]) -> Controls:
    return Controls(
        pause=lambda: parts.service().pause(),
        resume=lambda: parts.service().resume(),
        set_brightness=None if parts.leds is None else parts.leds.set_brightness,
        set_privacy=lambda mode: parts.feed().set_privacy(mode),  # type: ignore[arg-type]  # checked
        privacy_modes=modes,
    )
