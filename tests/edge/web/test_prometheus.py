"""/metrics in promtool and a real Prometheus, and the rules of docs/prometheus."""

import re
from pathlib import Path

import pytest
from gated import CODE, Device
from prometheus import FOLDER, eventually_found, prometheus, promtool, query

from edge.outputs.metrics import Metrics
from edge.web.server.server import WebServer

DOCUMENT = FOLDER.with_suffix(".md")


@pytest.fixture
def metered(device: Device) -> Device:
    metrics = Metrics(("happy", "sad"), ("history", "mqtt"), "1.2.3")
    for name in ("detect", "track", "classify"):
        metrics._stages.labels(name).observe(0.01)
    device.metrics = lambda accept: metrics.render(device.report(), 0, accept)
    device.app = device.make_app()
    return device


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


def test_a_real_prometheus_scrapes_the_device(metered: Device, tmp_path: Path) -> None:
    server = WebServer(metered.app, "127.0.0.1", 0, threads=4)
    server.start()
    token = metered.tokens.add("prometheus", "metrics")
    try:
        with prometheus(tmp_path, server.port, token) as address:
            (sample,) = eventually_found(address, "emotion_edge_camera_up")
            assert sample["metric"]["job"] == "emotion-edge"
            assert sample["value"][1] == "1"
            assert query(address, 'emotion_edge_build_info{version="1.2.3"}')
            assert query(address, 'emotion_edge_output_up{output="mqtt"}')
            assert query(address, 'up{job="emotion-edge"} == 1')
    finally:
        server.stop()
