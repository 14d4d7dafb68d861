"""Opens the outputs that connect the device with other systems: MQTT and hooks.

What is off in the settings is not loaded.
"""

from __future__ import annotations

from edge.config import Config
from edge.outputs.sink import Sink
from edge.parts import Parts


def open_integrations(config: Config, parts: Parts) -> list[Sink]:
    """Return the outputs that the settings require.

    Raises ConfigError for a setting that does not suit this machine, StateError.
    """
    outputs: list[Sink] = []
    if config.mqtt.enabled:
        from edge.mqtt_integration import open_mqtt  # noqa: PLC0415 (off by default)

        outputs.append(open_mqtt(config, parts))
    if config.hooks.is_used:
        from edge.hooks_integration import open_hooks  # noqa: PLC0415 (off by default)

        outputs.append(open_hooks(config.hooks))
    return outputs
