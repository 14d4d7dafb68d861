"""The owner's settings: which value is in force, where it comes from, and what is kept."""

import json
from pathlib import Path
from typing import Any

import pytest

from edge.config import Config, load_layers
from edge.errors import StateError
from edge.owner_settings import MQTT, OwnerSettings

LIT = {"leds": {"mode": "per_emotion"}}
DAMAGED = ["{", "[]", "1", '{"brightness": 7}', '{"smoothing": "wild"}', "[" * 50_000, "\0", "null"]
DAMAGED += ['{"pause_from": "22:00"}', '{"privacy": ["off"]}', '{"keep_pause": 1}']


def owner(folder: Path | None = None, file: str = "", **sections: Any) -> OwnerSettings:
    path = None
    if file and folder:
        path = folder / "my.toml"
        path.write_text(file)
    return OwnerSettings(load_layers(path, {**LIT, **sections}), folder)


def test_the_page_wins_over_the_file_and_is_kept(tmp_path: Path):
    file = "[leds]\nbrightness = 0.5\n[smoother]\nmin_dwell_s = 0.9\n"
    settings = owner(tmp_path, file)
    assert settings.get()["values"]["brightness"] == 0.5
    assert settings.get()["from"]["brightness"] == "settings file"
    assert settings.get()["from"]["smoothing"] == "settings file"
    assert settings.get()["from"]["privacy"] == "default"
    settings.change({"brightness": 0.2, "privacy": "pixelate", "smoothing": "calm"})
    again = owner(tmp_path, file)
    for found in (settings, again):
        assert found.config.leds.brightness == 0.2
        assert found.config.stream.privacy == "pixelate"
        assert found.config.smoother.min_dwell_s == 1.5
        assert found.config.smoother.min_confidence == 0.5
        assert found.get()["values"]["smoothing"] == "calm"
        assert set(found.get()["from"].values()) == {"page", "default"}
        assert found.get()["configured"]["brightness"] == 0.5
    settings.change({"brightness": None, "smoothing": "configured"})
    assert settings.config.leds.brightness == owner(tmp_path, file).config.leds.brightness == 0.5
    assert owner(tmp_path, file).config.smoother.min_dwell_s == 0.9
    assert (tmp_path / "owner-settings").stat().st_mode & 0o777 == 0o600


def test_mqtt_is_in_force_until_the_restart_or_the_next_change(tmp_path: Path):
    settings = owner(tmp_path)
    settings.change({"brightness": 0.2})
    settings.change_for_now("brightness", 0.7)
    settings.change_for_now("privacy", "boxes-only")
    assert settings.config.leds.brightness == 0.7
    assert settings.get()["from"]["privacy"] == settings.get()["from"]["brightness"] == MQTT
    assert owner(tmp_path).config.leds.brightness == 0.2
    assert owner(tmp_path).config.stream.privacy == "off"
    settings.change({"brightness": 0.3})
    assert settings.config.leds.brightness == 0.3
    assert settings.config.stream.privacy == "boxes-only"
    settings.change({"privacy": None})
    assert settings.config.stream.privacy == "off"


def test_neither_way_shows_more_than_the_settings_file_allows(tmp_path: Path):
    owner(tmp_path).change({"privacy": "pixelate"})
    strict = owner(tmp_path, stream={"privacy": "boxes-only"})
    assert strict.config.stream.privacy == "boxes-only"
    assert not strict.is_damaged
    assert strict.privacy_modes == ("boxes-only",)
    with pytest.raises(ValueError, match="privacy = 'pixelate': expected one of boxes-only"):
        strict.change({"privacy": "pixelate"})
    with pytest.raises(ValueError, match="expected one of boxes-only"):
        strict.change_for_now("privacy", "off")


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"brightness": 2}, "brightness = 2: expected a number from 0.05 to 1"),
        ({"brightness": float("nan")}, "brightness = nan: expected a number from 0.05 to 1"),
        ({"brightness": True}, "brightness = true: expected a number"),
        ({"brightness": "0.5"}, "brightness = '0.5': expected a number"),
        ({"brightness": {"a": 1}}, "expected a number"),
        ({"privacy": "none"}, "privacy = 'none': expected one of off, pixelate, boxes-only"),
        ({"smoothing": "wild"}, "smoothing = 'wild': expected one of configured, calm, lively"),
        ({"smoothing": ["calm"]}, "expected one of configured, calm, lively"),
        ({"pause_from": "22:00"}, "expected a time for both pause_from and pause_until"),
        (
            {"pause_from": "22:00", "pause_until": "22:00"},
            "pause_until = '22:00': expected another time than pause_from",
        ),
        (
            {"pause_from": "24:00", "pause_until": "07:00"},
            "pause_from = '24:00': expected none, or",
        ),
        ({"pause_from": "7:00", "pause_until": "22:00"}, "a time of day from 00:00 to 23:59"),
        ({"keep_pause": "yes"}, "keep_pause = 'yes': expected true or false"),
        ({"port": 80}, "unknown setting 'port'; known: brightness, privacy"),
        ([], "expected a JSON object"),
        (None, "expected a JSON object"),
    ],
)
def test_a_wrong_value_changes_nothing(tmp_path: Path, changes: Any, complaint: str):
    settings, seen = owner(tmp_path), []
    settings.follow(seen.append)
    with pytest.raises(ValueError, match=r"expected|known") as refused:
        settings.change(changes)
    assert complaint in str(refused.value)
    assert "\n" not in str(refused.value)
    assert settings.version == 0
    assert seen == []
    assert not (tmp_path / "owner-settings").exists()


def test_without_leds_there_is_no_brightness(tmp_path: Path):
    dark = owner(tmp_path, leds={"mode": "off"})
    assert dark.get()["values"]["brightness"] is None
    with pytest.raises(ValueError, match=r"there are no LEDs: \[leds\] mode"):
        dark.change({"brightness": 0.5})
    dark.change({"brightness": None, "smoothing": "lively"})  # as the page resets all
    assert dark.config.smoother.time_constant_s == 0.2


def test_followers_get_each_change_and_the_version_grows(tmp_path: Path):
    settings = owner(tmp_path)
    seen: list[Config] = []
    settings.follow(seen.append)
    settings.change({"brightness": 0.4})
    settings.change_for_now("brightness", 0.5)
    assert [config.leds.brightness for config in seen] == [0.4, 0.5]
    assert settings.version == 2


@pytest.mark.parametrize("content", DAMAGED)
def test_a_damaged_file_is_told_and_the_settings_file_counts(
    tmp_path: Path, content: str, caplog: pytest.LogCaptureFixture
):
    (tmp_path / "owner-settings").write_text(content)
    settings = owner(tmp_path)
    assert settings.is_damaged
    assert settings.config == load_layers(None, LIT).config
    assert "those of the page do not count" in caplog.text
    settings.change({"brightness": 0.3})
    assert not owner(tmp_path).is_damaged


def test_settings_of_a_later_version_are_left_out(tmp_path: Path):
    (tmp_path / "owner-settings").write_text('{"brightness": 0.3, "colour": "red"}')
    settings = owner(tmp_path)
    assert not settings.is_damaged
    assert settings.config.leds.brightness == 0.3


def test_a_full_disk_is_told_and_changes_nothing(tmp_path: Path):
    folder = tmp_path / "state"
    settings = owner(folder)
    folder.write_text("a file in the folder's place")
    with pytest.raises(Exception, match="a file is in its place"):
        settings.change({"brightness": 0.3})
    assert settings.config.leds.brightness == 1.0


def test_a_file_that_cannot_be_read_is_damaged(tmp_path: Path):
    (tmp_path / "owner-settings").mkdir()
    settings = owner(tmp_path)
    assert settings.is_damaged
    with pytest.raises(StateError):
        settings.change({"brightness": 0.3})


def test_without_a_folder_they_last_until_the_restart():
    settings = owner()
    settings.change({"brightness": 0.3})
    assert settings.config.leds.brightness == 0.3
    assert json.dumps(settings.get())
