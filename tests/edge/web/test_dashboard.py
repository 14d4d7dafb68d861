"""The dashboard: what Grafana requires of its JSON, and what its panels show of a running device.

Grafana itself has no Debian package. The rules are those of its documentation:
https://grafana.com/docs/grafana/latest/dashboards/build-dashboards/view-dashboard-json-model/
"""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from prometheus import FOLDER, eventually_found, prometheus, promtool
from proxies import free_port

DASHBOARD = json.loads((FOLDER / "dashboard.json").read_text())
PANELS = DASHBOARD["panels"]
COLUMNS = 24
BUILT_IN = {"__rate_interval", "__all"}


def targets() -> Iterator[tuple[str, str]]:
    """Each panel's title and each expression of it."""
    for panel in PANELS:
        for target in panel["targets"]:
            yield panel["title"], target["expr"]


def variables_in(text: str) -> set[str]:
    return set(re.findall(r"\$\{?(\w+)", text))


def test_an_import_makes_a_dashboard_of_its_own() -> None:
    assert "id" not in DASHBOARD  # the number of a dashboard in one database
    assert re.fullmatch(r"[A-Za-z0-9_-]{8,40}", DASHBOARD["uid"])
    assert DASHBOARD["title"]
    assert DASHBOARD["schemaVersion"] == 38  # Grafana 10's; later ones convert it
    assert set(DASHBOARD["time"]) == {"from", "to"}


def test_panels_can_be_told_apart_and_do_not_overlap() -> None:
    for values in ([panel["id"] for panel in PANELS], [panel["title"] for panel in PANELS]):
        assert len(set(values)) == len(values)
    for panel in PANELS:
        assert panel["type"] in ("stat", "timeseries")
        place = panel["gridPos"]
        assert place["x"] >= 0
        assert place["x"] + place["w"] <= COLUMNS
        references = [target["refId"] for target in panel["targets"]]
        assert len(set(references)) == len(references)
    for one, other in combinations((panel["gridPos"] for panel in PANELS), 2):
        assert not overlap(one, other), (one, other)


def overlap(one: dict[str, int], other: dict[str, int]) -> bool:
    return (
        one["x"] < other["x"] + other["w"]
        and other["x"] < one["x"] + one["w"]
        and one["y"] < other["y"] + other["h"]
        and other["y"] < one["y"] + one["h"]
    )


def test_every_variable_that_is_used_is_defined() -> None:
    defined = {variable["name"]: variable for variable in DASHBOARD["templating"]["list"]}
    assert variables_in(json.dumps(DASHBOARD)) - BUILT_IN == set(defined)
    assert defined["datasource"]["type"] == "datasource"
    for owner in (*PANELS, defined["instance"]):
        assert owner["datasource"] == {"type": "prometheus", "uid": "${datasource}"}


def with_values(expression: str, instance: str) -> str:
    return expression.replace("$instance", instance).replace("$__rate_interval", "1m")


def test_the_expressions_of_the_dashboard_are_valid(tmp_path: Path) -> None:
    expressions = [with_values(text, ".*") for _, text in targets()]
    assert len(expressions) > 10
    rules = [{"record": f"a:b{n}", "expr": text} for n, text in enumerate(expressions)]
    path = tmp_path / "rules.json"  # JSON is YAML
    path.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))
    assert f"{len(expressions)} rules found" in promtool("check", "rules", str(path))


@pytest.fixture
def device_port(tmp_path: Path) -> Iterator[int]:
    """A device that runs on the demo scene; the port of its page."""
    port, file = free_port(), tmp_path / "device.toml"
    file.write_text(
        f'[state]\nfolder = "{tmp_path / "state"}"\n'
        f'[web]\nhost = "127.0.0.1"\nport = {port}\nauth = "none"\n'
    )
    device = subprocess.Popen(
        [sys.executable, "-m", "edge", "run", "--source", "demo", "--config", str(file)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    yield port
    device.terminate()
    device.wait(20)


def listed_by(name: str) -> list[str]:
    """The metric and the label that the values of a variable come from."""
    (variable,) = (v for v in DASHBOARD["templating"]["list"] if v["name"] == name)
    return re.findall(r"\w+", variable["query"]["query"])[1:]


def test_each_panel_shows_data_of_a_running_device(device_port: int, tmp_path: Path) -> None:
    with prometheus(tmp_path, device_port) as address:
        name, label = listed_by("instance")
        (found,) = eventually_found(address, name)
        instance = re.escape(found["metric"][label]).replace("\\", "\\\\")  # as Grafana writes it
        for title, expression in targets():
            if "soc_temperature" not in expression:  # unknown on most machines
                shown = eventually_found(address, with_values(expression, instance))
                assert all(is_number(sample) for sample in shown), title


def is_number(sample: dict[str, Any]) -> bool:
    return float(sample["value"][1]) == float(sample["value"][1])  # not NaN
