"""The composition root: it, models.py, integrations.py and web/setup.py know every class."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, suppress
from functools import partial
from pathlib import Path
from typing import Any, TextIO

from flask import Flask

from edge import BEGAN_S, __version__
from edge.camera.auto import Hardware, counting_hardware, open_source
from edge.config import ButtonConfig, Config
from edge.config.layers import Layers
from edge.errors import ConfigError, StateError
from edge.history.database import delete_history
from edge.history.history import History
from edge.history.recorder import HistoryFile
from edge.integrations import open_integrations
from edge.kept_greeting import KeptGreeting
from edge.kept_pause import KeptPause
from edge.kept_regions import KeptRegions
from edge.leds import turns
from edge.leds.button import PushButton
from edge.leds.leds import Leds, lit_mode
from edge.leds.pins import check_button, is_raspberry_pi, open_pin_factory
from edge.leds.terminal import TerminalLeds, can_encode
from edge.leds.wiring_test import walk
from edge.local_clock import LocalClock
from edge.metering import MeteredOutputs
from edge.models import load_vision, model_path, round_of, search_again_s
from edge.outputs.fanout import FanOut
from edge.outputs.metrics import Metrics
from edge.outputs.sink import Sink
from edge.owner_settings import OwnerSettings
from edge.parts import Parts
from edge.pausing import Pausing
from edge.pipeline import Pipeline
from edge.process.signals import listen
from edge.process.threads import start_thread
from edge.service import Service
from edge.state import find_folder, open_folder
from edge.system.board import ROOT
from edge.system.checks import is_clock_confirmed, is_clock_synchronised
from edge.system.commands import output_of
from edge.system.notify import Notifier, StatusLine
from edge.system.power import power_off
from edge.system.thermal import ThermalMonitor
from edge.vision.ignored_regions import IgnoredRegions
from edge.vision.manifest import read_manifest
from edge.web.app import Controls, create_app
from edge.web.first_minute import FirstMinute, LedTest
from edge.web.server.server import RESERVED_THREADS, WebServer
from edge.web.setup import PageInfo, WebSetup, set_up_web
from edge.web.stream import JpegFeed

_HISTORY_FILE = "history.sqlite3"


def run_device(
    settings: Layers,
    *,
    terminal: TextIO,
    announce: Callable[[PageInfo], None],
    hardware: Hardware | None = None,
) -> None:
    """Run the device until a signal ends it. Raises EdgeError for any other end.

    `announce` is called with the page's addresses once the camera is open. `hardware` replaces the
    machine's cameras in tests. Everything that was opened is closed at the end, in reverse order.
    """
    folder = _state_folder(settings.config)
    owner = OwnerSettings(settings, folder)
    config = owner.config
    web_setup = set_up_web(config)
    regions = IgnoredRegions()
    vision = load_vision(config, regions)
    labels = vision.classifier.labels
    ending = listen()
    ending.be_orderly()
    with ExitStack() as opened:
        manager = opened.enter_context(closing(Notifier()))
        history = History()
        kept = _open_history_file(config, history)
        pin_factory = _open_pins(config, labels, opened)
        leds = _open_leds(config, labels, pin_factory)
        parts = Parts(
            history=history,
            leds=leds,
            labels=labels,
            pausing=lambda: pausing,
            feed=lambda: feed,
            owner=owner,
        )
        connected = open_integrations(config, parts)
        sinks: list[Sink] = [history, *_sinks(config, kept, manager, leds, terminal), *connected]
        outputs = FanOut(sinks)
        opened.callback(outputs.close)
        metrics = Metrics(labels, [sink.name for sink in sinks], __version__)
        cameras = hardware or counting_hardware(metrics.note_corrupt_frame)
        pipeline = vision.pipeline(config)
        service = Service(
            lambda: open_source(config.camera, cameras),
            pipeline,
            MeteredOutputs(outputs, metrics),
            config.camera,
            alive=manager.alive,
            inference_failed=metrics.note_inference_error,
            vitals=ThermalMonitor(config.thermal).vitals,
            began_s=BEGAN_S,
            enough_fps=config.stream.fps,
        )
        ending.calls(service.stop, hurry=outputs.close)
        pausing = _open_pausing(config, service, folder, is_damaged=owner.is_damaged)
        opened.callback(pausing.close)
        if config.button.mode != "off":
            opened.callback(_open_button(config.button, pin_factory, pausing).close)
        feed = JpegFeed(
            service.scenes, service.report, config.stream, partial(round_of, config.detector)
        )
        feed.when_encoded(metrics.note_encoded_frame)
        for follower in _followers(pipeline, feed, leds, pausing):
            owner.follow(follower)
        web = create_app(
            reports=outputs.reports,
            report=service.report,
            leds=lambda: None if leds is None else leds.state(),
            labels=labels,
            feed=feed,
            access=web_setup.access,
            controls=Controls(pause=pausing.pause, resume=pausing.resume),
            history=kept or history,
            regions=KeptRegions(regions, folder),
            first_minute=FirstMinute(
                greeting=KeptGreeting(folder), led_test=_led_test(config, leds)
            ),
            settings=owner,
            metrics=lambda accept: metrics.render(service.report(), len(feed.viewers), accept),
        )
        server = _start_server(config, web, web_setup)
        opened.callback(server.stop)
        opened.callback(feed.stop)
        feed.start()
        start_thread("schedule", pausing.run)
        # First, so that the last minute is written even if a later step hangs.
        opened.callback(outputs.close)
        opened.callback(manager.stopping)

        def camera_is_open() -> None:
            manager.ready()
            announce(web_setup.page_info(config.web, server.port))

        service.run(camera_is_open)


def _sinks(
    config: Config,
    kept: HistoryFile | None,
    manager: Notifier,
    leds: Leds | None,
    terminal: TextIO,
) -> Iterator[Sink]:
    """Yield the outputs that the settings and the machine require."""
    if kept is not None:
        yield kept
    if manager.has_manager:
        yield StatusLine(manager.status)
    if leds is not None:
        yield leds
        if _are_simulated(config):
            yield TerminalLeds(leds.state, terminal)


def _start_server(config: Config, web: Flask, setup: WebSetup) -> WebServer:
    certificate = setup.certificate
    server = WebServer(
        web,
        config.web.host,
        config.web.port,
        threads=2 * config.stream.max_viewers + RESERVED_THREADS,
        tls=None if certificate is None else certificate.server_context(),
        proxies=setup.access.proxies,
        known=None if setup.access.authenticator is None else setup.access.known,
    )
    server.start()
    return server


def _open_pins(config: Config, labels: tuple[str, ...], opened: ExitStack) -> Any:
    """Return the pin factory that LEDs and button share, None when neither is in use."""
    if config.leds.mode == config.button.mode == "off":
        return None
    check_button(config.button, config.leds, labels)
    pin_factory = open_pin_factory(config.leds.factory)
    opened.callback(pin_factory.close)
    return pin_factory


def _open_leds(config: Config, labels: tuple[str, ...], pin_factory: Any) -> Leds | None:
    return None if config.leds.mode == "off" else Leds(config.leds, labels, pin_factory)


def _led_test(config: Config, leds: Leds | None) -> LedTest | None:
    if leds is None:
        return None
    return LedTest(
        begin=leds.test,
        each_s=turns.EACH_S,
        together_s=turns.TOGETHER_S,
        is_simulated=_are_simulated(config),
    )


def _are_simulated(config: Config) -> bool:
    """Whether the LEDs in use are not connected to anything."""
    return config.leds.factory == "mock" or not is_raspberry_pi()


def _open_button(config: ButtonConfig, pin_factory: Any, pausing: Pausing) -> PushButton:
    held = power_off if config.mode == "pause_and_shutdown" else None
    return PushButton(config, pin_factory, pressed=pausing.toggle, held=held)


def _open_pausing(
    config: Config, service: Service, folder: Path | None, *, is_damaged: bool
) -> Pausing:
    """Return what pauses the service; a pause that is due at the start is in force already.

    With `is_damaged`, what the owner set on the page is not known: the camera stays closed until a
    person resumes.
    """
    clock = LocalClock(partial(is_clock_confirmed, ROOT, output_of))
    pausing = Pausing(service, clock.now, config.schedule, KeptPause(folder))
    if is_damaged:
        pausing.pause()
    pausing.look()
    return pausing


def _followers(
    pipeline: Pipeline, feed: JpegFeed, leds: Leds | None, pausing: Pausing
) -> Iterator[Callable[[Config], None]]:
    """Yield what brings the owner's settings into force, in the order in which it must happen."""

    def set_privacy(config: Config) -> None:
        if feed.privacy != config.stream.privacy:
            feed.set_privacy(config.stream.privacy)

    # First the search, which pixelating needs to be complete.
    yield lambda config: pipeline.retune(config.smoother, search_again_s(config))
    yield set_privacy
    if leds is not None:
        yield lambda config: leds.set_brightness(config.leds.brightness)
    yield lambda config: pausing.configure(config.schedule)


def walk_leds(config: Config, terminal: TextIO) -> None:
    """Light each LED in turn and name it on `terminal`. Raises EdgeError."""
    lit_mode(config.leds)
    labels = tuple(read_manifest(model_path(config).with_suffix(".json")).labels)
    bulbs = "○●" if can_encode(terminal, "○●") else ".*"
    asked = threading.Event()

    def wait(pause_s: float) -> None:
        if asked.wait(pause_s):
            raise KeyboardInterrupt

    # The LEDs are off afterwards, also when the terminal is closed.
    listen().be_orderly()
    listen().calls(asked.set)
    with closing(open_pin_factory(config.leds.factory)) as pin_factory:
        if _are_simulated(config):
            print("simulated pins: no LED is connected", file=terminal)
        walk(
            config.leds,
            labels,
            pin_factory,
            say=lambda line: print(line, file=terminal, flush=True),
            wait=wait,
            bulbs=bulbs,
        )


def _state_folder(config: Config) -> Path | None:
    """Return the state folder, None for a user without a home folder."""
    with suppress(StateError, ConfigError):
        return find_folder(config.state)
    return None


def _open_history_file(config: Config, history: History) -> HistoryFile | None:
    if config.history.keep == "memory":
        # Without a home folder there is no state folder, so there is no history either.
        with suppress(StateError, ConfigError):
            delete_history(find_folder(config.state) / _HISTORY_FILE)
        return None
    folder = open_folder(find_folder(config.state))
    return HistoryFile(
        folder / _HISTORY_FILE,
        history,
        days=config.history.days,
        synchronised=partial(is_clock_synchronised, ROOT, output_of),
    )
