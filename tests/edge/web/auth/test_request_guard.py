"""Which writes are accepted: with whose header, from whose page, and of what size."""

import pytest
from flask.testing import FlaskClient
from gated import CODE, WRITE, Device, log_in

from edge.datatypes import CameraState


def test_pause_and_resume(client: FlaskClient, device: Device) -> None:
    log_in(client)
    assert client.post("/api/pause").status_code == 403
    assert device.camera is CameraState.LIVE
    answer = client.post("/api/pause", headers=WRITE)
    assert answer.status_code == 200
    assert answer.get_json()["health"]["camera"] == "paused"
    assert device.camera is CameraState.PAUSED
    answer = client.post("/api/resume", headers=WRITE, json={})
    assert answer.get_json()["health"]["camera"] == "live"


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://["},
        {"Origin": "localhost"},
        {"Origin": "http://localhost@evil.example"},
        {"Origin": ""},
        {"Origin": "http://localhost:81"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_a_form_of_somebody_else_is_refused(
    client: FlaskClient, device: Device, headers: dict[str, str]
) -> None:
    assert client.post("/login", data={"code": CODE}, headers=headers).status_code == 403
    log_in(client)
    assert client.post("/api/pause", headers={**WRITE, **headers}).status_code == 403
    assert device.camera is CameraState.LIVE


def test_our_own_form_is_not(client: FlaskClient) -> None:
    headers = {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}
    assert client.post("/login", data={"code": CODE}, headers=headers).status_code == 303


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"data": b"{", "content_type": "application/json"}, 400),
        ({"data": b"a=1", "content_type": "application/x-www-form-urlencoded"}, 415),
        ({"data": b"x" * 100_000, "content_type": "application/json"}, 413),
        ({"json": {"any": "thing"}}, 200),
    ],
)
def test_what_a_write_may_carry(client: FlaskClient, body: dict[str, object], status: int) -> None:
    log_in(client)
    assert client.post("/api/pause", headers=WRITE, **body).status_code == status  # type: ignore[arg-type]
