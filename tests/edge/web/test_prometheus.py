"""/metrics in promtool and a real Prometheus; the rules and the dashboard of docs/prometheus."""

import json
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote
from urllib.request import urlopen

import pytest
from gated import CODE, Device
from proxies import free_port

from edge.outputs.metrics import Metrics
from edge.web.server.server import WebServer

FOLDER = Path(__file__).parents[3] / "docs/prometheus"
DOCUMENT = FOLDER.with_suffix(".md")


@pytest.fixture
def metered(device: Device) -> Device:
    metrics = Metrics(("happy", "sad"), ("history", "mqtt"), "1.2.3")
    for name in ("detect", "track", "classify"):
        metrics._stages.labels(name).observe(0.01)
    device.metrics = lambda accept: metrics.render(device.report(), 0, accept)
    device.app = device.make_app()
    return device


@pytest.fixture
def device(tmp_path: Path) -> Iterator[Device]:
    device = Device(tmp_path / "ended-logins")
    yield device
    device.scenes.close()


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


def rendered(device: Device) -> str:
    headers = {"Authorization": f"Bearer {CODE}"}
    return device.app.test_client().get("/metrics", headers=headers).text


def test_promtool_finds_nothing_to_complain_of(metered: Device) -> None:
    text = rendered(metered)
    assert "emotion_edge_camera_up 1.0" in text
    assert promtool("check", "metrics", text=text) == ""


def test_the_metrics_need_the_code_or_a_token_of_their_own(metered: Device) -> None:
    client = metered.app.test_client()
    token = metered.tokens.add("prometheus", "metrics")
    view = metered.tokens.add("kitchen", "view")

    def ask(address: str, given: str = "") -> int:
        headers = {"Authorization": f"Bearer {given}"} if given else {}
        return int(client.get(address, headers=headers).status_code)

    assert ask("/metrics") == 401
    assert ask("/metrics", token) == ask("/metrics", CODE) == 200
    assert ask("/api/status", token) == 401
    assert ask("/metrics", view) == 401
    assert ask(f"/view/{view}/metrics") == 403
    metered.tokens.remove("prometheus")
    assert ask("/metrics", token) == 401


def test_no_secret_is_among_the_metrics(metered: Device) -> None:
    token = metered.tokens.add("prometheus", "metrics")
    text = rendered(metered)
    assert CODE not in text
    assert token not in text


def test_the_document_lists_the_metrics(metered: Device) -> None:
    rows = [line for line in DOCUMENT.read_text().splitlines() if line.startswith("| `emotion")]
    columns = " ".join(row.split("|")[1] for row in rows)
    listed = set(re.findall(r"`(emotion_edge_\w+)`", columns))
    shown = set(re.findall(r"^# TYPE (\S+)", rendered(metered), re.MULTILINE))
    shown = {name for name in shown if not name.endswith("_created")}
    sometimes = {"emotion_edge_soc_temperature_celsius"}
    assert listed == shown | sometimes


def test_promtool_accepts_the_rules_and_their_tests() -> None:
    assert "6 rules found" in promtool("check", "rules", "alerts.yml")
    assert "SUCCESS" in promtool("test", "rules", "alerts.test.yml")


def names_in(text: str) -> set[str]:
    names = set(re.findall(r"emotion_edge_\w+", text))
    return {re.sub(r"_(bucket|sum|count)$", "", name) for name in names} - {"emotion_edge_"}


def test_rules_and_dashboard_name_metrics_that_exist() -> None:
    listed = names_in(DOCUMENT.read_text())
    for name in ("alerts.yml", "dashboard.json"):
        used = names_in((FOLDER / name).read_text())
        assert len(used) >= 5
        assert used - listed == set(), name


def test_the_expressions_of_the_dashboard_are_valid(tmp_path: Path) -> None:
    panels = json.loads((FOLDER / "dashboard.json").read_text())["panels"]
    expressions = [target["expr"] for panel in panels for target in panel["targets"]]
    assert len(expressions) > 10
    rules = [
        {"record": f"a:b{n}", "expr": text.replace("$__rate_interval", "1m")}
        for n, text in enumerate(expressions)
    ]
    path = tmp_path / "rules.json"  # JSON is YAML
    path.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))
    assert f"{len(expressions)} rules found" in promtool("check", "rules", str(path))


@pytest.fixture
def prometheus(metered: Device, tmp_path: Path) -> Iterator[str]:
    """A real Prometheus with the documented configuration that scrapes the device; its address."""
    if shutil.which("prometheus") is None:
        pytest.skip("prometheus is not installed: apt-get install prometheus")
    server = WebServer(metered.app, "127.0.0.1", 0, threads=4)
    server.start()
    shutil.copy(FOLDER / "alerts.yml", tmp_path)
    token = tmp_path / "token"
    token.write_text(metered.tokens.add("prometheus", "metrics"))
    text = (FOLDER / "prometheus.yml").read_text()
    for documented, own in (
        ("/etc/prometheus/emotion-edge.token", str(token)),
        ("raspberrypi.local:8080", f"127.0.0.1:{server.port}"),
        ("15s", "1s"),
    ):
        assert documented in text
        text = text.replace(documented, own)
    config = tmp_path / "prometheus.yml"
    config.write_text(text)
    address = f"127.0.0.1:{free_port()}"
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            [
                "prometheus",
                f"--config.file={config}",
                f"--storage.tsdb.path={tmp_path / 'data'}",
                f"--web.listen-address={address}",
            ],
            stdout=log,
            stderr=log,
        )
    yield address
    process.terminate()
    process.wait(20)
    server.stop()


def query(address: str, expression: str) -> list[dict[str, Any]]:
    with urlopen(f"http://{address}/api/v1/query?query={quote(expression)}", timeout=5) as answer:
        return list(json.load(answer)["data"]["result"])


def test_a_real_prometheus_scrapes_the_device(prometheus: str) -> None:
    ends_s, found = time.monotonic() + 60, []
    while not found:
        assert time.monotonic() < ends_s, "nothing was scraped"
        time.sleep(0.2)
        try:
            found = query(prometheus, "emotion_edge_camera_up")
        except OSError:
            continue
    (sample,) = found
    assert sample["metric"]["job"] == "emotion-edge"
    assert sample["value"][1] == "1"
    assert query(prometheus, 'emotion_edge_build_info{version="1.2.3"}')
    assert query(prometheus, 'emotion_edge_output_up{output="mqtt"}')
    assert query(prometheus, 'up{job="emotion-edge"} == 1')
