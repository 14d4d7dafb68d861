"""Damaged files of the state folder: read, set aside or refused, and the device goes on."""

import contextlib
import json
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from gated import CODE
from hypothesis import given
from hypothesis import strategies as st
from mutations import damaged
from refused import refusal_of
from watched import NOON, REPORT, Room, fill, minutes_before

from edge.errors import OutputError, StateError
from edge.kept_regions import KeptRegions
from edge.state import KeptFile
from edge.vision.ignored_regions import IgnoredRegions
from edge.web.auth.access_code import AccessCode, login_secret
from edge.web.auth.sessions import Sessions
from edge.web.auth.tokens import TOKENS_FILE, AccessTokens

REGIONS = b"[[0.1, 0.2, 0.3, 0.4], [0.5, 0.5, 1.0, 1.0]]"
ENDED = json.dumps({"0123456789abcdef": NOON, "fedcba9876543210": NOON}).encode()
TOKENS = json.dumps({"kitchen": {"purpose": "view", "sha256": "0" * 64}}, indent=1).encode()

json_texts = st.one_of(
    st.binary(max_size=100),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
        lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=8), inner),
    ).map(lambda value: json.dumps(value).encode()),
    st.integers(1, 60_000).map(lambda depth: b"[" * depth),
    st.integers(1, 10_000).map(lambda digits: b'{"0123456789abcdef": ' + b"9" * digits + b"}"),
)


def read_regions(folder: Path) -> None:
    assert isinstance(KeptRegions(IgnoredRegions(), folder).get(), list)


def read_sessions(folder: Path) -> None:
    sessions = Sessions(b"secret", KeptFile(folder / "ended-logins"))
    token = sessions.issue(CODE)
    assert sessions.accepts(token, CODE)
    sessions.end(token, CODE)
    assert not Sessions(b"secret", KeptFile(folder / "ended-logins")).accepts(token, CODE)


def read_tokens(folder: Path) -> None:
    tokens = AccessTokens(KeptFile(folder / TOKENS_FILE))
    assert not tokens.accepts("a", "view")
    refusal_of(StateError, tokens.purposes)


def read_code(folder: Path) -> None:
    refusal_of(StateError, lambda: AccessCode(folder))


def read_secret(folder: Path) -> None:
    assert len(login_secret(folder)) == 32


@pytest.mark.parametrize(
    ("name", "whole", "read"),
    [
        ("ignored-regions", REGIONS, read_regions),
        ("ended-logins", ENDED, read_sessions),
        (TOKENS_FILE, TOKENS, read_tokens),
        ("access-code", CODE.encode(), read_code),
        ("login-secret", bytes(range(32)), read_secret),
    ],
    ids=("regions", "sessions", "tokens", "code", "secret"),
)
def test_a_damaged_file(
    tmp_path: Path, name: str, whole: bytes, read: Callable[[Path], None]
) -> None:
    @given(damaged(whole) | json_texts)
    def check(content: bytes) -> None:
        (tmp_path / name).write_bytes(content)
        read(tmp_path)

    check()


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A history of a day."""
    path = tmp_path_factory.mktemp("history") / "history.sqlite3"
    fill(path, *minutes_before(NOON, 1440))
    return path.read_bytes()


def test_a_damaged_history(tmp_path: Path, history: bytes) -> None:
    """It is read as far as it is valid, or set aside: afterwards minutes are kept again."""
    path = tmp_path / "history.sqlite3"

    @given(damaged(history, head=200))
    def check(content: bytes) -> None:
        for file in tmp_path.iterdir():
            file.unlink()
        path.write_bytes(content)
        room = Room()
        file = room.file(path)
        for _ in range(3):  # the second attempt has a new file
            refusal_of(OutputError, lambda: file.show(REPORT))
        room.watch(120, "happy", fps=1)
        file.show(REPORT)
        assert len(list(file.minutes(7 * 24 * 3600.0))) >= 1
        file.close()
        with contextlib.closing(sqlite3.connect(path)) as db:
            assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)

    check()
