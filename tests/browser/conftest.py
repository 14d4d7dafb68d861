"""A device with a script instead of a camera, served for real, and a Chromium that looks at it."""

import math
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from edge.config import StreamConfig
from edge.datatypes import (
    BBox,
    BgrImage,
    CameraState,
    FaceState,
    Frame,
    Health,
    LedState,
    Report,
    Scene,
    Snapshot,
)
from edge.latest import Latest
from edge.outputs.history import History
from edge.web.access import Access, Door
from edge.web.app import Controls, create_app
from edge.web.hosts import Hosts
from edge.web.logins import Logins
from edge.web.server import WebServer
from edge.web.stream import JpegFeed

LABELS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
CHROMIUM, CHROMEDRIVER = Path("/usr/bin/chromium"), Path("/usr/bin/chromedriver")
FPS = 15


class ScriptedDevice:
    """Everything behind the page: drawn frames, made-up faces, the real feed, app and server."""

    def __init__(self, port: int = 0, code: str | None = None) -> None:
        self.camera = CameraState.LIVE
        self.detail = "frames arrive"
        self.labels_in_view: tuple[str | None, ...] = ("happy", "surprise")
        self.leds: LedState | None = None
        self.history = History()
        self._scenes: Latest[Scene] = Latest()
        self._started_at_s = time.monotonic()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._film)
        feed = JpegFeed(
            self._scenes,
            self.report,
            StreamConfig(fps=FPS, quality=85, max_viewers=4, privacy="off"),
        )
        app = create_app(
            scenes=self._scenes,
            report=self.report,
            leds=lambda: self.leds,
            labels=LABELS,
            feed=feed,
            access=Access(Hosts(), self._door(code) if code else None),
            controls=Controls(pause=self.pause, resume=self.resume),
            history=self.history,
            version="0.0-test",
        )
        self.feed = feed
        self._server = WebServer(app, "127.0.0.1", port, threads=12)
        self._server.start()
        self._thread.start()

    @property
    def port(self) -> int:
        return self._server.port

    def report(self) -> Report:
        scene = self._scenes.get()
        now_s = time.monotonic()
        health = Health(
            camera=self.camera,
            detail=self.detail,
            source="script",
            fps=FPS,
            age_s=None if scene is None else now_s - scene.frame.captured_at_s,
            uptime_s=now_s - self._started_at_s,
        )
        return Report(snapshot=scene.snapshot if scene else None, health=health)

    def stop(self) -> None:
        self._over.set()
        self._thread.join()
        self._scenes.close()
        self._server.stop()

    def pause(self) -> None:
        self.camera, self.detail = CameraState.PAUSED, "paused; nothing is being looked at"

    def resume(self) -> None:
        self.camera, self.detail = CameraState.LIVE, "frames arrive"

    def _door(self, code: str) -> Door:
        # The same secret after a restart: whoever was logged in still is.
        return Door(lambda: code, Logins(b"secret of the scripted device"))

    def _film(self) -> None:
        seq = 0
        while not self._over.wait(1 / FPS):
            if self.camera is CameraState.LIVE:
                seq += 1
                self._scenes.put(self._scene(seq))
                self.history.show(self.report())

    def _scene(self, seq: int) -> Scene:
        now_s = time.monotonic()
        faces = tuple(
            _face(3 + index, label, now_s) for index, label in enumerate(self.labels_in_view)
        )
        snapshot = Snapshot(
            seq=seq,
            captured_at_s=now_s,
            faces=faces,
            dominant=self.labels_in_view[0] if faces else None,
            stage_ms={"detect": 4.0},
        )
        frame = Frame(bgr=_drawn(faces), seq=seq, captured_at_s=now_s)
        return Scene(frame=frame, snapshot=snapshot)


def _face(track_id: int, label: str | None, now_s: float) -> FaceState:
    sway = 14 * math.sin(now_s + track_id)
    x, y, side = 90 + 260 * (track_id - 3) + sway, 130 + 40 * (track_id - 3), 150
    weights = np.full(len(LABELS), 0.3) + 0.2 * np.sin(now_s * 2 + np.arange(len(LABELS)))
    if label is not None:
        weights[LABELS.index(label)] = 4 + math.sin(now_s * 2)
    probs = weights / weights.sum()
    return FaceState(
        track_id=track_id,
        box=BBox(x, y, x + side, y + side * 1.15),
        label=label,
        confidence=float(probs.max()),
        probs={name: float(p) for name, p in zip(LABELS, probs, strict=True)},
    )


def _drawn(faces: tuple[FaceState, ...]) -> BgrImage:
    """Return a room in soft colours with a round head at each face."""
    y, x = np.mgrid[0:480, 0:640].astype(np.float32)
    shades = (150 - y / 8 + x / 20, 140 - y / 10, 120 + y / 12)
    bgr = np.stack(shades, axis=-1).clip(0, 255).astype(np.uint8)
    for face in faces:
        cx, cy = (round(v) for v in face.box.center)
        r = round(face.box.width / 2)
        cv2.ellipse(bgr, (cx, cy + 3 * r), (2 * r, 2 * r), 0, 0, 360, (92, 70, 58), -1, cv2.LINE_AA)
        cv2.ellipse(bgr, (cx, cy), (r, round(r * 1.2)), 0, 0, 360, (150, 180, 222), -1, cv2.LINE_AA)
        for eye in (cx - r // 3, cx + r // 3):
            cv2.circle(bgr, (eye, cy - r // 5), r // 10, (40, 40, 48), -1, cv2.LINE_AA)
        cv2.ellipse(
            bgr, (cx, cy + r // 3), (r // 3, r // 4), 0, 10, 170, (60, 60, 150), 4, cv2.LINE_AA
        )
    return bgr


@pytest.fixture
def make_device() -> Iterator[Callable[..., ScriptedDevice]]:
    made: list[ScriptedDevice] = []

    def make(port: int = 0, code: str | None = None) -> ScriptedDevice:
        """Make a device; with a `code` it asks for that, without one it stands open."""
        made.append(ScriptedDevice(port, code))
        return made[-1]

    yield make
    for device in made:
        device.stop()


@pytest.fixture
def device(make_device: Callable[..., ScriptedDevice]) -> ScriptedDevice:
    return make_device()


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    for program in (CHROMIUM, CHROMEDRIVER):
        if not program.exists():
            pytest.skip(f"no {program}: apt-get install chromium chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for flag in (
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--disable-dev-shm-usage",
        f"--user-data-dir={tmp_path_factory.mktemp('profile')}",
    ):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    service = webdriver.ChromeService(executable_path=str(CHROMEDRIVER))
    browser = webdriver.Chrome(options=options, service=service)
    yield browser
    browser.quit()
