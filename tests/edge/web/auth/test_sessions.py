"""Sessions under clocks that jump, and the list of those that were ended under editors."""

import json
import logging
import os
from pathlib import Path

import pytest
from gated import Clock

from edge.state import KeptFile
from edge.web.auth.sessions import LIFETIME_S, Sessions

DAY_S = 24 * 3600
DECADE_S = 3652 * DAY_S
CODE = "k7mf2q9xta"


@pytest.fixture
def clock() -> Clock:
    clock = Clock()
    clock.now_s = 50.0 * DECADE_S / 10
    return clock


@pytest.fixture
def sessions(clock: Clock) -> Sessions:
    return Sessions(b"a secret", clock=clock)


@pytest.mark.parametrize("ahead_s", [DECADE_S, -3 * DECADE_S])
def test_a_clock_that_jumps_and_comes_back_ends_no_login(
    sessions: Sessions, clock: Clock, ahead_s: float
) -> None:
    token = sessions.issue(CODE)
    clock.now_s += ahead_s
    assert not sessions.accepts(token, CODE)
    assert sessions.accepts(sessions.issue(CODE), CODE)  # a person may log in all the same
    clock.now_s -= ahead_s
    assert sessions.accepts(token, CODE)


@pytest.mark.parametrize("ahead_s", [31 * DAY_S, DECADE_S, 10 * DECADE_S])
def test_a_login_issued_while_the_clock_was_ahead_does_not_last_for_ever(
    sessions: Sessions, clock: Clock, ahead_s: float
) -> None:
    clock.now_s += ahead_s
    token = sessions.issue(CODE)
    clock.now_s -= ahead_s
    admitted = [
        day for day in range(2 * LIFETIME_S // DAY_S + 60) if _on(clock, day, sessions, token)
    ]
    assert len(admitted) <= 2 * LIFETIME_S / DAY_S


def _on(clock: Clock, day: int, sessions: Sessions, token: str) -> bool:
    began_s = clock.now_s
    clock.now_s += day * DAY_S
    admitted = sessions.accepts(token, CODE)
    clock.now_s = began_s
    return admitted


@pytest.mark.parametrize("late_s", [60, DAY_S, 29 * DAY_S])
def test_a_clock_that_is_late_after_booting_ends_no_login(
    sessions: Sessions, clock: Clock, late_s: float
) -> None:
    token = sessions.issue(CODE)
    clock.now_s -= late_s
    assert sessions.accepts(token, CODE)


def test_logins_under_a_clock_that_was_never_set(sessions: Sessions, clock: Clock) -> None:
    clock.now_s = 5.0  # 1970
    token = sessions.issue(CODE)
    assert sessions.accepts(token, CODE)
    clock.now_s = 2.0**33  # after 2106
    assert not sessions.accepts(token, CODE)
    assert sessions.accepts(sessions.issue(CODE), CODE)


def ended(path: Path, clock: Clock) -> Sessions:
    return Sessions(b"a secret", KeptFile(path), clock)


def test_what_was_ended_is_kept_whole_and_private(tmp_path: Path, clock: Clock) -> None:
    path = tmp_path / "ended-logins"
    sessions = ended(path, clock)
    token = sessions.issue(CODE)
    sessions.end(token, CODE)
    assert not ended(path, clock).accepts(token, CODE)
    assert path.stat().st_mode & 0o777 == 0o600
    assert [p.name for p in tmp_path.iterdir()] == ["ended-logins"]


def test_what_was_ended_is_on_the_disk_before_the_answer(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    sync = os.fsync

    def spy(descriptor: int) -> None:
        synced.append(str(Path(f"/proc/self/fd/{descriptor}").readlink()))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", spy)
    sessions = ended(tmp_path / "ended-logins", clock)
    sessions.end(sessions.issue(CODE), CODE)
    assert len(synced) == 2  # the file, then the folder it was renamed in
    assert synced[1] == str(tmp_path)


BAD = {
    "empty": b"",
    "list": b"[1, 2]",
    "string": b'"abc"',
    "number": b"1",
    "null": b"null",
    "cut": b'{"0123456789abcdef": 12',
    "nested": b'{"0123456789abcdef": {"a": [1]}}',
    "nan": b'{"0123456789abcdef": NaN}',
    "infinity": b'{"0123456789abcdef": Infinity}',
    "huge": b'{"0123456789abcdef": 1e999}',
    "digits": b'{"0123456789abcdef": ' + b"9" * 5000 + b"}",
    "many digits": b'{"0123456789abcdef": ' + b"9" * 4000 + b"}",
    "deep": b"[" * 60_000,
    "deep table": b'{"a":' * 10_000,
    "not UTF-8": b'{"\xff\xfe": 1}',
    "surrogate": b'{"\\ud800": 1}',
    "NUL": b"\0" * 100,
    "BOM": b"\xef\xbb\xbf{}",
    "large": b" " * 10_000_000 + b"{}",
    "bool": b'{"0123456789abcdef": true}',
}


# From these no login is lost: each name is kept whatever stands behind it. So nothing is said.
HARMLESS = {"empty", "nested", "nan", "infinity", "huge", "many digits", "surrogate", "BOM", "bool"}


@pytest.mark.parametrize("name", BAD)
def test_a_list_that_somebody_edited_never_stops_anything(
    tmp_path: Path, clock: Clock, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "ended-logins"
    path.write_bytes(BAD[name])
    sessions = ended(path, clock)
    lines = [r.getMessage() for r in caplog.records]
    assert len(lines) == (0 if name in HARMLESS else 1)
    assert all("ended-logins" in line and len(line) < 300 for line in lines)
    assert "Traceback" not in caplog.text
    token = sessions.issue(CODE)
    assert sessions.accepts(token, CODE)
    sessions.end(token, CODE)
    assert not sessions.accepts(token, CODE)
    assert not ended(path, clock).accepts(token, CODE)


def test_one_bad_entry_does_not_undo_the_others(tmp_path: Path, clock: Clock) -> None:
    path = tmp_path / "ended-logins"
    sessions = ended(path, clock)
    token = sessions.issue(CODE)
    sessions.end(token, CODE)
    path.write_text(json.dumps({**json.loads(path.read_text()), "x": [], "y": float("nan")}))
    assert not ended(path, clock).accepts(token, CODE)


@pytest.mark.parametrize("kind", ["folder", "loop", "pipe", "device"])
def test_what_is_no_file_is_told_of_and_never_waited_for(
    tmp_path: Path, clock: Clock, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    path = tmp_path / "ended-logins"
    match kind:
        case "folder":
            (path / "inside").mkdir(parents=True)
        case "loop":
            path.symlink_to(path)
        case "pipe":
            os.mkfifo(path)
        case "device":
            path.symlink_to("/dev/zero")
    with caplog.at_level(logging.WARNING):
        sessions = ended(path, clock)
    (record,) = caplog.records
    assert str(path) in record.getMessage()
    assert "emotion-edge code --new" in record.getMessage()
    token = sessions.issue(CODE)
    sessions.end(token, CODE)
    assert not sessions.accepts(token, CODE)


def test_what_is_remembered_of_ended_logins_is_bounded(tmp_path: Path, clock: Clock) -> None:
    path = tmp_path / "ended-logins"
    many = {f"{number:016x}": 1 for number in range(1500)}
    path.write_text(json.dumps(many))
    sessions = ended(path, clock)
    sessions.end(sessions.issue(CODE), CODE)
    assert len(json.loads(path.read_text())) <= 1000
