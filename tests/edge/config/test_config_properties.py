"""Any TOML gives settings or one line; every setting can be written and read again."""

import random
import re
import string
import tomllib
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import msgspec
import pytest
import tomli_w

from edge.config import Config, default_settings, load_config, load_layers, to_toml
from edge.config.validation import allowed
from edge.errors import ConfigError

DEFAULTS = resources.files("edge.config").joinpath("default.toml").read_text("utf-8")
ORIGIN = "self or an origin such as https://ha.local:8123"
NETWORK = "an address such as 192.168.1.5, or a network such as 172.30.32.0/23"
FREE = ("leds.pins",)  # tables whose keys are the user's


def leaves(kind: Any = Config, table: str = "") -> Iterator[tuple[str, str, Any]]:
    """Every setting: its table, key and type."""
    for key, inner in get_type_hints(kind, include_extras=True).items():
        path = f"{table}.{key}".removeprefix(".")
        if isinstance(inner, type) and issubclass(inner, msgspec.Struct):
            yield from leaves(inner, path)
        elif get_origin(inner) is dict:
            yield from ((path, name, get_args(inner)[1]) for name in default_of(path))
        else:
            yield table, key, inner


def default_of(path: str) -> Any:
    value: Any = default_settings()
    for key in path.split("."):
        value = value[key]
    return value


SETTINGS = list(leaves())


def outcome(path: Path, text: str) -> Config | str:
    """The settings of a file with this text, or the line that refuses it."""
    path.write_text(text, "utf-8")
    try:
        return load_config(path)
    except ConfigError as exc:
        line = str(exc)
    assert line.isprintable()
    assert line.startswith(str(path))
    assert len(line) < 600
    return line.removeprefix(str(path))


def test_every_setting_says_in_words_what_it_may_be() -> None:
    assert len(SETTINGS) == len(re.findall(r"^\w+ = ", DEFAULTS, re.MULTILINE))
    for table, key, kind in SETTINGS:
        words = allowed(kind)
        assert words, f"[{table}] {key}"
        assert not re.search(r"\b(int|float|str|bool|None|regex|inf)\b", words), words


WRONG = (True, 0.5, -1, 10**6, 2**70, 10**300, 1e300, -1e300, float("inf"), float("-inf"))
WRONG += (float("nan"), "", "nonsense/", "a\nb\x1b", "\0", "x" * 5000, [], [1], [""], [[["a"]]])


@pytest.mark.parametrize(
    ("table", "key", "kind"), SETTINGS, ids=[f"{t}.{k}" for t, k, _ in SETTINGS]
)
def test_each_setting_takes_what_it_may_be_and_refuses_the_rest_by_name(
    tmp_path: Path, table: str, key: str, kind: Any
) -> None:
    path = tmp_path / "my.toml"
    refusals = 0
    literals = ["2024-05-01", "12:30:00", "2024-05-01T12:30:00Z", "{ a = 1 }", "[{ a = 1 }]"]
    for text in [*literals, *map(written, WRONG)]:
        result = outcome(path, f"[{table}]\n{key} = {text}")
        if isinstance(result, Config):
            assert load_config(rewritten(path, result)) == result
            continue
        refusals += 1
        assert result.startswith(f": [{table}] {key}"), result
        assert f": expected {words(kind)}" in result, result
    assert refusals >= len(literals)


def words(kind: Any) -> str:
    """What must be told to be allowed; of a text that depends on what is wrong with it."""
    return allowed(kind) if kind is bool or base_of(kind) in (int, float, Literal) else ""


def base_of(kind: Any) -> Any:
    """What an annotated type annotates; Literal."""
    return Literal if get_origin(kind) is Literal else next(iter(get_args(kind)), kind)


def written(value: Any) -> str:
    """A value as TOML; a list on one line."""
    text = tomli_w.dumps({"k": value}).removeprefix("k = ").rstrip("\n")
    return re.sub(r",\n\]$", "]", re.sub(r"\n +", " ", text)).replace("[ ", "[")


def written_key(key: str) -> str:
    return tomli_w.dumps({key: 0}).removesuffix(" = 0\n")


def rewritten(path: Path, config: Config) -> Path:
    path.write_text(to_toml(config), "utf-8")
    return path


@pytest.mark.parametrize(
    ("table", "key", "kind"), SETTINGS, ids=[f"{t}.{k}" for t, k, _ in SETTINGS]
)
def test_each_setting_misspelt_in_the_defaults_is_named(
    tmp_path: Path, table: str, key: str, kind: Any
) -> None:
    path, line = tmp_path / "my.toml", f"{key} = {written(default_of(f'{table}.{key}'))}"
    if table not in FREE:
        result = outcome(path, f"[{table}]\nx{line}")
        assert f"unknown key 'x{key}' in [{table}]" in str(result)
    assert f"line 3: `{line}`: the key is there twice" in str(
        outcome(path, f"[{table}]\n{line}\n{line}")
    )
    for broken in (f"{key}", f"{key} =", f"{key} = ?", f"{key}: 1", f"{key} = 'a", f"{key} = [1"):
        result = outcome(path, f"[{table}]\n{broken}\n")
        assert f"line 2: `{broken}`: " in str(result), result
    unquoted = line.replace('"', "")
    if unquoted != line:
        result = outcome(path, f"[{table}]\n{unquoted}")
        assert str(result).endswith(f"text in straight quotes, as in {line}"), result


def test_the_defaults_with_a_character_more_or_less_are_read_or_refused(tmp_path: Path) -> None:
    chance = random.Random(11)  # noqa: S311 (a seed, so that a failure can be repeated)
    path = tmp_path / "my.toml"
    refused = 0
    for _ in range(150):
        text, at = DEFAULTS, chance.randrange(len(DEFAULTS))
        cut = chance.choice((0, 0, 1, 3, 40))
        more = chance.choice(("", '"', "'", "[", "]", "=", "\n", "#", "9", "\x00", "\\", "é", "{"))
        result = outcome(path, text[:at] + more + text[at + cut :])
        refused += isinstance(result, str)
    assert 30 < refused < 145


def any_value(chance: random.Random, depth: int = 0) -> str:
    """A TOML value of any type."""
    scalars = (
        lambda: str(chance.choice((0, 1, -1, 5, 2**63, 2**64, -(2**70), 10**18))),
        lambda: chance.choice(("inf", "-inf", "nan", "0.5", "1e308", "-0.0", "1e-320")),
        lambda: chance.choice(("true", "false")),
        lambda: chance.choice(("1979-05-27", "07:32:00", "1979-05-27T07:32:00Z", "0xff", "0o7")),
        lambda: written(any_text(chance)),
    )
    if depth < 3 and chance.random() < 0.3:
        inner = [any_value(chance, depth + 1) for _ in range(chance.randrange(3))]
        if chance.random() < 0.5:
            return f"[{', '.join(inner)}]"
        pairs = ", ".join(f"k{i} = {value}" for i, value in enumerate(inner))
        return f"{{{pairs}}}"
    return chance.choice(scalars)()


def any_text(chance: random.Random) -> str:
    letters = string.ascii_letters + "./:~*-_ é😀\n\x00\x1b\x7f\u2028\"'\\"
    known = ("auto", "demo", "file:/a", "per_emotion", "rgb", "::", "off", "disk", "a.tflite")
    if chance.random() < 0.3:
        return chance.choice(known)
    return "".join(chance.choices(letters, k=chance.choice((0, 1, 3, 10, 300))))


def test_any_toml_gives_settings_or_one_line(tmp_path: Path) -> None:
    chance = random.Random(12)  # noqa: S311 (a seed, so that a failure can be repeated)
    path = tmp_path / "my.toml"
    read = refused = 0
    for _ in range(600):
        table, key, _ = chance.choice(SETTINGS)
        if chance.random() < 0.1:
            key = any_text(chance)
        header = chance.choice(("[{}]", "[{}]", "[{}]", "[[{}]]", "['{}']"))
        text = f"{header.format(table)}\n{written_key(key)} = {any_value(chance)}\n"
        tomllib.loads(text)  # it is TOML, so what refuses it names the key
        result = outcome(path, text)
        if isinstance(result, Config):
            read += 1
            assert load_config(rewritten(path, result)) == result
        else:
            refused += 1
            assert not result.startswith(", line"), result
    assert read > 10
    assert refused > 400


def right_value(kind: Any, chance: random.Random) -> Any:
    """A value that this type allows."""
    if get_origin(kind) is Literal:
        return chance.choice(get_args(kind))
    if kind is bool:
        return chance.random() < 0.5
    if get_origin(kind) is list:
        return [right_value(get_args(kind)[0], chance) for _ in range(chance.randrange(4))]
    base, meta = get_args(kind)[:2]
    if base is int:
        return chance.randint(meta.ge, meta.le)
    if base is float:
        return chance.choice((meta.ge, meta.le, chance.uniform(meta.ge, meta.le)))
    name = chance.choice(("müller", "😀", "a b", 'q"q', "back\\slash", "\x7f\n", "~", "'"))
    return {
        "an address or a host name": chance.choice(("::1", "a.b", "müller.de", "10.0.0.1")),
        "auto or the path of a folder": f"/srv/{name}",
        "auto or the path of a .tflite": f"/srv/{name}.tflite",
        "auto, or at most 64 of the characters A-Z a-z 0-9 _ -": "shelf-2_b",
        "the start of a topic, at most 128 characters": f"home/{'é' * len(name)}",
        "none, or a time of day from 00:00 to 23:59": f"{chance.randrange(24):02}:00",
        "none, or an http or https address": "http://[::1]:8123/a?b=c",
        "a text of 1 to 128 characters": name.replace("\x7f\n", "{mood}"),
        ORIGIN: chance.choice(("self", "https://a.b", "http://[::1]:8123")),
        NETWORK: chance.choice(("10.0.0.1", "172.30.32.0/23", "fd00::/8")),
    }.get(meta.description or "", f"file:/srv/{name}")


def test_every_config_survives_being_written_and_read(tmp_path: Path) -> None:
    chance = random.Random(13)  # noqa: S311 (a seed, so that a failure can be repeated)
    path = tmp_path / "my.toml"
    for _ in range(50):
        settings = default_settings()
        for table, key, kind in SETTINGS:
            section = settings
            for name in table.split("."):
                section = section[name]
            section[key] = right_value(kind, chance)
        settings["camera"] |= {"stall_s": 0.5, "give_up_s": chance.uniform(1.0, 75.0)}
        settings["mqtt"]["tls"] = True
        settings["hooks"][chance.choice(("url", "url_file"))] = "none"
        settings["leds"]["pins"] |= {"half asleep": 4, 'a."b"\n': 5, "😀": 6, "": 7}
        settings["schedule"]["pause_until"] = "12:30"
        layers = load_layers(None, settings)
        config = layers.config
        assert load_config(rewritten(path, config)) == config
        path.write_text(layers.to_toml(), "utf-8")  # with the origin of each as a comment
        assert load_config(path) == config
