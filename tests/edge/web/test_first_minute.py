"""The routes of the check that greets the owner: who may, what they answer, and who is greeted."""

from pathlib import Path

import pytest
from flask.testing import FlaskClient
from gated import BEARER, CODE, WRITE, Device

from edge.errors import OutputError
from edge.kept_greeting import KeptGreeting
from edge.web.first_minute import FirstMinute, LedTest

PLACES = {"happy": "GPIO16, pin 36 of the header", "status": "GPIO25, pin 22 of the header"}
CARD = b'id="first-minute"'


def led_test() -> LedTest:
    return LedTest(begin=lambda: PLACES, each_s=0.8, together_s=1.6, is_simulated=False)


@pytest.fixture
def device(device: Device, tmp_path: Path) -> Device:
    device.first_minute = FirstMinute(greeting=KeptGreeting(tmp_path), led_test=led_test())
    device.app = device.make_app()
    return device


def test_the_page_greets_until_somebody_ends_it(client: FlaskClient, tmp_path: Path) -> None:
    assert CARD in client.get("/", headers=BEARER).data
    answer = client.post("/api/first-minute", headers=BEARER)
    assert answer.get_json() == {"due": False, "kept": True}
    assert CARD not in client.get("/", headers=BEARER).data
    assert not KeptGreeting(tmp_path).is_due


def test_a_viewer_link_neither_greets_nor_ends_it(device: Device, client: FlaskClient) -> None:
    token = device.tokens.add("kitchen", "view")
    page = client.get(f"/view/{token}/")
    assert page.status_code == 200
    assert CARD not in page.data
    for route in ("api/first-minute", "api/leds/test"):
        assert client.post(f"/view/{token}/{route}", headers=WRITE).status_code == 403
    assert CARD in client.get("/", headers=BEARER).data


@pytest.mark.parametrize("route", ["/api/first-minute", "/api/leds/test"])
def test_both_need_the_code_and_a_write_of_our_page(client: FlaskClient, route: str) -> None:
    assert client.post(route, headers=WRITE).status_code == 401
    client.post("/login", data={"code": CODE})
    assert client.post(route).status_code == 403
    assert client.post(route, headers=WRITE).status_code == 200


def test_the_led_test_names_each_led_and_its_pin(client: FlaskClient) -> None:
    assert client.post("/api/leds/test", headers=BEARER).get_json() == {
        "leds": [{"name": name, "pin": pin} for name, pin in PLACES.items()],
        "each_s": 0.8,
        "together_s": 1.6,
        "simulated": False,
    }


def test_a_pin_that_cannot_be_driven_is_told(device: Device) -> None:
    def fail() -> dict[str, str]:
        raise OutputError("LED happy: cannot drive its pin: loose")

    test = LedTest(begin=fail, each_s=0.8, together_s=1.6, is_simulated=False)
    device.first_minute = FirstMinute(greeting=device.first_minute.greeting, led_test=test)
    answer = device.make_app().test_client().post("/api/leds/test", headers=BEARER)
    assert answer.status_code == 503
    assert "LED happy: cannot drive its pin: loose" in answer.get_json()["error"]


def test_without_leds_it_says_how_to_have_some(device: Device) -> None:
    device.first_minute = FirstMinute(greeting=device.first_minute.greeting)
    client = device.make_app().test_client()
    answer = client.post("/api/leds/test", headers=BEARER)
    assert answer.status_code == 409
    assert "[leds] mode" in answer.get_json()["error"]
    assert b'"per_emotion"' in client.get("/", headers=BEARER).data
