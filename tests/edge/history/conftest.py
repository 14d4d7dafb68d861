"""A room, the path of its history's file, and an end for every file that is opened."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from watched import (
    Room,
)

from edge.errors import OutputError
from edge.history.recorder import HistoryFile


@pytest.fixture
def room() -> Room:
    return Room()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "history.sqlite3"


@pytest.fixture(autouse=True)
def files(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[HistoryFile]]:
    """The files that a room opens, closed at the end."""
    opened: list[HistoryFile] = []
    make = Room.file

    def file(self: Room, path: Path, **settings: Any) -> HistoryFile:
        opened.append(make(self, path, **settings))
        return opened[-1]

    monkeypatch.setattr(Room, "file", file)
    yield opened
    for one in opened:
        with contextlib.suppress(OutputError):
            one.close()
