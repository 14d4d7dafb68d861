"""Settings in layers: the defaults, a file, the command line, the page. Each knows its origin."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
import tomli_w

from edge.config.conflicts import conflicts
from edge.config.sections import Config
from edge.config.validation import Place, laid_over
from edge.errors import ConfigError

DEFAULT, FILE, COMMAND_LINE, PAGE = "default", "settings file", "command line", "page"

Key = tuple[str, ...]
"""The tables and the name of a setting."""


@dataclass(frozen=True, slots=True)
class Layers:
    """Settings laid over each other. `origins` names the layer of each setting that was changed."""

    settings: Mapping[str, Any]
    origins: Mapping[Key, str] = field(default_factory=dict)

    @property
    def config(self) -> Config:
        """The settings in effect."""
        return msgspec.convert(self.settings, Config)

    def with_layer(self, origin: str, changes: Mapping[str, Any], place: Place) -> Layers:
        """Return these settings with `changes` laid over them.

        Raises ConfigError for an unknown key and for a value that its type does not allow.
        """
        settings = laid_over(self.settings, changes, Config, place)
        return Layers(settings, {**self.origins, **dict.fromkeys(_keys(changes), origin)})

    def origin(self, *key: str) -> str:
        """Return the layer that a setting comes from."""
        return self.origins.get(key, DEFAULT)

    def check(self, places: Mapping[str, Place]) -> None:
        """Raise ConfigError when a setting contradicts another one; `places` are by layer."""
        for section, key, complaint in conflicts(self.config):
            place = places.get(self.origin(section, key), next(iter(places.values())))
            named = place.inside(section).of(key, self.settings[section][key])
            raise ConfigError(f"{named}: {complaint}")

    def to_toml(self) -> str:
        """Return the settings as TOML, each with its origin as a comment."""
        return "\n".join(self._lines(self.settings, ())).strip() + "\n"

    def _lines(self, table: Mapping[str, Any], tables: Key) -> Iterator[str]:
        inner = {key: value for key, value in table.items() if isinstance(value, dict)}
        plain = {key: value for key, value in table.items() if key not in inner}
        if tables:
            yield tomli_w.dumps(_nested(tables, {})).strip().splitlines()[-1]
        for key, value in plain.items():
            first, *rest = tomli_w.dumps({key: value}).rstrip().split("\n")
            yield from (f"{first}  # {self.origin(*tables, key)}", *rest)
        yield ""
        for key, value in inner.items():
            yield from self._lines(value, (*tables, key))


def _keys(changes: Mapping[str, Any], tables: Key = ()) -> Iterator[Key]:
    for key, value in changes.items():
        if isinstance(value, dict):
            yield from _keys(value, (*tables, key))
        else:
            yield (*tables, key)


def _nested(tables: Key, value: Any) -> dict[str, Any]:
    """Return {"a": {"b": value}} for the tables a and b."""
    for name in reversed(tables):
        value = {name: value}
    return dict(value)
