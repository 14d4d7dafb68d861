"""A device with an access code, without a network."""

from pathlib import Path

from flask import Flask
from flask.testing import FlaskClient
from reporting import Reporting

from edge.config import StreamConfig
from edge.datatypes import Report, Scene
from edge.history.history import History
from edge.latest import Latest
from edge.state import KeptFile
from edge.web.app import Controls, create_app
from edge.web.auth.allowed_hosts import AllowedHosts
from edge.web.auth.authenticator import Access, Authenticator
from edge.web.auth.forwarded import NO_PROXIES
from edge.web.auth.rate_limit import RateLimit
from edge.web.auth.sessions import Sessions
from edge.web.auth.tokens import AccessTokens
from edge.web.first_minute import NO_FIRST_MINUTE, FirstMinute
from edge.web.metrics import no_metrics
from edge.web.regions import NO_REGIONS, Regions
from edge.web.settings import NO_SETTINGS, Settings
from edge.web.stream import JpegFeed

CODE = "k7mf-2q9x-ta"
BEARER = {"Authorization": f"Bearer {CODE}"}
WRITE = {"X-Emotion-Edge": "1"}


class Clock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def log_in(client: FlaskClient) -> None:
    assert client.post("/login", data={"code": CODE}).status_code == 303


class Device(Reporting):
    """A device with an access code; `code` may be changed, as `emotion-edge code --new` does."""

    def __init__(self, ended_file: Path, secret: bytes = b"a secret", code: str = CODE) -> None:
        super().__init__()
        self.code = code
        self.secret = secret
        self.clock = Clock()
        self.wall_clock = Clock()
        self.ended_file = ended_file
        self.tokens = AccessTokens(KeptFile(ended_file.parent / "access-tokens"))
        self.frame_ancestors: tuple[str, ...] = ()
        self.proxies = NO_PROXIES
        self.hosts = AllowedHosts()
        self.metrics = no_metrics
        self.regions: Regions = NO_REGIONS
        self.first_minute: FirstMinute = NO_FIRST_MINUTE
        self.settings: Settings = NO_SETTINGS
        self.scenes: Latest[Scene] = Latest()
        self.reports: Latest[Report] = Latest()
        self.history = History()
        self.app = self.make_app()

    def make_app(self) -> Flask:
        """Return the application as after a restart."""
        config = StreamConfig(fps=30, quality=80, max_viewers=2, privacy="off")
        sessions = Sessions(self.secret, KeptFile(self.ended_file), self.wall_clock)
        self.authenticator = Authenticator(lambda: self.code, sessions, RateLimit(self.clock))
        self.access = Access(
            self.hosts, self.authenticator, self.tokens, self.frame_ancestors, self.proxies
        )
        return create_app(
            reports=self.reports,
            report=self.report,
            leds=lambda: None,
            labels=("happy", "sad"),
            feed=JpegFeed(self.scenes, self.report, config, lambda _: 12),
            access=self.access,
            controls=Controls(pause=self.pause, resume=self.resume),
            history=self.history,
            metrics=self.metrics,
            regions=self.regions,
            first_minute=self.first_minute,
            settings=self.settings,
        )

    @property
    def cookie(self) -> str:
        """The name of the login's cookie over http."""
        return self.authenticator.cookie(secure=False)
