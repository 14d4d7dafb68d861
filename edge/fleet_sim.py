"""The command `fleet-sim`: a simulated fleet on a broker, and a line of figures now and then."""

from __future__ import annotations

import re
import resource
from collections.abc import Callable
from dataclasses import replace
from typing import TextIO

from edge import __version__
from edge.config import MqttConfig
from edge.errors import UsageError
from edge.outputs.mqtt.broker import Broker, broker_of
from edge.outputs.mqtt.fleet import Fleet, plan_of

MOST_DEVICES = 10_000
_TOPIC_PREFIX = "emotion-edge-simulation"
_DISCOVERY_PREFIX = f"{_TOPIC_PREFIX}/homeassistant"  # a real Home Assistant does not listen there
_LINE_EVERY_S = 5.0
_FILES_OF_ITS_OWN = 64
_ADDRESS = re.compile(r"(?P<host>\[[^\]]+\]|[^:\s]+)(:(?P<port>[0-9]{1,5}))?")


def simulate(
    devices: int | str,
    broker: str,
    config: MqttConfig,
    *,
    seconds: float,
    out: TextIO,
    stopping: Callable[[], bool],
) -> None:
    """Run the fleet. `config` holds the encryption and the password. Raises UsageError."""
    count = _checked(devices)
    fleet = Fleet(
        [plan_of(n, _TOPIC_PREFIX, _DISCOVERY_PREFIX, __version__) for n in range(count)],
        _at(broker, broker_of(config)),
    )
    try:
        left_s = seconds
        while left_s > 0 and not stopping():
            step_s = min(left_s, _LINE_EVERY_S)
            before = replace(fleet.counts)
            fleet.run(step_s, stopping)
            left_s -= step_s
            counts = fleet.counts
            messages = (counts.published - before.published) / step_s
            kilobytes = (counts.payload_bytes - before.payload_bytes) / step_s / 1000
            reason = f", the last time: {counts.reason}" if counts.reason else ""
            out.write(
                f"{counts.connected} of {count} connected, {messages:.1f} messages/s, "
                f"{kilobytes:.1f} kB/s, {counts.lost} connections lost{reason}\n"
            )
            out.flush()
    finally:
        fleet.close()


def _checked(devices: int | str) -> int:
    """Return the number of devices, with enough open files for them. Raises UsageError."""
    if not isinstance(devices, int) or not 1 <= devices <= MOST_DEVICES:
        raise UsageError(f"fleet-sim {devices}: expected a number from 1 to {MOST_DEVICES}")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = devices + _FILES_OF_ITS_OWN
    if hard != resource.RLIM_INFINITY and needed > hard:
        raise UsageError(
            f"fleet-sim {devices}: this user may open {hard} files: raise `ulimit -n` to {needed}"
        )
    if soft != resource.RLIM_INFINITY and needed > soft:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
    return devices


def _at(address: str, broker: Broker) -> Broker:
    """Return the broker at HOST or HOST:PORT. Raises UsageError."""
    found = _ADDRESS.fullmatch(address)
    if found is None or int(found["port"] or 1) > 65535:
        raise UsageError(f"--broker {address!r}: expected HOST or HOST:PORT")
    port = int(found["port"]) if found["port"] else broker.port
    return replace(broker, host=found["host"].strip("[]"), port=port)
