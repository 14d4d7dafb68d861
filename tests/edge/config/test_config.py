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
        ("[web]\nport = 99999", "[web] port = 99999: expected a whole number from 0 to 65535"),
        ("[web]\nport = '80'", "port = '80': expected a whole number from 0 to 65535, without"),
        ("[web]\nport = 80.5", "[web] port = 80.5: expected a whole number from 0 to 65535"),
        ("[web]\nport = true", "[web] port = true: expected a whole number from 0 to 65535"),
        ("[web]\nport = 0x1" + "0" * 3000, "[web] port = a huge number: expected a whole"),
        ("[web]\ntls = 1", "[web] tls = 1: expected true or false"),
        ("[web]\ntls = 'true'", "[web] tls = 'true': expected true or false, without quotes"),
        ("[web]\nprot = 1", "unknown key 'prot' in [web]; did you mean 'port'?"),
        ("[webb]\nport = 1", "unknown key 'webb' at the top level; did you mean 'web'?"),
        ("'' = 1", "unknown key '' at the top level; known: camera, "),
        (r'"a\n\u001b" = 1', r"unknown key 'a\n\x1b' at the top level; known: camera, "),
        ("web = 1", "web = 1 at the top level: expected a table [web]"),
        ("[[web]]\nport = 1", "web = [{'port': 1}] at the top level: expected a table [web]"),
        ("[leds]\npins = 5", "pins = 5 in [leds]: expected a table [leds.pins]"),
        (
            "[camera]\nsource = 'foo'",
            "source = 'foo': expected auto, demo, picamera2, picamera2:N",
        ),
        ('[camera]\nsource = "auto\\n"', r"source = 'auto\n': expected auto, demo"),
        ("[camera]\nsource = 'v4l2:2147483648'", "source = 'v4l2:2147483648': expected auto"),
        (
            "[camera]\nsource = 'file:~nouser/a.mp4'",
            ": expected an absolute path: ~nouser has no home folder",
        ),
        ("[camera]\nfps = 'fast'", "[camera] fps = 'fast': expected a whole number from 1 to 120"),
        ("[camera]\nrotate_deg = 45", "[camera] rotate_deg = 45: expected one of 0, 90, 180, 270"),
        ("[camera]\nrotate_deg = false", "rotate_deg = false: expected one of 0, 90, 180, 270"),
        (
            "[camera]\nstall_s = 9\ngive_up_s = 3",
            "[camera] give_up_s = 3: expected more than stall_s = 9",
        ),
        ("[leds]\nmode = 'disco'", "mode = 'disco': expected one of off, per_emotion, rgb"),
        ("[leds.pins]\nhappy = 99", "[leds.pins] happy = 99: expected a whole number from 0 to 27"),
        ("[leds.pins]\n'a.b' = 99", "[leds.pins] 'a.b' = 99: expected a whole number from 0 to 27"),
        ("[leds.rgb_pins]\nred = -1", "[leds.rgb_pins] red = -1: expected a whole number from 0"),
        ("[smoother]\nmin_confidence = nan", "min_confidence = nan: expected a number from 0 to 1"),
        ("[smoother]\nmin_dwell_s = inf", "min_dwell_s = inf: expected a number from 0 to 10"),
        ("[classifier]\nmodel = ''", "model = '': expected auto or the path of a .tflite"),
        ("[classifier]\nmodel = '/'", "model = '/': expected auto or the path of a .tflite"),
        (
            "[classifier]\nmodel = '~nouser/x.tflite'",
            ": expected an absolute path: ~nouser has no home folder",
        ),
        ('[classifier]\nmodel = "a\\u0000.tflite"', r"'a\x00.tflite': expected a path without NUL"),
        ("[state]\nfolder = ''", "[state] folder = '': expected auto or the path of a folder"),
        (
            '[state]\nfolder = "a\\u0000"',
            r"folder = 'a\x00': expected a path without NUL",
        ),
        (
            f"[state]\nfolder = '/{'a' * 300}'",
            ": expected a path of at most 4095 bytes, 255 for each name",
        ),
        ("[state]\nfolder = 2024-05-01", "folder = 2024-05-01: expected auto or the path of a"),
        ("[web]\nhost = ''", "[web] host = '': expected an address or a host name"),
        ("[web]\nhost = 127", "host = 127: expected an address or a host name, in quotes"),
        (
            "[web]\nhost = '[::1]'",
            "host = '[::1]': expected an address, or a name without scheme, b",
        ),
        ("[web]\nhost = '0.0.0.0:80'", "port or path; write '0.0.0.0'"),
        ("[web]\nhost = 'a b'", "expected an address, or a name without"),
        (f"[web]\nhost = '{'a' * 64}'", "expected an address, or a name without"),
        ('[web]\nhost = "a\\u0000"', r"host = 'a\x00': expected an address, or a name"),
        ("[web]\nallowed_hosts = 'a'", "allowed_hosts = 'a': expected a list [...], each item an"),
        ('[web]\nallowed_hosts = ["a", ""]', "[web] allowed_hosts, item 2 = '': expected an addr"),
        ("[web]\nallowed_hosts = [1]", "allowed_hosts, item 1 = 1: expected an address or a host"),
        ("[web]\nallowed_hosts = [['a']]", "allowed_hosts, item 1 = ['a']: expected an address"),
        ("[web]\nallowed_hosts = ['http://a.de']", "write 'a.de'"),
        ("[web]\nallowed_hosts = ['a.de:8080']", "write 'a.de'"),
        ("[web]\nallowed_hosts = ['*.a.de']", "each name in full"),
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
    assert str(refusal.value).isprintable()


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        load_config(tmp_path / "absent.toml")


def test_a_bad_command_line_value_says_where_it_came_from() -> None:
    with pytest.raises(ConfigError, match="command line: "):
        load_config(None, {"web": {"port": -1}})


def test_two_settings_that_exclude_each_other_are_told_where_the_later_one_was_set(
    tmp_path: Path,
) -> None:
    path = write(tmp_path, "[camera]\nstall_s = 20")
    assert load_config(path).camera.stall_s == 20
    with pytest.raises(ConfigError, match=r"^command line: \[camera\] give_up_s = 20"):
        load_config(path, {"camera": {"give_up_s": 20}})
    # The command line may also put right what the file alone would not be.
    path = write(tmp_path, "[camera]\nstall_s = 20\ngive_up_s = 20")
    assert load_config(path, {"camera": {"stall_s": 5}}).camera.give_up_s == 20


def test_the_leds_of_any_model_have_pins(tmp_path: Path) -> None:
    config = load_config(write(tmp_path, '[leds.pins]\nbored = 12\n"half asleep" = 4'))
    assert config.leds.pins["bored"] == 12
    assert config.leds.pins["half asleep"] == 4
    assert load_config(write(tmp_path, to_toml(config))) == config


def test_the_old_name_of_a_section_is_read_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = write(tmp_path, "[care]\nhot_c = 70.0")
    assert load_config(path).thermal.hot_c == 70.0
    (line,) = caplog.messages
    assert line.startswith(f"{path}: the section [care] is now called [thermal]: rename it")


def test_the_new_name_of_a_section_brings_no_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert load_config(write(tmp_path, "[thermal]\nhot_c = 70.0")).thermal.hot_c == 70.0
    assert not caplog.messages


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (
            "[care]\nhot_c = 70.0\n[thermal]\nhot_c = 70.0",
            "[care] and [thermal] are the same section: remove [care], the old name",
        ),
        ("[care]\nhot_c = 700.0", "[thermal] hot_c = 700.0: expected a number from 50 to 100"),
        ("care = 1", "thermal = 1 at the top level: expected a table [thermal]"),
    ],
)
def test_the_old_name_of_a_section_is_checked_as_the_new_one(
    tmp_path: Path, text: str, complaint: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(write(tmp_path, text))
    assert complaint in str(caught.value)


@pytest.mark.parametrize("host", ["::", "fe80::1%eth0", "raspberrypi", "müller.de", "10.0.0.1"])
def test_hosts_that_exist_are_allowed(host: str) -> None:
    assert load_config(None, {"web": {"host": host, "allowed_hosts": [host]}}).web.host == host
