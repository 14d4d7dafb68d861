"""Settings files as people, editors and accidents make them: read, or refused in one line."""

import os
import tomllib
from pathlib import Path

import pytest
import tomli_w

from edge.config import load_config, to_toml
from edge.config.toml_text import without_password
from edge.errors import ConfigError


def refused(path: Path) -> str:
    """The line that refuses the file, without the folder's name."""
    with pytest.raises(ConfigError) as refusal:
        load_config(path)
    line = str(refusal.value)
    assert line.isprintable()
    assert refusal.value.exit_code == 2
    assert line.startswith(str(path.parent))
    return line.removeprefix(f"{path.parent}/")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (
            "[camera]\nsource = auto",
            "my.toml, line 2: `source = auto`: expected a number, true, false or text in straight "
            'quotes, as in source = "auto"',
        ),
        ("[web]\nhost = 0.0.0.0", 'line 2: `host = 0.0.0.0`: * as in host = "0.0.0.0"'),
        ("[web]\nhost = \u201c::\u201d", 'line 2: `host = \u201c::\u201d`: * as in host = "::"'),
        ("[web]\nhost = \x01", 'line 2: `host = \\x01`: * as in host = "\\x01"'),
        ("[web]\nhost = 'a\n", "line 2: `host = 'a`: the closing quote is missing"),
        ('[web]\nhost = "a\nport = 1', 'line 2: `host = "a`: the closing quote is missing'),
        (
            '[web]\nhost = """a\nport = 1',
            'line 2: `host = """a`: """ is missing at the end of the value',
        ),
        (
            '[classifier]\nmodel = "C:\\x.tflite"',
            'line 2: `model = "C:\\x.tflite"`: a backslash in double quotes begins an escape: '
            "write the text in 'single quotes'",
        ),
        ("[web]\ntls = True", "line 2: `tls = True`: write true in small letters"),
        ("[web]\nport = 08080", "line 2: `port = 08080`: a number has no leading zero"),
        ("[camera]\nstall_s = 1,5", "line 2: `stall_s = 1,5`: a number has a point, not a comma"),
        ("[web]\nport =\ntls = true", "line 2: `port =`: the value is missing"),
        ("[web]\nport: 80", "line 2: `port: 80`: expected '=' after a key in a key/value pair"),
        (
            "[web]\nallowed_hosts = ['a',\n\n[stream]\nfps = 5",
            "line 2: `allowed_hosts = ['a',`: ] is missing at the end of the value",
        ),
        (
            "[web]\nallowed_hosts = {a = 1,\nport = 5",
            "line 2: `allowed_hosts = {a = 1,`: } is missing at the end of the value",
        ),
        ("# a = [\n[web]\nport = x", "line 3: `port = x`: expected a number, true, false or"),
        ("[state]\nfolder = 'a=['\n[web]\nport = x", "line 4: `port = x`: expected a number"),
        ("[state]\nfolder = '''a'''\n[web]\nport = x", "line 4: `port = x`: expected a number"),
        (
            "[web]\nallowed_hosts = [\n  'a', # ]\n]\nport = x",
            "line 5: `port = x`: expected a number",
        ),
        ("[web]\nport = 1\nport = 2", "line 3: `port = 2`: the key is there twice"),
        (
            "[stream]\nfps = 5\n[web]\n[stream]\nquality = 50",
            "line 4: `[stream]`: the table is there twice: keep one, with the lines of both",
        ),
        ("web.port = 1\n[web]\ntls = true", "line 2: `[web]`: the table is there twice"),
        ("[web", "line 1: `[web`: expected ']' at the end of a table declaration"),
        ("[web]\nport = " + "9" * 10_000, "line 2: `port = 9999*9...`: the number is too long"),
        ("a" + ".a" * 5_000 + " = 1", "line 1: `a.a.a*...`: more than 50 dots outside quotes"),
        ("a = " + "[" * 3_000, "my.toml: lists or tables are nested too deeply"),
        ("a = " + "[\n" * 3_000, "my.toml: lists or tables are nested too deeply"),
        ("# " + "a\n# " * 50_000, "my.toml: larger than 100 kB; is it a settings file?"),
    ],
)
def test_what_is_no_toml_is_refused_with_the_line_and_what_to_do(
    tmp_path: Path, text: str, complaint: str
) -> None:
    path = tmp_path / "my.toml"
    path.write_bytes(text.encode())
    line, rest = refused(path), iter(complaint.split("*"))
    position = 0
    for part in rest:  # a star stands for anything
        position = line.find(part, position)
        assert position >= 0, line
        position += len(part)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("[web]\nport = 1".encode("utf-16"), "my.toml: not UTF-8 text; save the file as UTF-8"),
        ("[web]\nport = 1".encode("utf-16-le"), "my.toml: not UTF-8 text; save the file as UTF-8"),
        (
            "[web]\n# für\n".encode("latin-1"),
            "my.toml, line 2: byte 0xfc is not UTF-8; save the file as UTF-8",
        ),
    ],
)
def test_what_is_not_utf8_is_told_so(tmp_path: Path, content: bytes, complaint: str) -> None:
    path = tmp_path / "my.toml"
    path.write_bytes(content)
    assert refused(path) == complaint


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_file_of_any_editor_is_read(tmp_path: Path, mark: str, end: str) -> None:
    path = tmp_path / "my.toml"
    path.write_bytes(f"{mark}[web]{end}port = 9000{end}".encode())
    assert load_config(path).web.port == 9000


def test_what_is_no_regular_file_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    cannot, no_file = "cannot read the configuration", "not a file but a device or a pipe"
    assert refused(tmp_path / "pipe") == f"pipe: {cannot}: {no_file}"
    assert refused(tmp_path / "folder") == f"folder: {cannot}: Is a directory"
    assert refused(Path("/dev/zero")) == f"zero: {cannot}: {no_file}"
    with pytest.raises(ConfigError, match="a name with a NUL in it"):
        load_config(Path("a\0b"))


def test_a_name_with_a_line_break_stays_on_one_line(tmp_path: Path) -> None:
    path = tmp_path / "my\n\x1b.toml"
    path.write_text("[web")
    assert refused(path).startswith("my\\n\\x1b.toml, line 1: ")


@pytest.mark.parametrize(
    "text",
    ["😀/mine.tflite", 'a"b\\c', "\x7f\x00\x1f\n\t\r", "müller \u2028\u202e", "'" * 3, ""],
)
def test_every_text_is_written_as_it_is_read(text: str) -> None:
    tables = {"table": {"key": text, "list": [text, "b"], text: {text: 1}}}
    assert tomllib.loads(tomli_w.dumps(tables)) == tables


def test_numbers_are_written_as_they_are_read() -> None:
    numbers = {
        "a": 1e-07,
        "b": 1e22,
        "c": -0.5,
        "d": 10**30,
        "e": True,
        "f": float("inf"),
        "g": float("-inf"),
    }
    assert tomllib.loads(tomli_w.dumps({"table": numbers})) == {"table": numbers}


def test_long_texts_survive_the_settings(tmp_path: Path) -> None:
    hosts = [f"a{number}.b.c.example.org" for number in range(1000)]
    folder = "/\x01.\"'#" + "/x.y" * 1000
    config = load_config(None, {"web": {"allowed_hosts": hosts}, "state": {"folder": folder}})
    path = tmp_path / "my.toml"
    path.write_text(to_toml(config), "utf-8")
    assert load_config(path) == config


def test_an_emoji_survives_the_settings(tmp_path: Path) -> None:
    config = load_config(None, {"classifier": {"model": "/srv/😀.tflite"}})
    path = tmp_path / "my.toml"
    path.write_text(to_toml(config), "utf-8")
    assert "😀" in path.read_text("utf-8")
    assert load_config(path) == config


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "text",
    [
        'a = "' + '\\"' * 49_000,
        '"' + '\\"' * 30_000,
        '"' + '\\"' * 30_000 + "\\",
        "a = " + "a://" * 24_000,
        '[camera]\nsource = "' + "a://" * 24_000 + '"',
        "[" * 99_000,
        "a = " + "{a = " * 15_000,
    ],
)
def test_a_long_line_is_refused_at_once(tmp_path: Path, text: str) -> None:
    """Each took between 10 s and five minutes: quotes and addresses were searched for again."""
    path = tmp_path / "my.toml"
    path.write_text(text)
    assert len(refused(path)) < 600


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("rtsp://u:p@host", "rtsp://***@host"),
        ("rtsp://u:p@q@host x@y", "rtsp://***@y"),
        ("x@y rtsp://host", "x@y rtsp://host"),
        ("a@b http://u:p@c", "a@b http://***@c"),
        ("http://@h\nhttp://u@h\nb", "http://***@h\nhttp://***@h\nb"),
        ("", ""),
    ],
)
def test_no_password_of_an_address_is_shown(text: str, shown: str) -> None:
    assert without_password(text) == shown
