"""The commands of `emotion-edge` and `python -m edge`. Each error is one line, see errors.py."""

from __future__ import annotations

import argparse
import contextlib
import io
import itertools
import json
import logging
import os
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from edge import __version__
from edge.arguments import parser
from edge.config import Config, load_config
from edge.config.options import (
    INSTALLED_SETTINGS,
    command_line_settings,
    device_file,
    installed_settings,
    layers_of,
    named,
    settings_of,
)
from edge.errors import ConfigError, EdgeError, UsageError
from edge.owner_settings import OwnerSettings
from edge.process.background_log import BackgroundLog
from edge.process.log_limit import LogLimit
from edge.process.signals import listen
from edge.process.streams import discard_stdout, flush_stdout
from edge.state import INSTALLED_FOLDER, KeptFile, find_folder, open_folder
from edge.web.announcement import announce
from edge.web.auth.access_code import AccessCode
from edge.web.auth.tokens import TOKENS_FILE, AccessTokens
from edge.web.page_addresses import published, running_addresses

if TYPE_CHECKING:
    from edge.web.setup import PageInfo


_LOG_ENDS_S = 1.0  # the last messages are written within that time, or not at all
_NO_ADDRESS = "no device is running; `emotion-edge run` shows the page's address"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code: 0, 1, or 2 for usage and configuration."""
    try:
        return _obey(argv)
    except BrokenPipeError:
        discard_stdout()  # its reader ended, as `head` does
        return 0
    except EdgeError as exc:
        if os.environ.get("EMOTION_EDGE_DEBUG"):
            raise
        with contextlib.suppress(OSError):
            print(f"emotion-edge: {exc}", file=sys.stderr)
        return exc.exit_code
    except KeyboardInterrupt:
        return 130


def _obey(argv: Sequence[str] | None) -> int:
    flush: Callable[[], None] = flush_stdout  # at exit Python would report a failure itself
    try:
        args = parser().parse_args(argv)
        if args.command == "run":
            flush = discard_stdout  # a device runs, and ends, also when nothing reads its output
        return _COMMANDS[args.command](args)
    finally:
        flush()


def _run(args: argparse.Namespace) -> int:
    listen().early_code = 0  # a signal before the start is a normal end, too
    from edge.app import run_device  # noqa: PLC0415 (loads every adapter)

    with contextlib.ExitStack() as opened:
        opened.callback(_log_to_stderr().drain, _LOG_ENDS_S)
        settings = layers_of(args)
        config = settings.config

        def tell(page: PageInfo) -> None:
            if page.code is not None:  # for `emotion-edge code`, which prints both
                opened.enter_context(published(find_folder(config.state), page.urls))
            with contextlib.suppress(OSError):  # a device also runs without a reader
                announce(page, sys.stdout)

        opened.enter_context(named(args.config))
        run_device(settings, terminal=sys.stdout, announce=tell)
    return 0


def _code(args: argparse.Namespace) -> int:
    folder, config, is_known = _device_of_the_code(args)
    code = AccessCode(open_folder(folder))
    print(code.renew() if args.new else code())
    addresses = _addresses(args, folder, config, is_known)
    print(*addresses or [_NO_ADDRESS], sep="\n")
    return 0


def _addresses(
    args: argparse.Namespace, folder: Path, config: Config, is_known: bool
) -> Sequence[str]:
    """Return the page's addresses, none when no device runs and its settings are not known."""
    from edge.web.setup import page_urls  # noqa: PLC0415 (loads the web)

    if args.host is None and args.port is None and (urls := running_addresses(folder)):
        return urls
    return page_urls(config.web, config.web.port) if is_known else ()


def _device_of_the_code(args: argparse.Namespace) -> tuple[Path, Config, bool]:
    """Return the state folder of the device, its settings, and whether these are known.

    The device is the one of --config, else one that runs from the user's own state folder, else
    the installed one. Raises UsageError when it has no access code.
    """
    file = args.config
    if not file and not running_addresses(find_folder(settings_of(args).state)):
        file = installed_settings(args.command)
    config = settings_of(args, file)
    if config.web.auth == "none":
        raise UsageError('there is no access code: [web] auth = "none"')
    folder = _state_folder(config, file)
    is_known = any(named is not None for named in (file, args.host, args.port))
    return folder, config, is_known


def _state_folder(config: Config, file: Path | None) -> Path:
    """Return the state folder of the device with these settings from `file`.

    Raises ConfigError when it would be in the home folder of a user without one.
    """
    is_ours = config.state.folder != "auto" or "STATE_DIRECTORY" in os.environ
    if file == INSTALLED_SETTINGS and not is_ours:
        return INSTALLED_FOLDER
    return find_folder(config.state)


def _tokens(args: argparse.Namespace) -> int:
    folder, config, is_known = _device_of_the_code(args)
    tokens = AccessTokens(KeptFile(open_folder(folder) / TOKENS_FILE))
    if args.remove is not None:
        tokens.remove(args.remove)
    elif args.add is None:
        for name, purpose in tokens.purposes().items():
            print(f"{name} ({purpose})")
    elif args.purpose == "metrics":
        print(tokens.add(args.add, "metrics"))
    else:
        token = tokens.add(args.add, "view")
        for address in _addresses(args, folder, config, is_known) or ["http://DEVICE:8080"]:
            print(f"{address}/view/{token}/")
    return 0


def _log_to_stderr() -> BackgroundLog:
    # The LEDs may be drawn on the terminal's last line, which a message replaces.
    start = "\r\x1b[K" if sys.stderr.isatty() else ""
    form = f"{start}%(levelname)s %(message)s"
    stderr = logging.StreamHandler()
    stderr.setFormatter(logging.Formatter(form))
    log = BackgroundLog(stderr)
    log.addFilter(LogLimit())
    logging.basicConfig(level=logging.INFO, handlers=[log])
    return log


def _analyze(args: argparse.Namespace) -> int:
    from edge.analysis.command import analyze  # noqa: PLC0415 (loads OpenCV)

    return analyze(args, settings_of(args))


def _doctor(args: argparse.Namespace) -> int:
    from edge.doctor import examine, refused_settings  # noqa: PLC0415 (loads every adapter)
    from edge.system.diagnostics import Verdict, passed, summary  # noqa: PLC0415

    try:
        file = args.config or installed_settings(args.command)
        config = settings_of(args, file)
        first = passed("config", str(file or "the defaults"))
    except ConfigError as exc:
        first = refused_settings(exc, args.config or INSTALLED_SETTINGS)
        config = command_line_settings(args)  # a wrong option is an error all the same
    findings = []
    for finding in itertools.chain(
        [first], examine(config, is_known=first.verdict is Verdict.PASS)
    ):
        findings.append(finding)
        if not args.json:
            print(*finding.lines(), sep="\n", flush=True)
    well = all(finding.verdict is not Verdict.FAIL for finding in findings)
    if args.json:
        report = {"ok": well, "findings": [finding.to_dict() for finding in findings]}
        print(json.dumps({"version": __version__, **report}, indent=2, ensure_ascii=False))
    else:
        print(summary(findings))
    return 0 if well else 1


def _bench(args: argparse.Namespace) -> int:
    from edge.bench.command import bench  # noqa: PLC0415 (loads every adapter)

    return bench(args, settings_of(args))


def _selftest(args: argparse.Namespace) -> int:
    from edge.selftest.command import selftest  # noqa: PLC0415 (loads every adapter)

    file = device_file(args)
    with named(file):
        return selftest(args, settings_of(args, file))


def _leds(args: argparse.Namespace) -> int:
    from edge.app import walk_leds  # noqa: PLC0415 (loads every adapter)

    file = device_file(args)
    with named(file):
        walk_leds(settings_of(args, file), sys.stdout)
    return 0


def _config(args: argparse.Namespace) -> int:
    file = device_file(args)
    layers, folder = layers_of(args, file), None
    with contextlib.suppress(ConfigError):  # of a user without a home folder
        folder = _state_folder(layers.config, file)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8")  # TOML requires it
    print(OwnerSettings(layers, folder).layers.to_toml(), end="")
    return 0


def _fleet_sim(args: argparse.Namespace) -> int:
    from edge.fleet_sim import simulate  # noqa: PLC0415

    ended = threading.Event()
    listen().be_orderly()
    listen().calls(ended.set)
    simulate(
        args.devices,
        args.broker,
        load_config(args.config).mqtt,
        seconds=args.seconds,
        out=sys.stdout,
        stopping=ended.is_set,
    )
    return 0


def _version(_: argparse.Namespace) -> int:
    print(f"emotion-edge {__version__}")
    return 0


_COMMANDS: dict[str, Callable[[argparse.Namespace], int]] = {
    "run": _run,
    "analyze": _analyze,
    "doctor": _doctor,
    "bench": _bench,
    "selftest": _selftest,
    "leds": _leds,
    "config": _config,
    "code": _code,
    "fleet-sim": _fleet_sim,
    "tokens": _tokens,
    "version": _version,
}
