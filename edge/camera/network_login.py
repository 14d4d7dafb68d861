"""The address of a network camera and its login, which no message shows."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote, urlsplit, urlunsplit

from edge.config import CameraConfig
from edge.errors import ConfigError
from edge.files import expanded, read_file

_MOST_BYTES = 4096


@dataclass(frozen=True, slots=True)
class NetworkAddress:
    """Where a network camera is; `name` is all that messages say of it."""

    url: str
    user: str
    password: str

    def __repr__(self) -> str:
        """Return the name: a traceback shows arguments."""
        return f"<{self.name}>"

    @property
    def name(self) -> str:
        """The name in messages: without path and query, which may hold secrets."""
        parts = urlsplit(self.url)
        return f"network camera {parts.scheme}://{parts.netloc.rpartition('@')[2]}"

    @property
    def url_with_login(self) -> str:
        """The address for a library that takes the login from it."""
        if not self.user:
            return self.url
        parts = urlsplit(self.url)
        login = f"{quote(self.user, safe='')}:{quote(self.password, safe='')}"
        return urlunsplit(parts._replace(netloc=f"{login}@{parts.netloc}"))


def network_address(config: CameraConfig) -> NetworkAddress:
    """Return the address in the settings with its login. Raises ConfigError."""
    user, password = _login(config.login_file) if config.login_file != "none" else ("", "")
    url = config.source.replace("{user}", quote(user, safe=""))
    url = url.replace("{password}", quote(password, safe=""))
    return NetworkAddress(url, user, password)


def _login(path: str) -> tuple[str, str]:
    setting = f"[camera] login_file = {path[:200]!r}"
    try:
        text = read_file(expanded(path), limit_bytes=_MOST_BYTES).decode("utf-8")
    except OSError as exc:
        advice = "the service's user must be able to read it"
        raise ConfigError(f"{setting}: cannot read it: {exc.strerror}; {advice}") from exc
    except UnicodeDecodeError as exc:
        raise ConfigError(f"{setting}: not UTF-8 text") from exc
    user, colon, password = text.strip("\r\n").partition(":")
    if not (user and colon) or "\n" in text.strip("\r\n"):
        raise ConfigError(f"{setting}: expected one line, user:password")
    return user, password
