"""Wires the output to an MQTT broker with the parts of the device."""

from __future__ import annotations

import logging
import socket
from functools import partial
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
    output = MqttOutput(
        broker,
        plan_of(config.mqtt, _info(config, parts)),
        extras=partial(_extras, parts),
        controls=_controls(parts),
        images=images,
    )
    parts.owner.follow(lambda _: output.refresh())
    return output


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
        privacy_modes=parts.owner.privacy_modes,
        sends_images=mqtt.image_s > 0,
        takes_commands=mqtt.commands,
    )


def _page_url(config: Config) -> str | None:
    """Return the page's address for other machines, preferably by name; None without one."""
    *_, last = page_urls(config.web, config.web.port)
    is_reachable = config.web.port and not is_loopback(urlsplit(last).hostname or "")
    return last if is_reachable else None


def _extras(parts: Parts) -> Extras:
    labels = (*parts.labels, UNCERTAIN)
    shares = dict.fromkeys(labels, 0.0)
    if steps := parts.history.steps(_SHARES_OF_S):
        total = steps[0]
        for step in steps[1:]:
            total = added(total, step)
        shares = total.shares(parts.labels)
    config = parts.owner.config
    return Extras(
        shares=shares,
        brightness=None if parts.leds is None else config.leds.brightness,
        privacy=config.stream.privacy,
    )


def _controls(parts: Parts) -> Controls:
    owner = parts.owner
    return Controls(
        pause=lambda: parts.pausing().pause(),
        resume=lambda: parts.pausing().resume(),
        set_brightness=None
        if parts.leds is None
        else lambda share: owner.change_for_now("brightness", share),
        set_privacy=lambda mode: owner.change_for_now("privacy", mode),
        privacy_modes=owner.privacy_modes,
    )
