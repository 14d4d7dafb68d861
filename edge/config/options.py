"""Converts the command line's options, and the settings file that they name, to settings."""

from __future__ import annotations

import argparse
import contextlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from edge.config import Config, load_config, load_layers
from edge.config.layers import Layers
from edge.config.toml_text import shown_path
from edge.errors import ConfigError

INSTALLED_SETTINGS = Path("/etc/emotion-edge/config.toml")
"""The installed service's settings, the default of `code`, `config`, `doctor` and `leds`."""

OPTIONS: Mapping[tuple[str, ...], str] = {
    ("camera", "source"): "--source",
    ("web", "host"): "--host",
    ("web", "port"): "--port",
    ("leds", "mode"): "--leds",
    ("classifier", "model"): "--model",
    ("detector", "kind"): "--detector",
}
"""The command line's names of settings."""


def number(text: str) -> int | str:
    """Return a whole number, else the text, which the check of the settings then refuses."""
    return int(text) if re.fullmatch(r"[+-]?[0-9]{1,20}", text) else text


def settings_of(args: argparse.Namespace, file: Path | None = None) -> Config:
    """Return the settings of --config, else of `file`, with the command line's on top."""
    return layers_of(args, file).config


def layers_of(args: argparse.Namespace, file: Path | None = None) -> Layers:
    """Return the same settings with the origin of each."""
    return load_layers(args.config or file, _overrides(args), OPTIONS)


def command_line_settings(args: argparse.Namespace) -> Config:
    """Return the defaults with the command line's settings on top, without any file."""
    return load_config(None, _overrides(args), OPTIONS)


def _overrides(args: argparse.Namespace) -> dict[str, dict[str, Any]]:
    """Return the command line's settings by section and key."""
    overrides: dict[str, dict[str, Any]] = {}
    for (section, key), option in OPTIONS.items():
        value = getattr(args, option.removeprefix("--"), None)
        if value is not None:
            overrides.setdefault(section, {})[key] = value
    if overrides.get("camera", {}).get("source") == "demo":
        # The demo shows its LEDs in the terminal and never touches a pin.
        overrides["leds"] = {"mode": "per_emotion", "factory": "mock"} | overrides.get("leds", {})
        overrides["button"] = {"mode": "off"}
    return overrides


def device_file(args: argparse.Namespace) -> Path | None:
    """Return the file of --config, else that of the installed service, None without both.

    Raises ConfigError, see `installed_settings`.
    """
    return args.config or installed_settings(args.command)


@contextlib.contextmanager
def named(file: Path | None) -> Iterator[None]:
    """Name the settings file in the refusal of a setting that does not suit model or machine.

    That is found out only when the device is put together; such a message begins with the table.
    """
    try:
        yield
    except ConfigError as exc:
        if file is None or not str(exc).startswith("["):
            raise
        raise type(exc)(f"{shown_path(file)}: {exc}") from exc


def installed_settings(command: str) -> Path | None:
    """Return the path of the installed service's settings, None where they do not exist.

    Raises ConfigError, which names the remedy, when this user may not read them.
    """
    try:
        INSTALLED_SETTINGS.open("rb").close()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except PermissionError as exc:
        raise ConfigError(
            f"{INSTALLED_SETTINGS}: permission denied: run "
            f"`sudo emotion-edge {command}`, or pass another file with --config"
        ) from exc
    except OSError:
        pass  # reading the file reports the error
    return INSTALLED_SETTINGS
