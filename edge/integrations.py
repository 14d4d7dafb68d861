"""Wires the outputs that connect the device with other systems: MQTT and hooks."""

from __future__ import annotations

import logging
import shutil
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, get_args
from urllib.parse import urlsplit

from edge import __version__
from edge.config import Config, HooksConfig, MqttConfig
from edge.config.hostnames import is_loopback
from edge.config.setting_types import url_problem
from edge.datatypes import UNCERTAIN
from edge.errors import ConfigError
from edge.history.history import History, added
from edge.leds.leds import Leds
from edge.outputs.hooks.actions import Action, Command, Post
from edge.outputs.hooks.changes import Kind
from edge.outputs.hooks.output import Hooks
from edge.outputs.mqtt.broker import Broker, broker_of
from edge.outputs.mqtt.commands import Controls
from edge.outputs.mqtt.images import Images
from edge.outputs.mqtt.messages import DeviceInfo, Extras, Topics
from edge.outputs.mqtt.session import Plan
from edge.outputs.secrets import first_line_of
from edge.outputs.sink import Sink
from edge.owner_settings import OwnerSettings
from edge.pausing import Pausing
from edge.state import KeptFile, find_folder, open_folder
from edge.system.identity import board_name, device_id
from edge.web.setup import page_urls
from edge.web.stream import JpegFeed

if TYPE_CHECKING:
    from edge.outputs.mqtt.output import MqttOutput

log = logging.getLogger(__name__)

_SHARES_OF_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What commands and the state reach: the parts of a device, once they are opened.

    `pausing` and `feed` exist only after the outputs, so they are asked for when needed.
    """

    history: History
    leds: Leds | None
    labels: Sequence[str]
    pausing: Callable[[], Pausing]
    feed: Callable[[], JpegFeed]
    owner: OwnerSettings


def open_integrations(config: Config, parts: Parts) -> list[Sink]:
    """Return the outputs that the settings require.

    Raises ConfigError for a setting that does not suit this machine, StateError.
    """
    outputs = (open_mqtt(config, parts), open_hooks(config.hooks))
    return [output for output in outputs if output is not None]


def open_mqtt(config: Config, parts: Parts) -> MqttOutput | None:
    """Return the output to the broker of the settings, None without one.

    Raises ConfigError for a file that cannot be read, StateError when the id cannot be stored.
    """
    if not config.mqtt.enabled:
        return None
    from edge.outputs.mqtt.output import MqttOutput  # noqa: PLC0415 (loads paho, unused otherwise)

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


def open_hooks(config: HooksConfig) -> Hooks | None:
    """Return the output that runs the hooks of the settings, None without one.

    Raises ConfigError for a program that is not there, or a file that cannot be read.
    """
    actions: list[Action] = []
    if config.command:
        program = config.command[0]
        if shutil.which(program) is None:
            raise ConfigError(
                f"[hooks] command = {[program]!r}: no such program, or it may not be executed"
            )
        actions.append(Command(config.command, config.timeout_s))
    if (url := _url_of(config)) is not None:
        actions.append(Post(url, config.timeout_s))
    kinds: Sequence[Kind] = get_args(Kind) if config.on == "both" else (config.on,)
    return Hooks(kinds, actions, config.debounce_s) if actions else None


def _url_of(config: HooksConfig) -> str | None:
    if config.url_file == "none":
        return None if config.url == "none" else config.url
    url = first_line_of(config.url_file, "[hooks] url_file").strip()
    if problem := url_problem(url, may_hold_password=True):
        raise ConfigError(f"[hooks] url_file = {config.url_file!r}: {problem}")
    return url
