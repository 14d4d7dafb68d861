"""The announcement, and its templates rendered with the state that belongs to it."""

import json
from typing import Any

import pytest
from jinja2.nativetypes import NativeEnvironment
from mqtt_device import plan_of
from watched import report_of

from edge.datatypes import CameraState, Report
from edge.outputs.mqtt.home_assistant import discovery_of, discovery_topic
from edge.outputs.mqtt.messages import Extras, as_payload, state_of

ODD = ("it's", 'a "b"', "back\\slash", "gül")
# https://www.home-assistant.io/integrations/mqtt/#device-discovery-payload
PLATFORMS = {"sensor", "binary_sensor", "switch", "number", "select", "camera"}


def announced(**changes: Any) -> dict[str, Any]:
    plan = plan_of(**changes)
    payload = as_payload(discovery_of(plan.info, plan.topics))
    message: dict[str, Any] = json.loads(payload)
    return message


def rendered(message: dict[str, Any], report: Report, labels: tuple[str, ...]) -> dict[str, Any]:
    """What Home Assistant makes of the state for each entity."""
    shares = dict.fromkeys((*labels, "uncertain"), 0.25)
    extras = Extras(shares=shares, brightness=0.4, privacy="off")
    state = json.loads(as_payload(state_of(report, extras, "1.2")))
    environment = NativeEnvironment()
    return {
        key: environment.from_string(entity["value_template"]).render(value_json=state)
        for key, entity in message["cmps"].items()
        if "value_template" in entity
    }


def test_it_has_what_home_assistant_requires():
    message = announced(sends_images=True)
    assert message["dev"]["ids"] == ["emotion-edge-one"]
    assert message["o"]["name"] == "emotion-edge"
    assert message["availability_topic"] == "edge/one/availability"
    entities = message["cmps"]
    assert {entity["p"] for entity in entities.values()} == PLATFORMS
    assert len({entity["unique_id"] for entity in entities.values()}) == len(entities)
    assert all("object_id" not in entity for entity in entities.values())
    assert entities["mood"]["default_entity_id"] == "sensor.shelf_1_mood"
    assert entities["camera"]["entity_category"] == "diagnostic"
    assert "entity_category" not in entities["mood"]
    assert discovery_topic("ha", plan_of().info.unique_id) == "ha/device/emotion-edge-one/config"


@pytest.mark.parametrize(
    ("changes", "missing"),
    [
        ({"takes_commands": False}, {"running", "brightness", "privacy"}),
        ({"has_leds": False}, {"brightness"}),
        ({"privacy_modes": ("boxes-only",)}, {"privacy"}),
    ],
)
def test_what_a_device_cannot_do_is_not_offered(changes: dict[str, Any], missing: set[str]):
    assert set(announced()["cmps"]) - set(announced(**changes)["cmps"]) == missing


def test_a_name_without_letters_still_gives_an_entity_id():
    entities = announced(name="書斎")["cmps"]
    assert entities["mood"]["default_entity_id"] == "sensor.emotion_edge_one_mood"


def test_the_templates_read_the_state():
    message = announced(labels=ODD)
    values = rendered(message, report_of(0.0, ("it's",)), ODD)
    assert (values["mood"], values["faces"]) == ("uncertain", 1)
    assert [values[f"share_{label}"] for label in (*ODD, "uncertain")] == [25.0] * 5
    assert (values["running"], values["problem"], values["brightness"]) == ("ON", "OFF", 40)


def test_a_paused_device_has_no_mood_and_no_shares():
    message = announced(labels=ODD)
    values = rendered(message, report_of(0.0, ("it's",), CameraState.PAUSED), ODD)
    assert values["running"] == "OFF"
    assert {values[key] for key in ("mood", "faces", "share_it's")} == {None}


def test_a_lost_camera_is_a_problem():
    message = announced()
    values = rendered(message, report_of(0.0, (), CameraState.LOST), ("happy",))
    assert (values["problem"], values["running"], values["camera"]) == ("ON", "ON", "lost")
