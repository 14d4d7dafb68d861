from pathlib import Path

import pytest

from edge.config import default_settings, load_config, to_toml
from edge.errors import ConfigError


def write(folder: Path, text: str) -> Path:
    path = folder / "my.toml"
    path.write_text(text, "utf-8")
    return path


def test_the_defaults_are_valid_and_survive_a_round_trip(tmp_path: Path) -> None:
    config = load_config()
    assert load_config(write(tmp_path, to_toml(config))) == config


def test_a_file_changes_only_what_it_names(tmp_path: Path) -> None:
    config = load_config(write(tmp_path, "[web]\nport = 9000\n[leds.pins]\nhappy = 4"))
    assert config.web.port == 9000
    assert config.web.host == load_config().web.host
    assert config.leds.pins["happy"] == 4
    assert config.leds.pins["angry"] == default_settings()["leds"]["pins"]["angry"]


def test_the_command_line_goes_last(tmp_path: Path) -> None:
    path = write(tmp_path, "[web]\nport = 9000")
    assert load_config(path, {"web": {"port": 9001}}).web.port == 9001


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[web]\nport = 99999", "[web] port = 99999: expected int <= 65535"),
        ("[web]\nprot = 1", "unknown key 'prot' in [web]; did you mean 'port'?"),
        ("[webb]\nport = 1", "unknown key 'webb' at the top level; did you mean 'web'?"),
        ("web = 1", "web = 1 at the top level: expected a table"),
        (
            "[camera]\nsource = 'foo'",
            "source = 'foo': expected auto, demo, picamera2, picamera2:N",
        ),
        ("[camera]\nfps = 'fast'", "[camera] fps = 'fast': expected int, got str"),
        ("[leds]\nmode = 'disco'", "mode = 'disco': expected one of off, per_emotion, rgb"),
        ("[leds.pins]\nhapy = 9", "unknown key 'hapy' in [leds.pins]; did you mean 'happy'?"),
        ("[leds.pins]\nhappy = 99", "expected int <= 27"),
        ("[leds.rgb_pins]\nred = -1", "[leds.rgb_pins] red = -1: expected int >= 0"),
        ("[smoother]\nmin_confidence = nan", "min_confidence = nan"),
        ("[web", "not a TOML file"),
    ],
)
def test_a_bad_file_is_refused_in_one_line_that_names_file_key_and_value(
    tmp_path: Path, text: str, complaint: str
) -> None:
    path = write(tmp_path, text)
    with pytest.raises(ConfigError) as refusal:
        load_config(path)
    assert complaint in str(refusal.value)
    assert str(path) in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        load_config(tmp_path / "absent.toml")


def test_a_bad_command_line_value_says_where_it_came_from() -> None:
    with pytest.raises(ConfigError, match="command line: "):
        load_config(None, {"web": {"port": -1}})
