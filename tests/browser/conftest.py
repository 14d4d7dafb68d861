"""A device with a script instead of a camera, served for real, and browsers that look at it."""

import math
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal

import cv2
import numpy as np
import pytest
from browsing import Page
from firefox import FIREFOX, Firefox, running_firefox

from edge.config import StreamConfig
from edge.datatypes import (
    BBox,
    BgrImage,
    CameraState,
    FaceState,
    Frame,
    Health,
    LedState,
    Pause,
    Report,
    Scene,
    Snapshot,
    Vitals,
)
from edge.history.history import History
from edge.latest import Latest
from edge.leds.leds import Leds
from edge.web.app import Controls, create_app
from edge.web.auth.allowed_hosts import AllowedHosts
from edge.web.auth.authenticator import Access, Authenticator
from edge.web.auth.forwarded import NO_PROXIES, TrustedProxies
from edge.web.auth.sessions import Sessions
from edge.web.auth.tokens import AccessTokens
from edge.web.first_minute import NO_FIRST_MINUTE, FirstMinute
from edge.web.regions import NO_REGIONS, Regions
from edge.web.server.server import WebServer
from edge.web.settings import NO_SETTINGS, Settings
from edge.web.stream import JpegFeed

LABELS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
FPS = 15


class ScriptedDevice:
    """Everything behind the page: drawn frames, made-up faces, the real feed, app and server."""

    def __init__(
        self,
        port: int = 0,
        code: str | None = None,
        *,
        history: History | None = None,
        privacy: Literal["off", "pixelate", "boxes-only"] = "off",
        feed_type: type[JpegFeed] = JpegFeed,
        tokens: AccessTokens | None = None,
        frame_ancestors: tuple[str, ...] = (),
        proxies: TrustedProxies = NO_PROXIES,
        regions: Regions = NO_REGIONS,
        first_minute: FirstMinute = NO_FIRST_MINUTE,
        lit: Leds | None = None,
        settings: Settings = NO_SETTINGS,
    ) -> None:
        self.code = code or ""
        self.camera = CameraState.LIVE
        self.detail = "frames arrive"
        # A camera that comes back is reported as live with its first frame, as the real one is.
        self._told = self.camera, self.detail
        self.labels_in_view: tuple[str | None, ...] = ("happy", "surprise")
        self.leds: LedState | None = None
        self.films = True
        self.vitals = Vitals()
        self.pause_reason: Pause | None = None
        self.history = history or History()
        self.obeys = threading.Event()  # cleared: a pause or resume takes until it is set
        self.obeys.set()
        self._scenes: Latest[Scene] = Latest()
        self._reports: Latest[Report] = Latest()
        self._started_at_s = time.monotonic()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._film)
        feed = feed_type(
            self._scenes,
            self.report,
            StreamConfig(fps=FPS, quality=85, max_viewers=4, privacy=privacy),
            lambda _: 12,
        )
        app = create_app(
            reports=self._reports,
            report=self.report,
            leds=lambda: self.leds if lit is None else lit.state(),
            labels=LABELS,
            feed=feed,
            access=Access(
                AllowedHosts(),
                self._authenticator() if code else None,
                tokens,
                frame_ancestors,
                proxies,
            ),
            controls=Controls(pause=self.pause, resume=self.resume),
            history=self.history,
            regions=regions,
            first_minute=first_minute,
            settings=settings,
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
        camera, detail = self._told
        health = Health(
            camera=camera,
            detail=detail,
            source="script",
            fps=FPS,
            age_s=None if scene is None else now_s - scene.frame.captured_at_s,
            uptime_s=now_s - self._started_at_s,
            vitals=self.vitals,
            pause=self.pause_reason,
        )
        return Report(snapshot=scene.snapshot if scene else None, health=health)

    def stop(self) -> None:
        self._over.set()
        self._thread.join()
        self._scenes.close()
        self._reports.close()
        self._server.stop()

    def pause(self) -> None:
        self.obeys.wait(10)
        self.camera, self.detail = CameraState.PAUSED, "the camera is closed"

    def resume(self) -> None:
        self.obeys.wait(10)
        self.camera, self.detail = CameraState.LIVE, "frames arrive"

    def _authenticator(self) -> Authenticator:
        # The same secret after a restart: sessions stay valid.
        return Authenticator(lambda: self.code, Sessions(b"secret of the scripted device"))

    def _film(self) -> None:
        seq = 0
        while not self._over.wait(1 / FPS):
            camera, detail = self.camera, self.detail
            films = self.films and camera is CameraState.LIVE
            if films:
                seq += 1
                self._scenes.put(self._scene(seq))
            self._told = camera, detail
            if films:
                self.history.show(self.report())
            self._reports.put(self.report())

    def _scene(self, seq: int) -> Scene:
        snapshot = _snapshot(seq, self.labels_in_view, time.monotonic())
        frame = Frame(bgr=_drawn(snapshot.faces), seq=seq, captured_at_s=snapshot.captured_at_s)
        return Scene(frame=frame, snapshot=snapshot)


def _snapshot(seq: int, labels: tuple[str | None, ...], at_s: float) -> Snapshot:
    faces = tuple(_face(3 + index, label, at_s) for index, label in enumerate(labels))
    return Snapshot(
        seq=seq,
        captured_at_s=at_s,
        faces=faces,
        dominant=labels[0] if faces else None,
        stage_ms={"detect": 4.0},
    )


def lived_through(spans: Sequence[tuple[float, float, tuple[str | None, ...]]]) -> History:
    """Return the history of a device that saw these labels: (from, to) in seconds before now."""
    began_s, before_s = time.time(), 0.0
    history = History(lambda: time.time() if not before_s else began_s - before_s)
    health = Health(
        camera=CameraState.LIVE, detail="", source="script", fps=2, age_s=0.0, uptime_s=0.0
    )
    for first_s, last_s, labels in spans:
        for before_s in np.arange(first_s, last_s, -0.5):
            snapshot = _snapshot(0, labels, -float(before_s))
            history.show(Report(snapshot=snapshot, health=health))
    before_s = 0.0
    return history


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

    def make(port: int = 0, code: str | None = None, **rest: Any) -> ScriptedDevice:
        """Make a device; with a `code` it requires that, without one it requires none."""
        made.append(ScriptedDevice(port, code, **rest))
        return made[-1]

    yield make
    for device in made:
        device.stop()


@pytest.fixture
def device(make_device: Callable[..., ScriptedDevice]) -> ScriptedDevice:
    return make_device()


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    from chromium import CHROMEDRIVER, CHROMIUM, Chromium

    for program in (CHROMIUM, CHROMEDRIVER):
        if not program.exists():
            pytest.skip(f"no {program}: apt-get install chromium chromium-driver")
    browser = Chromium(tmp_path_factory.mktemp("profile"))
    yield browser
    browser.quit()


@pytest.fixture(scope="session")
def firefox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Firefox]:
    if not FIREFOX.exists():
        pytest.skip(f"no {FIREFOX}: apt-get install firefox-esr")
    with running_firefox(tmp_path_factory.mktemp("firefox")) as browser:
        yield browser


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if metafunc.definition.get_closest_marker("both_browsers"):
        metafunc.parametrize("browser", ("chromium", "firefox"), indirect=True)


@pytest.fixture
def browser(request: pytest.FixtureRequest) -> Any:
    """Chromium; for a test with the marker `both_browsers` also Firefox."""
    return request.getfixturevalue(getattr(request, "param", "chromium"))


@pytest.fixture
def page(browser: Any, device: ScriptedDevice) -> Iterator[Page]:
    page = Page(browser, device)
    yield page
    # It must not have broken its own policy anywhere.
    assert [said for said in page.console() if "Content Security Policy" in said] == []


@pytest.fixture
def past() -> Callable[..., History]:
    return lived_through
