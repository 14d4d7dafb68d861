"""The settings that change while the device runs: on the page, and some of them over MQTT.

This is the one place that holds them. The newest change is in force, whichever way it came. What
the page sets is kept in the state folder and wins over the settings file; what MQTT sets lasts
until the restart. Neither may show more than the file's [stream] privacy.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from edge.config import PRIVACY_MODES, Config
from edge.config.layers import COMMAND_LINE, DEFAULT, FILE, PAGE, Layers
from edge.config.validation import Place
from edge.errors import ConfigError, StateError
from edge.smoothing import CONFIGURED, PRESETS
from edge.state import KeptFile, open_folder

log = logging.getLogger(__name__)

MQTT = "MQTT"
_FILE_NAME = "owner-settings"
_SMOOTHING = "smoothing"
# The owner's name of each setting, and where it is among the others.
_KEYS = {
    "brightness": ("leds", "brightness"),
    "privacy": ("stream", "privacy"),
    "pause_from": ("schedule", "pause_from"),
    "pause_until": ("schedule", "pause_until"),
    "keep_pause": ("schedule", "keep_pause"),
}
_PLACES = {
    layer: Place(layer, options={key: f"{name} =" for name, key in _KEYS.items()})
    for layer in (PAGE, MQTT)
}

Values = Mapping[str, Any]
"""Values by the owner's names of the settings."""


@dataclass(frozen=True, slots=True)
class _State:
    """What is in force: the page's values, MQTT's over them, and all settings under both."""

    layers: Layers
    kept: Values = field(default_factory=dict)
    passing: Values = field(default_factory=dict)
    version: int = 0


class OwnerSettings:
    """The owner's settings of one device. Without a folder they last until the next restart."""

    def __init__(self, layers: Layers, folder: Path | None) -> None:
        """Read what the page has set. What cannot be read is logged, and `is_damaged` is set."""
        self._base = layers
        self._file = None if folder is None else KeptFile(folder / _FILE_NAME)
        self._changing = threading.Lock()
        self._followers: list[Callable[[Config], None]] = []
        self.is_damaged = False
        self._state = _State(layers)
        if self._file is not None:
            self._state = self._read(self._file)

    @property
    def config(self) -> Config:
        """All settings in force."""
        return self._state.layers.config

    @property
    def layers(self) -> Layers:
        """All settings in force, with their origins."""
        return self._state.layers

    @property
    def version(self) -> int:
        """A number that grows with each change."""
        return self._state.version

    @property
    def privacy_modes(self) -> tuple[str, ...]:
        """The modes that show no more than the settings file allows."""
        return PRIVACY_MODES[PRIVACY_MODES.index(self._base.config.stream.privacy) :]

    def follow(self, follower: Callable[[Config], None]) -> None:
        """Call `follower` with all settings after each change; one at a time, not now."""
        self._followers.append(follower)

    def get(self) -> dict[str, Any]:
        """Return the values in force, their origins, and those without the page and MQTT."""
        state = self._state
        set_values = {**state.kept, **state.passing}
        return {
            "values": _values(state.layers, set_values),
            "from": {name: _origin(state.layers, name) for name in (*_KEYS, _SMOOTHING)},
            "configured": _values(self._base, {}),
            "privacy_modes": list(self.privacy_modes),
        }

    def change(self, changes: Any) -> None:
        """Set values from the page, and keep them; None returns to the settings file.

        Raises ValueError for wrong ones, StateError and ConfigError when they cannot be kept.
        """
        if not isinstance(changes, dict):
            raise ValueError("expected a JSON object of settings")  # noqa: TRY004 (see the route)
        with self._changing:
            state = self._state
            kept = {**state.kept, **changes}
            kept = {name: value for name, value in kept.items() if value is not None}
            passing = {k: v for k, v in state.passing.items() if k not in changes}
            newer = self._with(kept, passing, asked=changes)
            if self._file is not None:
                open_folder(self._file.path.parent)
                self._file.write(json.dumps(kept).encode())
            self._put_in_force(newer)

    def change_for_now(self, name: str, value: Any) -> None:
        """Set one value from MQTT, until the restart or the next change. Raises ValueError."""
        with self._changing:
            passing = {**self._state.passing, name: value}
            self._put_in_force(self._with(self._state.kept, passing, asked={name: value}))

    def _with(self, kept: Values, passing: Values, asked: Values) -> _State:
        """Return the state with these values. Raises ValueError for those in `asked`."""
        self._check_names(asked)
        try:
            layers = self._base.with_layer(PAGE, _tables(kept), _PLACES[PAGE])
            layers = layers.with_layer(MQTT, _tables(passing), _PLACES[MQTT])
            layers.check(_PLACES)
        except ConfigError as exc:
            raise ValueError(str(exc)) from exc
        self._check_privacy(layers.config)
        return replace(self._state, layers=layers, kept=kept, passing=passing)

    def _check_names(self, asked: Values) -> None:
        if unknown := [name for name in asked if name not in (*_KEYS, _SMOOTHING)]:
            known = ", ".join((*_KEYS, _SMOOTHING))
            raise ValueError(f"unknown setting {unknown[0][:40]!r}; known: {known}")
        if asked.get("brightness") is not None and self._base.config.leds.mode == "off":
            raise ValueError('brightness: there are no LEDs: [leds] mode = "off"')

    def _check_privacy(self, config: Config) -> None:
        mode = config.stream.privacy
        if mode not in self.privacy_modes:
            raise ValueError(
                f"privacy = {mode!r}: expected one of {', '.join(self.privacy_modes)}, "
                "which show no more than [stream] privacy in the settings file"
            )

    def _put_in_force(self, newer: _State) -> None:
        self._state = replace(newer, version=self._state.version + 1)
        config = self._state.layers.config
        for follower in self._followers:
            follower(config)

    def _read(self, file: KeptFile) -> _State:
        try:
            kept = json.loads(file.read() or b"{}")
            if not isinstance(kept, dict):
                raise ValueError("not an object")  # noqa: TRY004, TRY301 (damaged like other JSON)
            if kept.get("privacy") in PRIVACY_MODES and kept["privacy"] not in self.privacy_modes:
                del kept["privacy"]  # the settings file has become stricter
            known = {name: value for name, value in kept.items() if name in (*_KEYS, _SMOOTHING)}
            return self._with(known, {}, asked={})
        except StateError as exc:
            reason = str(exc)
        except (ValueError, RecursionError):
            reason = f"{file.path}: not what the page writes; save the settings there again"
        log.warning("settings: those of the page do not count: %s", reason)
        self.is_damaged = True
        return _State(self._base)


def _tables(values: Values) -> dict[str, dict[str, Any]]:
    """Return the owner's values by section and key. Raises ValueError for an unknown preset."""
    tables: dict[str, dict[str, Any]] = {}
    for name, (section, key) in _KEYS.items():
        if name in values:
            tables.setdefault(section, {})[key] = values[name]
    if _SMOOTHING in values:
        tables["smoother"] = dict(_preset(values[_SMOOTHING]))
    return tables


def _preset(name: Any) -> Mapping[str, Any]:
    if not isinstance(name, str) or name not in PRESETS:
        raise ValueError(f"smoothing = {str(name)[:40]!r}: expected one of {', '.join(PRESETS)}")
    return PRESETS[name]


def _values(layers: Layers, set_values: Values) -> dict[str, Any]:
    """Return the value of each of the owner's settings; no brightness without LEDs."""
    values = {name: layers.settings[section][key] for name, (section, key) in _KEYS.items()}
    if layers.config.leds.mode == "off":
        values["brightness"] = None
    return {**values, _SMOOTHING: set_values.get(_SMOOTHING, CONFIGURED)}


def _origin(layers: Layers, name: str) -> str:
    if name != _SMOOTHING:
        return layers.origin(*_KEYS[name])
    sources = {layers.origin("smoother", key) for key in layers.settings["smoother"]}
    return next((layer for layer in (PAGE, COMMAND_LINE, FILE) if layer in sources), DEFAULT)
