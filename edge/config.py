"""Typed settings. default.toml holds every default; this file holds every type and range."""

from __future__ import annotations

import difflib
import json
import tomllib
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import msgspec

from edge.errors import ConfigError
from edge.hostnames import host_problem

Port = Annotated[int, msgspec.Meta(ge=0, le=65535)]
Pin = Annotated[int, msgspec.Meta(ge=0, le=27)]
Unit = Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]
ShortTime = Annotated[float, msgspec.Meta(ge=0.0, le=10.0)]


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A table of the configuration file: unknown keys are refused."""


class CameraConfig(Section, frozen=True):
    """[camera]."""

    source: Annotated[
        str,
        msgspec.Meta(
            pattern=r"^(auto|demo|picamera2(:\d+)?|v4l2:\d+|(file|images):.+)$",
            description="auto, demo, picamera2, picamera2:N, v4l2:N, file:PATH or images:DIR",
        ),
    ]
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

    model: str
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
    """[leds]."""

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

    host: Annotated[str, msgspec.Meta(min_length=1)]
    port: Port
    auth: Literal["code", "none"]
    allowed_hosts: list[Annotated[str, msgspec.Meta(min_length=1)]]
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

    folder: Annotated[str, msgspec.Meta(min_length=1)]


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


def load_config(
    path: Path | None = None, overrides: dict[str, dict[str, Any]] | None = None
) -> Config:
    """Return the defaults, changed by the TOML file at `path`, changed by `overrides`.

    `overrides` are command-line values by section and key. Raises ConfigError, whose one line
    names the file, the key, the value and what is allowed.
    """
    settings = default_settings()
    config = _checked(settings, "default.toml")
    if path is not None:
        settings = _merged(settings, _read_toml(path), str(path))
        config = _checked(settings, str(path))
    if overrides:
        config = _checked(_merged(settings, overrides, "command line"), "command line")
    return config


def default_settings() -> dict[str, Any]:
    """Return default.toml as nested dictionaries."""
    return tomllib.loads(resources.files("edge").joinpath("default.toml").read_text("utf-8"))


def to_toml(config: Config) -> str:
    """Return the settings as a TOML text that `load_config` reads back to the same Config."""
    return "\n".join(_toml_tables(msgspec.to_builtins(config))).rstrip()


def _toml_tables(tables: dict[str, Any], prefix: str = "") -> list[str]:
    lines: list[str] = []
    for name, table in tables.items():
        nested = {key: value for key, value in table.items() if isinstance(value, dict)}
        lines.append(f"[{prefix}{name}]")
        # A JSON scalar is a TOML scalar too.
        lines += [f"{k} = {json.dumps(v)}" for k, v in table.items() if k not in nested]
        lines += ["", *_toml_tables(nested, f"{prefix}{name}.")]
    return lines


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as exc:
        raise ConfigError(f"{path}: cannot read the configuration: {exc.strerror}") from exc
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        raise ConfigError(f"{path}: not a TOML file: {exc}") from exc


def _merged(
    settings: dict[str, Any], changes: dict[str, Any], origin: str, table: str = ""
) -> dict[str, Any]:
    """Return `settings` with `changes` laid over them; a key that has no default is refused."""
    merged = dict(settings)
    for key, value in changes.items():
        where = f"in [{table}]" if table else "at the top level"
        if key not in settings:
            near = difflib.get_close_matches(key, settings, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(settings)}"
            raise ConfigError(f"{origin}: unknown key {key!r} {where}; {hint}")
        if isinstance(settings[key], dict):
            inner = f"{table}.{key}" if table else key
            if not isinstance(value, dict):
                raise ConfigError(
                    f"{origin}: {key} = {value!r} {where}: expected a table [{inner}]"
                )
            value = _merged(settings[key], value, origin, inner)  # noqa: PLW2901 (recursion)
        merged[key] = value
    return merged


def _checked(settings: dict[str, Any], origin: str) -> Config:
    """Return the settings as a Config, or raise ConfigError naming the value that is wrong."""
    try:
        config = msgspec.convert(settings, Config)
    except msgspec.ValidationError as exc:
        reason, _, path = str(exc).partition(" - at `$.")
        *tables, key = path.rstrip("`").removesuffix("[...]").split(".")
        value: Any = settings
        kind: Any = Config
        for name in (*tables, key):
            value, kind = value[name], get_type_hints(kind, include_extras=True)[name]
        allowed = _allowed(kind) or reason[:1].lower() + reason[1:].replace("`", "")
        raise ConfigError(f"{origin}: [{'.'.join(tables)}] {key} = {value!r}: {allowed}") from exc
    for key, host in (
        ("host", config.web.host),
        *(("allowed_hosts", name) for name in config.web.allowed_hosts),
    ):
        if problem := host_problem(host):
            raise ConfigError(f"{origin}: [web] {key} = {host[:100]!r}: {problem}")
    return config


def _allowed(kind: Any) -> str:
    """Say in words what a setting of this type may be; empty where msgspec says it well."""
    if get_origin(kind) is Literal:
        return f"expected one of {', '.join(map(str, get_args(kind)))}"
    descriptions = [m.description for m in get_args(kind) if isinstance(m, msgspec.Meta)]
    return f"expected {descriptions[0]}" if descriptions and descriptions[0] else ""
