"""The real promtool and Prometheus, on the files of docs/prometheus. Tests skip without them."""

import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote
from urllib.request import urlopen

import pytest
from proxies import free_port

FOLDER = Path(__file__).parents[2] / "docs/prometheus"


def promtool(*args: str, text: str = "") -> str:
    """Run promtool in the folder of the rules, and return what it prints."""
    if shutil.which("promtool") is None:
        pytest.skip("promtool is not installed: apt-get install prometheus")
    result = subprocess.run(
        ["promtool", *args],
        input=text,
        cwd=FOLDER,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout + result.stderr


@contextmanager
def prometheus(folder: Path, device_port: int, token: str = "") -> Iterator[str]:
    """Run Prometheus with the documented configuration on the device; yield its address."""
    if shutil.which("prometheus") is None:
        pytest.skip("prometheus is not installed: apt-get install prometheus")
    shutil.copy(FOLDER / "alerts.yml", folder)
    secret = folder / "token"
    secret.write_text(token)
    text = (FOLDER / "prometheus.yml").read_text()
    for documented, own in (
        ("/etc/prometheus/emotion-edge.token", str(secret)),
        ("raspberrypi.local:8080", f"127.0.0.1:{device_port}"),
        ("15s", "1s"),
    ):
        assert documented in text
        text = text.replace(documented, own)
    config = folder / "prometheus.yml"
    config.write_text(text)
    address = f"127.0.0.1:{free_port()}"
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [
                "prometheus",
                f"--config.file={config}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address={address}",
            ],
            stdout=log,
            stderr=log,
        )
    try:
        yield address
    finally:
        process.terminate()
        process.wait(20)


def query(address: str, expression: str) -> list[dict[str, Any]]:
    """Return what an expression gives at this moment."""
    with urlopen(f"http://{address}/api/v1/query?query={quote(expression)}", timeout=5) as answer:
        return list(json.load(answer)["data"]["result"])


def eventually_found(address: str, expression: str, within_s: float = 60.0) -> list[dict[str, Any]]:
    """Return what an expression gives, once it gives something."""
    ends_s = time.monotonic() + within_s
    while True:
        try:
            if found := query(address, expression):
                return found
        except HTTPError as exc:
            if exc.code != 503:  # it is starting
                raise
        except URLError:
            pass  # nor does it listen yet
        assert time.monotonic() < ends_s, f"Prometheus has nothing for {expression}"
        time.sleep(0.2)
