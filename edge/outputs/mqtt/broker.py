"""The broker that the settings name: its address, its encryption and its password."""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field

from edge import files
from edge.config import MqttConfig
from edge.errors import ConfigError
from edge.outputs.secrets import first_line_of

PASSWORD_VARIABLE = "EMOTION_EDGE_MQTT_PASSWORD"  # noqa: S105 (its name, not its value)
PORT, TLS_PORT = 1883, 8883
_LARGEST_CA_BYTES = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Broker:
    """The address of a broker, and what is needed to log in. `tls` is None for plain text."""

    host: str
    port: int
    tls: ssl.SSLContext | None = None
    username: str | None = None
    password: str | None = field(default=None, repr=False)

    def __str__(self) -> str:
        """Return the address for messages; never the password."""
        return f"{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"


def broker_of(config: MqttConfig, environment: Mapping[str, str] = os.environ) -> Broker:
    """Return the broker of the settings. Raises ConfigError for a file that cannot be used."""
    named = config.username != "none"
    return Broker(
        host=config.host,
        port=config.port or (TLS_PORT if config.tls else PORT),
        tls=_context(config.ca_file) if config.tls else None,
        username=config.username if named else None,
        password=_password(config.password_file, environment) if named else None,
    )


def _password(path: str, environment: Mapping[str, str]) -> str | None:
    if path == "environment":
        return environment.get(PASSWORD_VARIABLE)
    return first_line_of(path, "[mqtt] password_file")


def _context(ca_file: str) -> ssl.SSLContext:
    """Return a context that verifies the broker's certificate and its name."""
    if ca_file == "system":
        return ssl.create_default_context()
    place = f"[mqtt] ca_file = {ca_file!r}"
    try:
        pem = files.read_file(files.expanded(ca_file), limit_bytes=_LARGEST_CA_BYTES)
        return ssl.create_default_context(cadata=pem.decode("ascii"))
    except (ssl.SSLError, UnicodeDecodeError) as exc:
        raise ConfigError(f"{place}: expected certificates in PEM form") from exc
    except OSError as exc:
        raise ConfigError(f"{place}: cannot read it: {exc.strerror}") from exc


def reason_of(exc: Exception) -> str:
    """Return why a broker could not be reached, and what to do where the error knows it."""
    match exc:
        case ssl.SSLCertVerificationError():
            return f"its certificate is refused: {exc.verify_message}"
        case ssl.SSLError():
            return f"no encrypted connection: {exc.reason or exc}; compare tls and port in [mqtt]"
        case socket.gaierror():
            return f"its name cannot be resolved: {exc.strerror}"
        case TimeoutError():
            return "it does not answer"
        case OSError(strerror=str(text)):
            return text
    return str(exc) or type(exc).__name__
