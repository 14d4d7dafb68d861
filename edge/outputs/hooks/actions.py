"""What a hook does: run a command, or POST to an address. Each ends within a time limit."""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import os
import signal
import ssl
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol
from urllib.parse import SplitResult, unquote, urlsplit

from edge import __version__
from edge.errors import OutputError
from edge.outputs.hooks.changes import Event

_SECRETS = "EMOTION_EDGE_"  # the start of the names of variables that commands do not get
_MOST_ANSWER_BYTES = 64 * 1024


class Action(Protocol):
    """Something to do for an event; may block for the time limit, not longer."""

    def __call__(self, event: Event) -> None:
        """Do it. Raises OutputError, whose message holds no secret."""
        ...


class Command:
    """Runs a program without a shell. Its output is dropped, and it gets no password of ours.

    {event}, {mood} and {faces} in an argument are replaced, also as environment variables
    EMOTION_EDGE_EVENT and so on. A program that is too slow is killed with all that it started.
    Python starts it by exec at once: lgpio's threads, which a mere fork would break, do not matter.
    """

    def __init__(
        self,
        command: Sequence[str],
        timeout_s: float,
        environment: Mapping[str, str] = os.environ,
    ) -> None:
        self._command = tuple(command)
        self._timeout_s = timeout_s
        self._environment = {
            name: value for name, value in environment.items() if not name.startswith(_SECRETS)
        }

    def __call__(self, event: Event) -> None:
        """Run it for this event. Raises OutputError when it fails."""
        values = {name: str(value) for name, value in event.to_dict().items()}
        program = self._command[0]
        try:
            process = subprocess.Popen(  # noqa: S603 (the maker's own program, no shell)
                [_filled(argument, values) for argument in self._command],
                env=self._environment
                | {f"{_SECRETS}{name.upper()}": value for name, value in values.items()},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        except (OSError, ValueError) as exc:
            reason = getattr(exc, "strerror", None) or exc
            raise OutputError(f"{program}: cannot be started: {reason}") from exc
        with _killed_at_the_end(process):
            try:
                status = process.wait(self._timeout_s)
            except subprocess.TimeoutExpired:
                raise OutputError(
                    f"{program}: not done after {self._timeout_s:g} s, so it was ended; "
                    "raise [hooks] timeout_s"
                ) from None
        if status:
            raise OutputError(f"{program}: ended with exit code {status}")


def _filled(argument: str, values: Mapping[str, str]) -> str:
    for name, value in values.items():
        argument = argument.replace(f"{{{name}}}", value)
    return argument


@contextlib.contextmanager
def _killed_at_the_end(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Kill the program's whole session if it does not end by itself."""
    try:
        yield
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


class Post:
    """Sends the event as JSON by POST. The address may hold a user name and a password.

    No redirection is followed, and no proxy is used. `shown` names the address without its path
    and its password, which may be secrets.
    """

    def __init__(self, url: str, timeout_s: float) -> None:
        self._url = urlsplit(url)
        self._timeout_s = timeout_s
        host = self._url.hostname or ""
        self.shown = f"{self._url.scheme}://{f'[{host}]' if ':' in host else host}"
        self.shown += "" if self._url.port is None else f":{self._url.port}"

    def __call__(self, event: Event) -> None:
        """Send it. Raises OutputError unless the answer is a success."""
        connection = _connection(self._url, self._timeout_s)
        # The limit of the socket is for each packet; this one is for all of them.
        limit = threading.Timer(self._timeout_s, _break, [connection])
        limit.daemon = True
        limit.start()
        try:
            path = self._url._replace(scheme="", netloc="", fragment="").geturl() or "/"
            connection.request("POST", path, json.dumps(event.to_dict()), self._headers())
            answer = connection.getresponse()
            answer.read(_MOST_ANSWER_BYTES)
        except (OSError, http.client.HTTPException) as exc:
            reason = "no answer in time" if isinstance(exc, TimeoutError) else _reason(exc)
            raise OutputError(f"{self.shown}: {reason}") from exc
        finally:
            limit.cancel()
            connection.close()
        if not 200 <= answer.status < 300:
            raise OutputError(f"{self.shown}: answered {answer.status} {answer.reason}"[:200])

    def _headers(self) -> dict[str, str]:
        headers = {
            "Content-Type": "application/json",
            "User-Agent": f"emotion-edge/{__version__}",
        }
        if self._url.username is not None:
            user = f"{unquote(self._url.username)}:{unquote(self._url.password or '')}"
            headers["Authorization"] = f"Basic {base64.b64encode(user.encode()).decode()}"
        return headers


def _connection(url: SplitResult, timeout_s: float) -> http.client.HTTPConnection:
    host = url.hostname or ""
    if url.scheme == "https":
        context = ssl.create_default_context()
        return http.client.HTTPSConnection(host, url.port, timeout=timeout_s, context=context)
    return http.client.HTTPConnection(host, url.port, timeout=timeout_s)


def _break(connection: http.client.HTTPConnection) -> None:
    """End a connection that another thread reads."""
    sock = connection.sock
    if sock is not None:
        with contextlib.suppress(OSError):
            sock.shutdown(2)


def _reason(exc: Exception) -> str:
    return getattr(exc, "strerror", None) or "the answer ended early, or is not HTTP"
