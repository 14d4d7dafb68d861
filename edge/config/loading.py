"""Loads settings from default.toml, a file and the command line, in this order."""

from __future__ import annotations

import logging
import tomllib
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import msgspec
import tomli_w

from edge.config.layers import COMMAND_LINE, FILE, Layers
from edge.config.sections import Config
from edge.config.toml_text import read_toml, shown_path
from edge.config.validation import Place
from edge.errors import ConfigError

Overrides = Mapping[str, Mapping[str, Any]]
"""Values by section and key."""

_OLD_NAMES = {"care": "thermal"}
"""Sections that had another name in an earlier release, which a file may still use."""

log = logging.getLogger(__name__)


def load_config(
    path: Path | None = None,
    overrides: Overrides | None = None,
    options: Mapping[tuple[str, ...], str] | None = None,
) -> Config:
    """Return the defaults, changed by the TOML file at `path`, changed by `overrides`.

    `overrides` are the command line's values, `options` its names for them by section and key.
    Raises ConfigError, whose one line names the file or option, the key, the value and what is
    allowed.
    """
    return load_layers(path, overrides, options).config


def load_layers(
    path: Path | None = None,
    overrides: Overrides | None = None,
    options: Mapping[tuple[str, ...], str] | None = None,
) -> Layers:
    """Return the settings of `load_config` with the origin of each. Raises ConfigError."""
    layers = Layers(default_settings())
    asked = place = Place("command line", options=options or {})
    if path is not None:
        place = Place(shown_path(path))
        layers = layers.with_layer(FILE, _renamed(read_toml(path), place), place)
    layers = layers.with_layer(COMMAND_LINE, overrides or {}, asked)
    layers.check({FILE: place, COMMAND_LINE: asked})
    return layers


def _renamed(changes: Mapping[str, Any], place: Place) -> dict[str, Any]:
    """Return `changes` with the present names of sections; log a warning for each old name.

    Raises ConfigError when a section is given under both names.
    """
    renamed = dict(changes)
    for old, new in _OLD_NAMES.items():
        if old not in renamed:
            continue
        if new in renamed:
            raise ConfigError(
                f"{place.origin}: [{old}] and [{new}] are the same section: "
                f"remove [{old}], the old name"
            )
        log.warning(
            "%s: the section [%s] is now called [%s]: rename it; "
            "the next release no longer reads the old name",
            *(place.origin, old, new),
        )
        renamed[new] = renamed.pop(old)
    return renamed


def default_settings() -> dict[str, Any]:
    """Return default.toml as nested dictionaries."""
    return tomllib.loads(resources.files("edge.config").joinpath("default.toml").read_text("utf-8"))


def to_toml(config: Config) -> str:
    """Return the settings as a TOML text that `load_config` reads back to the same Config."""
    return tomli_w.dumps(msgspec.to_builtins(config))
