"""The composition root: the one place that knows every concrete class."""

from __future__ import annotations

import contextlib
import ipaddress
import logging
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from edge.camera.auto import Hardware, open_source
from edge.certificate import Certificate, keep_certificate
from edge.config import ButtonConfig, Config, DetectorConfig, WebConfig
from edge.errors import ModelError
from edge.outputs.fanout import FanOut
from edge.outputs.history import History
from edge.outputs.history_file import HistoryFile
from edge.outputs.lamps import lit_mode
from edge.outputs.leds import Leds
from edge.outputs.pins import check_button, is_raspberry_pi, open_pin_factory
from edge.outputs.sink import Sink
from edge.outputs.terminal import TerminalLeds, can_encode
from edge.outputs.walk import walk
from edge.pipeline import Pipeline
from edge.service import Service
from edge.state import AccessCode, find_folder, login_secret, open_folder
from edge.system.board import process_age_s
from edge.system.button import PushButton
from edge.system.cores import inference_threads
from edge.system.health import Care
from edge.system.notify import Notifier, StatusLine
from edge.system.power import power_off
from edge.vision.blazeface import BlazeFace, find_network
from edge.vision.classifier import EmotionClassifier
from edge.vision.detector import FaceDetector, RoomDetector
from edge.vision.haar import HaarDetector
from edge.vision.manifest import load_model, read_manifest
from edge.vision.presence import FacePresence
from edge.vision.smoother import Smoother
from edge.vision.tracker import Tracker
from edge.web.access import Access, Door
from edge.web.app import Controls, create_app
from edge.web.hosts import Hosts
from edge.web.logins import Logins
from edge.web.server import RESERVED_THREADS, WebServer
from edge.web.stream import JpegFeed

log = logging.getLogger(__name__)

MODEL_NAME = "emotion_densenet121_int8.tflite"

_MODEL_FOLDERS = (
    Path(__file__).resolve().parent.parent / "models",  # a checkout
    Path(sys.prefix) / "share" / "emotion-edge" / "models",  # an installed wheel
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Vision:
    """The loaded networks."""

    detector: FaceDetector
    classifier: EmotionClassifier

    def pipeline(self, config: Config) -> Pipeline:
        """Return a pipeline for one video; its tracks start from nothing."""
        return Pipeline(
            self.detector,
            Tracker(config.tracker),
            self.classifier,
            Smoother(config.smoother, self.classifier.labels),
            max_per_frame=config.classifier.max_per_frame,
        )


@dataclass(frozen=True, slots=True)
class Served:
    """Where the page is, the access code that opens it, and its certificate's fingerprint.

    The first address is for this machine's own browser. Without a code the page stands open;
    without a fingerprint it is not encrypted.
    """

    urls: tuple[str, ...]
    code: str | None
    fingerprint: str | None


def load_vision(config: Config) -> Vision:
    """Load the networks that the settings name. Raises ModelError."""
    classifier = load_classifier(config)
    return Vision(detector=load_detector(config.detector), classifier=classifier)


def load_classifier(config: Config) -> EmotionClassifier:
    """Load the expression model. Raises ModelError."""
    threads = config.classifier.threads or inference_threads()
    network, manifest = load_model(model_path(config), threads=threads)
    return EmotionClassifier(network, manifest)


def model_path(config: Config) -> Path:
    """Return the configured model, or the one shipped. Raises ModelError when there is none."""
    if config.classifier.model != "auto":
        return Path(config.classifier.model).expanduser()
    candidates = [folder / MODEL_NAME for folder in _MODEL_FOLDERS]
    for path in candidates:
        if path.is_file():
            return path
    looked_in = " and ".join(str(path.parent) for path in candidates)
    raise ModelError(f"{MODEL_NAME} is missing; looked in {looked_in}; set [classifier] model")


def load_detector(config: DetectorConfig) -> FaceDetector:
    """Load the face detector. Raises ModelError."""
    if config.kind == "haar":
        return HaarDetector(min_score=config.min_score)
    return RoomDetector(
        BlazeFace(find_network("face_detection_short_range.tflite"), min_score=config.min_score),
        FacePresence(find_network("face_landmark.tflite")),
        runs_per_frame=config.runs_per_frame,
    )


def run_device(
    config: Config,
    *,
    terminal: TextIO,
    announce: Callable[[Served], None],
    hardware: Hardware | None = None,
) -> None:
    """Run the device until SIGINT or SIGTERM. Raises EdgeError for whatever else ends it.

    `announce` is told where the page is once the camera is open; `hardware` stands in for the
    machine's cameras in tests. Everything opened is closed on every way out, the LEDs first.
    """
    access, code = _open_access(config)
    certificate = _open_certificate(config)
    vision = load_vision(config)
    with ExitStack() as opened:
        pin_factory = _open_pins(config, vision.classifier.labels, opened)
        leds = _open_leds(config, vision.classifier.labels, pin_factory)
        history = History()
        sinks: list[Sink] = [history]
        kept = _open_history_file(config, history)
        if kept is not None:
            sinks.append(kept)
        manager = Notifier()
        opened.callback(manager.close)
        if manager.has_manager:
            sinks.append(StatusLine(manager.status))
        if leds is not None:
            sinks.append(leds)
            if config.leds.factory == "mock" or not is_raspberry_pi():
                sinks.append(TerminalLeds(leds.state, terminal))
        outputs = FanOut(sinks)
        opened.callback(outputs.close)
        service = Service(
            lambda: open_source(config.camera, hardware),
            vision.pipeline(config),
            outputs,
            config.camera,
            alive=manager.alive,
            vitals=Care(config.care).vitals,
            began_s=time.monotonic() - process_age_s(),
        )
        if config.button.mode != "off":
            opened.callback(_open_button(config.button, pin_factory, service).close)
        feed = JpegFeed(service.scenes, service.report, config.stream)
        web = create_app(
            scenes=service.scenes,
            report=service.report,
            leds=lambda: None if leds is None else leds.state(),
            labels=vision.classifier.labels,
            feed=feed,
            access=access,
            controls=Controls(pause=service.pause, resume=service.resume),
            history=kept or history,
        )
        server = WebServer(
            web,
            config.web.host,
            config.web.port,
            threads=2 * config.stream.max_viewers + RESERVED_THREADS,
            tls=None if certificate is None else certificate.server_context(),
        )
        server.start()
        opened.callback(server.stop)
        opened.callback(manager.stopping)

        def camera_is_open() -> None:
            manager.ready()
            announce(
                Served(
                    page_urls(config.web, server.port),
                    None if code is None else code(),
                    None if certificate is None else certificate.fingerprint,
                )
            )

        with _signals_call(service.stop, signal.SIGINT, signal.SIGTERM):
            service.run(camera_is_open)


def _open_pins(config: Config, labels: tuple[str, ...], opened: ExitStack) -> Any:
    """Return the pins that LEDs and button share, None where there are neither."""
    if config.leds.mode == config.button.mode == "off":
        return None
    check_button(config.button, config.leds, labels)
    pin_factory = open_pin_factory(config.leds.factory)
    opened.callback(pin_factory.close)
    return pin_factory


def _open_leds(config: Config, labels: tuple[str, ...], pin_factory: Any) -> Leds | None:
    return None if config.leds.mode == "off" else Leds(config.leds, labels, pin_factory)


def _open_button(config: ButtonConfig, pin_factory: Any, service: Service) -> PushButton:
    held = power_off if config.mode == "pause_and_shutdown" else None
    return PushButton(config, pin_factory, pressed=service.toggle, held=held)


def walk_leds(config: Config, terminal: TextIO) -> None:
    """Light every LED in its turn, saying on `terminal` which one. Raises EdgeError."""
    lit_mode(config.leds)
    labels = tuple(read_manifest(model_path(config).with_suffix(".json")).labels)
    bulbs = "○●" if can_encode(terminal, "○●") else ".*"
    # A closed terminal must leave everything dark as well.
    endings = _signals_call(_interrupt, signal.SIGTERM, signal.SIGHUP)
    with endings, closing(open_pin_factory(config.leds.factory)) as pin_factory:
        if config.leds.factory == "mock" or not is_raspberry_pi():
            print("simulated pins: this is a rehearsal, no LED is connected", file=terminal)
        walk(
            config.leds,
            labels,
            pin_factory,
            say=lambda line: print(line, file=terminal, flush=True),
            bulbs=bulbs,
        )


def _open_history_file(config: Config, history: History) -> HistoryFile | None:
    if config.history.keep == "memory":
        return None
    folder = open_folder(find_folder(config.state))
    return HistoryFile(folder / "history.sqlite3", history, days=config.history.days)


def _open_access(config: Config) -> tuple[Access, AccessCode | None]:
    """Return who may look, and the code for telling it. Raises StateError."""
    hosts = Hosts((*config.web.allowed_hosts, config.web.host))
    if config.web.auth == "none":
        if not _is_loopback(config.web.host):
            log.warning('web: [web] auth = "none": whoever reaches this device may look')
        return Access(hosts, None), None
    folder = open_folder(find_folder(config.state))
    code = AccessCode(folder)
    logins = Logins(login_secret(folder), folder / "ended-logins")
    return Access(hosts, Door(code, logins)), code


def _open_certificate(config: Config) -> Certificate | None:
    if not config.web.tls:
        return None
    return keep_certificate(open_folder(find_folder(config.state)), config.web.allowed_hosts)


def page_urls(web: WebConfig, port: int) -> tuple[str, ...]:
    """Return the page's address for this machine's browser, then the one for others if any."""
    scheme = "https" if web.tls else "http"
    here = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(web.host, web.host)  # noqa: S104 (not bound)
    hosts = [f"[{here}]" if ":" in here else here]
    if here != web.host:
        hosts.append(f"{socket.gethostname().partition('.')[0]}.local")
    return tuple(f"{scheme}://{host}:{port}" for host in hosts)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _interrupt() -> None:
    raise KeyboardInterrupt


@contextlib.contextmanager
def _signals_call(stop: Callable[[], None], *caught: signal.Signals) -> Iterator[None]:
    """Let the signals `caught` call `stop` instead of breaking in anywhere."""
    before = [signal.signal(number, lambda *_: stop()) for number in caught]
    try:
        yield
    finally:
        for number, handler in zip(caught, before, strict=True):
            signal.signal(number, handler)
