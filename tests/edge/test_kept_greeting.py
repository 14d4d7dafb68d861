"""The page greets its owner once, whatever becomes of the state folder."""

import logging
from pathlib import Path

import pytest

from edge.kept_greeting import KeptGreeting


def test_it_ends_at_once_and_for_ever(tmp_path: Path) -> None:
    folder = tmp_path / "made" / "later"
    greeting = KeptGreeting(folder)
    assert greeting.is_due
    assert greeting.finish()
    assert not greeting.is_due
    assert not KeptGreeting(folder).is_due
    assert greeting.finish()  # a second phone


def test_without_a_state_folder_it_ends_until_the_restart() -> None:
    greeting = KeptGreeting(None)
    assert greeting.is_due
    assert not greeting.finish()
    assert not greeting.is_due


def test_what_cannot_be_kept_is_logged_and_ends_it_until_the_restart(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "state"
    greeting = KeptGreeting(folder)
    folder.write_text("a file in the folder's place")
    with caplog.at_level(logging.WARNING):
        assert not greeting.finish()
    assert not greeting.is_due
    assert "the page will greet again after a restart" in caplog.text
    assert "a file is in its place" in caplog.text


def test_what_cannot_be_read_does_not_greet(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "first-minute-done").mkdir()
    with caplog.at_level(logging.WARNING):
        assert not KeptGreeting(tmp_path).is_due
    assert "remove the folder that is in its place" in caplog.text


def test_a_file_that_a_power_cut_left_empty_greets_again(tmp_path: Path) -> None:
    (tmp_path / "first-minute-done").touch()
    assert KeptGreeting(tmp_path).is_due
