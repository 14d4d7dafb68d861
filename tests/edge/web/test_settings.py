"""The route of the owner's settings: who may use it, and what it answers."""

from pathlib import Path

import pytest
from flask.testing import FlaskClient
from gated import BEARER, CODE, WRITE, Device

from edge.config import load_layers
from edge.owner_settings import OwnerSettings

ADDRESS = "/api/settings"


@pytest.fixture
def owner(tmp_path: Path) -> OwnerSettings:
    return OwnerSettings(load_layers(None, {"leds": {"mode": "rgb"}}), tmp_path / "state")


@pytest.fixture
def device(device: Device, owner: OwnerSettings) -> Device:
    device.settings = owner
    device.app = device.make_app()
    return device


def test_settings_are_read_and_changed(client: FlaskClient, owner: OwnerSettings) -> None:
    assert client.get(ADDRESS, headers=BEARER).get_json() == owner.get()
    before = client.get("/api/status", headers=BEARER).get_json()["settings_version"]
    answer = client.post(ADDRESS, headers=BEARER, json={"brightness": 0.25, "smoothing": "lively"})
    assert answer.get_json()["values"]["brightness"] == 0.25
    assert owner.config.smoother.time_constant_s == 0.2
    after = client.get("/api/status", headers=BEARER).get_json()["settings_version"]
    assert after == before + 1


@pytest.mark.parametrize(
    "sent",
    [*("NaN", "[]", "", "{", '{"brightness": NaN}', '{"brightness": 1e999}'), '{"a": 1}', "null"],
)
def test_what_is_wrong_is_refused_in_one_line(
    client: FlaskClient, owner: OwnerSettings, sent: str
) -> None:
    headers = {**BEARER, "Content-Type": "application/json"}
    answer = client.post(ADDRESS, headers=headers, data=sent)
    assert answer.status_code == 400
    (line,) = answer.get_json()["error"].splitlines()
    assert line.startswith(f"400 Bad Request: POST {ADDRESS}: ")
    assert owner.version == 0


def test_only_the_owner_may_read_and_write(client: FlaskClient, device: Device) -> None:
    assert client.get(ADDRESS).status_code == 401
    assert client.post(ADDRESS, json={}, headers=WRITE).status_code == 401
    client.post("/login", data={"code": CODE})
    change = {"privacy": "boxes-only"}
    assert client.post(ADDRESS, json=change).status_code == 403
    foreign = {**WRITE, "Origin": "http://evil.example"}
    assert client.post(ADDRESS, json=change, headers=foreign).status_code == 403
    assert client.post(ADDRESS, json=change, headers=WRITE).status_code == 200
    token = device.tokens.add("kitchen", "view")
    assert client.get(f"/view/{token}{ADDRESS}").status_code == 403
    assert client.post(f"/view/{token}{ADDRESS}", json=change, headers=WRITE).status_code == 403
    assert 'id="settings"' in client.get("/").text
    assert 'id="settings"' not in client.get(f"/view/{token}/").text


def test_a_full_disk_is_told_and_changes_nothing(
    client: FlaskClient, owner: OwnerSettings, tmp_path: Path
) -> None:
    (tmp_path / "state").write_text("a file in the folder's place")
    answer = client.post(ADDRESS, headers=BEARER, json={"brightness": 0.5})
    assert answer.status_code == 503
    assert "the settings cannot be kept" in answer.get_json()["error"]
    assert owner.version == 0


def test_a_device_without_settings_has_none_to_change(device: Device, client: FlaskClient) -> None:
    bare = Device(device.ended_file).app.test_client()
    assert bare.get(ADDRESS, headers=BEARER).get_json()["values"] == {}
    assert bare.post(ADDRESS, headers=BEARER, json={"brightness": 0.5}).status_code == 400
