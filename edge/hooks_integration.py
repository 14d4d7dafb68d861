"""Wires the output that runs the hooks of the settings."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from typing import get_args

from edge.config import HooksConfig
from edge.config.setting_types import url_problem
from edge.errors import ConfigError
from edge.outputs.hooks.actions import Action, Command, Post
from edge.outputs.hooks.changes import Kind
from edge.outputs.hooks.output import Hooks
from edge.outputs.secrets import first_line_of


def open_hooks(config: HooksConfig) -> Hooks:
    """Return the output that runs the hooks of the settings; there is at least one.

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
    return Hooks(kinds, actions, config.debounce_s)


def _url_of(config: HooksConfig) -> str | None:
    if config.url_file == "none":
        return None if config.url == "none" else config.url
    url = first_line_of(config.url_file, "[hooks] url_file").strip()
    if problem := url_problem(url, may_hold_password=True):
        raise ConfigError(f"[hooks] url_file = {config.url_file!r}: {problem}")
    return url
