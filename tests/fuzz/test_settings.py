"""Any settings file and any value on the command line: settings, or one line that refuses them."""

from importlib import resources
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from hypothesis import example, given
from hypothesis import strategies as st
from mutations import damaged
from refused import refusal_of

from edge.config import Config, default_settings, load_config, to_toml
from edge.errors import ConfigError

DEFAULTS = resources.files("edge.config").joinpath("default.toml").read_text("utf-8")

SETTINGS = [
    (section, key)
    for section, table in default_settings().items()
    for key, value in table.items()
    if not isinstance(value, dict)
]

scalars = st.one_of(
    st.text(max_size=40),
    st.integers(),
    st.floats(),
    st.booleans(),
    st.dates(),
    st.datetimes(),
    st.times(),
)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner)
)
pieces = st.sampled_from(
    (
        *('"', "'", '"""', "'''", "[", "]", "{", "}", "=", ".", ",", "#", "\\", "\n", "\r", "\t"),
        *("[camera]\n", "[leds.pins]\n", "source = ", "fps", "true", "nan", "inf", "0x", "1e999"),
        *("1979-05-27T07:32:00", "a://", "@", "\0", "\ufeff", "\x1b[2J", "\u202e"),
    )
)


def load(path: Path | None, overrides: Any = None) -> Config | None:
    """Return the settings, None for a refusal."""
    loaded: list[Config] = []
    refusal_of(ConfigError, lambda: loaded.append(load_config(path, overrides)))
    return loaded[0] if loaded else None


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("settings") / "my.toml"


@given(damaged(DEFAULTS.encode()))
@example(b"a" * 10**7)
def test_a_damaged_file(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    load(path)


@given(st.lists(pieces | st.text(max_size=5), max_size=30).map("".join), st.integers(1, 500))
def test_any_text(path: Path, text: str, times: int) -> None:
    path.write_text(text * times, "utf-8", errors="surrogatepass")
    load(path)


@given(st.sampled_from(SETTINGS), values)
def test_any_value_in_a_file(path: Path, setting: tuple[str, str], value: Any) -> None:
    section, key = setting
    try:
        path.write_text(tomli_w.dumps({section: {key: value}}), "utf-8")
    except (TypeError, UnicodeError, ValueError):
        return  # not a value that TOML can hold
    load(path)


@given(st.sampled_from(SETTINGS), values)
def test_any_value_on_the_command_line(setting: tuple[str, str], value: Any) -> None:
    section, key = setting
    config = load(None, {section: {key: value}})
    if config is not None:
        kept = getattr(getattr(config, section), key)
        assert kept == value or isinstance(value, int | float)


@given(st.sampled_from(SETTINGS), values)
def test_what_is_taken_can_be_written_and_read_again(
    path: Path, setting: tuple[str, str], value: Any
) -> None:
    section, key = setting
    config = load(None, {section: {key: value}})
    if config is not None:
        path.write_text(to_toml(config), "utf-8")
        assert load(path) == config
