"""Typed settings. default.toml holds every default; this file holds every type and range."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from edge.errors import ConfigError
from edge.setting_types import Folder, Host, ModelFile, Pin, Port, ShortTime, Source, Unit
from edge.toml_text import read_toml, shown_path, write_toml
from edge.validation import Place, laid_over


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A table of the configuration file: unknown keys are refused."""


class CameraConfig(Section, frozen=True):
    """[camera]."""

    source: Source
    width: Annotated[int, msgspec.Meta(ge=160, le=3840)]
    height: Annotated[int, msgspec.Meta(ge=120, le=2160)]
    fps: Annotated[int, msgspec.Meta(ge=1, le=120)]
    rotate_deg: Literal[0, 180]
    mirror: bool
    focus_m: Annotated[float, msgspec.Meta(ge=0.0, le=100.0)]
    exposure_ms: Annotated[float, msgspec.Meta(ge=0.0, le=100.0)]
    stall_s: Annotated[float, msgspec.Meta(ge=0.5, le=60.0)]
    give_up_s: Annotated[float, msgspec.Meta(ge=1.0, le=75.0)]


class DetectorConfig(Section, frozen=True):
    """[detector]."""

    kind: Literal["blazeface", "haar"]
    runs_per_frame: Annotated[int, msgspec.Meta(ge=1, le=16)]
    min_score: Annotated[float, msgspec.Meta(ge=0.05, le=0.99)]


class ClassifierConfig(Section, frozen=True):
    """[classifier]."""

    model: ModelFile
    max_per_frame: Annotated[int, msgspec.Meta(ge=1, le=16)]
    threads: Annotated[int, msgspec.Meta(ge=0, le=8)]


class TrackerConfig(Section, frozen=True):
    """[tracker]."""

    min_hits: Annotated[int, msgspec.Meta(ge=1, le=10)]
    max_lost_s: Annotated[float, msgspec.Meta(ge=0.1, le=10.0)]


class SmootherConfig(Section, frozen=True):
    """[smoother]."""

    time_constant_s: ShortTime
    min_confidence: Unit
    switch_margin: Unit
    min_dwell_s: ShortTime


class RgbPins(Section, frozen=True):
    """[leds.rgb_pins]."""

    red: Pin
    green: Pin
    blue: Pin


class LedsConfig(Section, frozen=True):
    """[leds]; `pins` has a pin for each expression, of whatever model."""

    mode: Literal["off", "per_emotion", "rgb"]
    factory: Literal["auto", "mock"]
    brightness: Annotated[float, msgspec.Meta(ge=0.05, le=1.0)]
    common_anode: bool
    status_pin: Pin
    privacy_pin: Pin
    pins: dict[str, Pin]
    rgb_pins: RgbPins


class ButtonConfig(Section, frozen=True):
    """[button]."""

    mode: Literal["off", "pause", "pause_and_shutdown"]
    pin: Pin
    hold_s: Annotated[float, msgspec.Meta(ge=1.0, le=10.0)]


class CareConfig(Section, frozen=True):
    """[care]."""

    hot_c: Annotated[float, msgspec.Meta(ge=50.0, le=100.0)]


class WebConfig(Section, frozen=True):
    """[web]."""

    host: Host
    port: Port
    auth: Literal["code", "none"]
    allowed_hosts: list[Host]
    tls: bool


class StreamConfig(Section, frozen=True):
    """[stream]."""

    fps: Annotated[int, msgspec.Meta(ge=1, le=60)]
    quality: Annotated[int, msgspec.Meta(ge=30, le=95)]
    max_viewers: Annotated[int, msgspec.Meta(ge=1, le=64)]
    privacy: Literal["off", "pixelate", "boxes-only"]


class HistoryConfig(Section, frozen=True):
    """[history]."""

    keep: Literal["memory", "disk"]
    days: Annotated[int, msgspec.Meta(ge=1, le=90)]


class StateConfig(Section, frozen=True):
    """[state]."""

    folder: Folder


class Config(Section, frozen=True):
    """All the settings in effect."""

    camera: CameraConfig
    detector: DetectorConfig
    classifier: ClassifierConfig
    tracker: TrackerConfig
    smoother: SmootherConfig
    leds: LedsConfig
    button: ButtonConfig
    care: CareConfig
    web: WebConfig
    stream: StreamConfig
    history: HistoryConfig
    state: StateConfig


Overrides = Mapping[str, Mapping[str, Any]]
"""Values by section and key."""


def load_config(
    path: Path | None = None,
    overrides: Overrides | None = None,
    options: Mapping[tuple[str, ...], str] | None = None,
) -> Config:
    """Return the defaults, changed by the TOML file at `path`, changed by `overrides`.

    `overrides` are the command line's values, `options` what the command line calls them by
    section and key. Raises ConfigError, whose one line names the file or option, the key, the
    value and what is allowed.
    """
    settings = default_settings()
    asked = place = Place("command line", options=options or {})
    if path is not None:
        place = Place(shown_path(path))
        settings = laid_over(settings, read_toml(path), Config, place)
    settings = laid_over(settings, overrides or {}, Config, asked)
    config = msgspec.convert(settings, Config)
    for section, key, complaint in conflicts(config):
        setter = asked if key in (overrides or {}).get(section, {}) else place
        named = setter.inside(section).of(key, settings[section][key])
        raise ConfigError(f"{named}: {complaint}")
    return config


def conflicts(config: Config) -> Iterator[tuple[str, str, str]]:
    """Yield (section, key, complaint) for each setting that another one does not allow."""
    camera = config.camera
    if camera.give_up_s <= camera.stall_s:
        yield "camera", "give_up_s", f"expected more than stall_s = {camera.stall_s:g}"


def default_settings() -> dict[str, Any]:
    """Return default.toml as nested dictionaries."""
    return tomllib.loads(resources.files("edge").joinpath("default.toml").read_text("utf-8"))


def to_toml(config: Config) -> str:
    """Return the settings as a TOML text that `load_config` reads back to the same Config."""
    return write_toml(msgspec.to_builtins(config))
