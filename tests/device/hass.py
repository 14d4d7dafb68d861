"""A real Home Assistant and a device on the demo scene, for the scripts that join the two."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPResponse
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests/edge"))

from mosquitto import free_port

ROOT = Path(__file__).resolve().parents[2]


class HomeAssistant:
    """A Home Assistant with one user, asked over its REST interface."""

    def __init__(self, command: list[str], folder: Path) -> None:
        self.command, self.folder, self.port = command, folder, free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.token = ""
        self.process: subprocess.Popen[bytes] | None = None
        self._log = folder.parent / "hass.log"
        folder.mkdir()
        (folder / "configuration.yaml").write_text(
            f"homeassistant:\n  name: test\nhttp:\n  server_host: 127.0.0.1\n"
            f"  server_port: {self.port}\napi:\nauth:\nconfig:\nlogger:\n  default: warning\n"
        )

    def run(self, *options: str) -> None:
        subprocess.run(
            [*self.command, *options], check=True, stdout=subprocess.DEVNULL, timeout=120
        )

    def start(self) -> None:
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                [*self.command, "--config", str(self.folder)], stdout=log, stderr=log
            )
        until(self.answers, "Home Assistant answers", 180)

    def log(self) -> str:
        """Return what it logged."""
        return self._log.read_text() if self._log.exists() else ""

    def answers(self) -> bool:
        try:
            urllib.request.urlopen(f"{self.url}/manifest.json", timeout=5).close()
        except urllib.error.HTTPError:
            return True
        except OSError:
            return False
        return True

    def log_in(self) -> None:
        client = f"{self.url}/"
        flow = self.ask(
            "/auth/login_flow",
            {"client_id": client, "handler": ["homeassistant", None], "redirect_uri": client},
        )
        done = self.ask(
            f"/auth/login_flow/{flow['flow_id']}",
            {"client_id": client, "username": "maker", "password": "maker"},
        )
        form = {"grant_type": "authorization_code", "code": done["result"], "client_id": client}
        body = urllib.parse.urlencode(form).encode()
        with urllib.request.urlopen(f"{self.url}/auth/token", body, timeout=30) as answer:
            self.token = json.load(answer)["access_token"]

    def add(self, integration: str, **answers: Any) -> dict[str, Any]:
        """Fill in the form of an integration; return what comes of it, an entry or errors."""
        flow = self.ask("/api/config/config_entries/flow", {"handler": integration})
        done = self.ask(f"/api/config/config_entries/flow/{flow['flow_id']}", answers)
        assert isinstance(done, dict)
        return done

    def ask(self, path: str, body: dict[str, Any] | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        asked = urllib.request.Request(f"{self.url}{path}", data, headers)
        with urllib.request.urlopen(asked, timeout=30) as answer:
            text = answer.read().decode()
            is_json = answer.headers.get_content_type() == "application/json"
        return json.loads(text) if is_json else text

    def states(self, of: str) -> dict[str, str]:
        """Return the states of the entities with `of` in their names."""
        return {
            entity["entity_id"]: entity["state"]
            for entity in self.ask("/api/states")
            if of in entity["entity_id"]
        }

    def open(self, path: str, timeout_s: float = 30) -> HTTPResponse:
        """Open what is no JSON, such as a camera's stream."""
        headers = {"Authorization": f"Bearer {self.token}"}
        asked = urllib.request.Request(f"{self.url}{path}", headers=headers)
        opened = urllib.request.urlopen(asked, timeout=timeout_s)
        assert isinstance(opened, HTTPResponse)
        return opened

    def template(self, text: str) -> str:
        return str(self.ask("/api/template", {"template": text}))

    def call(self, service: str, entity: str, **data: Any) -> None:
        self.ask(f"/api/services/{service}", {"entity_id": entity, **data})

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            self.process = None


class Device:
    """An emotion-edge on the demo scene, its page on a port of loopback."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.file = folder / "device.toml"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, settings: str) -> None:
        """Start it with its page's port, its state folder and these settings."""
        self.file.write_text(
            f'[state]\nfolder = "{self.folder}/state"\n[web]\nport = {self.port}\n{settings}'
        )
        command = [sys.executable, "-m", "edge", "run", "--source", "demo"]
        with (self.folder / "device.log").open("ab") as log:
            self.process = subprocess.Popen(
                [*command, "--config", str(self.file)], cwd=ROOT, stdout=log, stderr=log
            )

    def answers(self) -> bool:
        """Whether its page is served and its frames are fresh."""
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{self.port}/healthz", timeout=5).close()
        except OSError:
            return False
        return True

    def code(self) -> str:
        """Return the access code of its page."""
        command = [sys.executable, "-m", "edge", "code", "--config", str(self.file)]
        return subprocess.check_output(command, cwd=ROOT, text=True).splitlines()[0]

    def end(self, number: signal.Signals) -> None:
        if self.process is not None:
            self.process.send_signal(number)
            self.process.wait(30)
            self.process = None


@contextmanager
def home_assistant(command: list[str], folder: Path) -> Iterator[HomeAssistant]:
    """Start it with one user, who is logged in; show the end of its log after a failure."""
    home = HomeAssistant(command, folder / "home-assistant")
    try:
        home.run("--script", "auth", "-c", str(home.folder), "add", "maker", "maker")
        home.start()
        home.log_in()
        print(f"Home Assistant {home.ask('/api/config')['version']}", flush=True)
        yield home
    except BaseException:
        print(home.log()[-6000:], file=sys.stderr)
        raise
    finally:
        home.stop()


def until(truth: Callable[[], bool], what: str, within_s: float = 60.0) -> None:
    """Wait for it and print how long it took. Raises AssertionError."""
    began_s = time.monotonic()
    while not truth():
        assert time.monotonic() - began_s < within_s, f"not in {within_s:.0f} s: {what}"
        time.sleep(0.1)
    print(f"ok {time.monotonic() - began_s:6.1f} s  {what}", flush=True)
