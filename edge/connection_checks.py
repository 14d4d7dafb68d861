"""The doctor's checks of what the device connects to: the MQTT broker, and the hooks.

What is off in the settings is not loaded.
"""

from __future__ import annotations

import ssl

from edge.config import Config, HooksConfig, MqttConfig
from edge.errors import ConfigError, EdgeError
from edge.latest import Latest
from edge.process.threads import start_thread
from edge.state import KeptFile, find_folder
from edge.system.diagnostics import Finding, failed, passed
from edge.system.identity import device_id

_BROKER_S = 10.0  # to resolve its name, for encryption and for all logins together


def check_broker(config: Config, within_s: float = _BROKER_S) -> Finding:
    """Log in to the broker as the device does; a device that runs is not disturbed."""
    if not config.mqtt.enabled:
        return passed("mqtt", "off")
    outcome: Latest[Finding | Exception] = Latest()

    def work() -> None:
        try:
            outcome.put(_tried(config))
        except Exception as exc:  # a defect, for the caller
            outcome.put(exc)

    # A name server that hangs cannot be interrupted: the thread is left behind then.
    start_thread("doctor-mqtt", work)
    found = outcome.wait_newer(0, within_s)
    if found is None:
        silent = f"{config.mqtt.host}: it has not answered for {within_s:g} s"
        return failed("mqtt", silent, "mqtt-broker")
    if isinstance(found[1], Exception):
        raise found[1]
    return found[1]


def _tried(config: Config) -> Finding:
    from edge.outputs.mqtt.broker import broker_of, reason_of  # noqa: PLC0415 (off by default)
    from edge.outputs.mqtt.connection import LoginRefused  # noqa: PLC0415 (loads paho)
    from edge.outputs.mqtt.messages import unique_id_of  # noqa: PLC0415
    from edge.outputs.mqtt.trial import refused_topics  # noqa: PLC0415

    try:
        broker = broker_of(config.mqtt)
        name = _device_id(config)
    except EdgeError as exc:
        return _refused_setting("mqtt", exc, "mqtt-login")
    unique_id = unique_id_of(name)
    topics = _topics(config.mqtt, name, unique_id)
    try:
        # Not the device's own name: a broker ends the connection of the client that had it.
        refused = refused_topics(broker, f"{unique_id}-doctor", topics)
    except LoginRefused as exc:
        return failed("mqtt", f"{broker}: {exc}", "mqtt-login")
    except OSError as exc:
        remedy = "mqtt-tls" if isinstance(exc, ssl.SSLError) else "mqtt-broker"
        return failed("mqtt", f"{broker}: {reason_of(exc)}", remedy)
    if refused:
        return failed("mqtt", f"{broker}: it forbids {', '.join(refused)}", "mqtt-topics")
    user = "without a user name" if broker.username is None else f"as {broker.username}"
    return passed("mqtt", f"{broker}: logged in {user}{', encrypted' if broker.tls else ''}")


def _device_id(config: Config) -> str:
    if config.mqtt.device_id != "auto":
        return config.mqtt.device_id
    return device_id(KeptFile(find_folder(config.state) / "device-id"))


def _topics(mqtt: MqttConfig, name: str, unique_id: str) -> list[str]:
    """Return the announcement's topic, and one that stands for those of the state."""
    from edge.outputs.mqtt.home_assistant import discovery_topic  # noqa: PLC0415
    from edge.outputs.mqtt.messages import Topics  # noqa: PLC0415

    announced = [discovery_topic(mqtt.discovery_prefix, unique_id)] if mqtt.discovery else []
    return [Topics(base=f"{mqtt.topic_prefix}/{name}").doctor, *announced]


def check_hooks(config: HooksConfig) -> Finding:
    """Check that the program of the hooks can be run, and that their address is one."""
    if not config.is_used:
        return passed("hooks", "off")
    from edge.hooks_integration import open_hooks  # noqa: PLC0415 (off by default)

    try:
        open_hooks(config)
    except ConfigError as exc:
        return _refused_setting("hooks", exc, "hooks")
    does = ["runs a command"] if config.command else []
    does += ["posts to an address"] if config.url != "none" or config.url_file != "none" else []
    return passed("hooks", " and ".join(does))


def _refused_setting(check: str, exc: EdgeError, remedy: str) -> Finding:
    """Return the finding for a setting that cannot be used; a secret may be for root to read."""
    is_for_others = isinstance(exc.__cause__, PermissionError)
    return failed(check, str(exc), "sudo" if is_for_others else remedy)
