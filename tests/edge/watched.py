"""A room that a history is told about, on clocks that a test moves."""

import sqlite3
from dataclasses import replace
from pathlib import Path

from edge.datatypes import BBox, CameraState, FaceState, Health, Report, Snapshot
from edge.history.history import History
from edge.history.recorder import HistoryFile

NOON = 1_800_000_000 // 60 * 60  # a wall-clock minute's start
DAY_S = 24 * 3600
TEN_YEARS_S = 3650 * DAY_S


class Room:
    """A camera, two clocks, and the history that is told what the camera sees."""

    def __init__(self, history: History | None = None) -> None:
        self.monotonic_s = 500.0
        self.wall_s = float(NOON)
        self.history = history or History(lambda: self.wall_s)

    def watch(self, seconds: float, *labels: str | None, fps: float = 10) -> None:
        for _ in range(round(seconds * fps)):
            self.monotonic_s += 1 / fps
            self.wall_s += 1 / fps
            self.tell(*labels)

    def tell(self, *labels: str | None, camera: CameraState = CameraState.LIVE) -> None:
        self.history.show(report_of(self.monotonic_s, labels, camera))

    def tell_seq(self, seq: int) -> None:
        """Tell of a frame with this number, which each camera counts from 0."""
        report = report_of(self.monotonic_s, ())
        assert report.snapshot
        self.history.show(replace(report, snapshot=replace(report.snapshot, seq=seq)))

    def pass_by(self, seconds: float) -> None:
        self.monotonic_s += seconds
        self.wall_s += seconds

    def started_again(self, path: Path) -> HistoryFile:
        """Return a file opened again for a history that has nothing in memory."""
        self.history = History(lambda: self.wall_s)
        return self.file(path)

    def file(self, path: Path, *, days: int = 7, synchronised: bool = True) -> HistoryFile:
        """Return a file for the history, on the room's clocks."""
        return HistoryFile(
            path,
            self.history,
            days=days,
            clock=lambda: self.wall_s,
            monotonic=lambda: self.monotonic_s,
            synchronised=lambda: synchronised,
        )


def report_of(
    at_s: float, labels: tuple[str | None, ...], camera: CameraState = CameraState.LIVE
) -> Report:
    faces = tuple(
        FaceState(track_id=i, box=BBox(0, 0, 9, 9), label=label, confidence=0.9, probs={})
        for i, label in enumerate(labels)
    )
    snapshot = Snapshot(seq=1, captured_at_s=at_s, faces=faces, dominant=None, stage_ms={})
    health = Health(camera=camera, detail="", source="t", fps=1.0, age_s=0.1, uptime_s=1.0)
    return Report(snapshot=snapshot, health=health)


REPORT = report_of(0.0, ())


def rows(path: Path) -> list[tuple[int, float, str]]:
    with sqlite3.connect(path) as db:
        found = db.execute("SELECT * FROM minutes ORDER BY start_s").fetchall()
    db.close()
    return found


def fill(path: Path, *starts: int, face_s: str = '{"happy": 30.0}') -> None:
    """Write rows as an earlier run of the device has."""
    history = History(lambda: float(NOON))
    file = HistoryFile(path, history, days=90, clock=lambda: float(NOON))
    file.show(REPORT)
    file.close()
    with sqlite3.connect(path) as db:
        db.executemany("INSERT INTO minutes VALUES (?, 60.0, ?)", ((s, face_s) for s in starts))
    db.close()


def minutes_before(end_s: int, count: int) -> range:
    return range(end_s - 60 * count, end_s, 60)


def be_told(
    room: Room, file: HistoryFile, seconds: float, camera: CameraState = CameraState.PAUSED
) -> None:
    """Let time pass with a report each 0.2 s, as a paused device's."""
    for _ in range(round(seconds * 5)):
        room.pass_by(0.2)
        room.tell(camera=camera)
        file.show(REPORT)


def watch_and_write(room: Room, file: HistoryFile, seconds: float, label: str = "happy") -> None:
    room.tell(label)
    room.watch(seconds, label, fps=1)
    file.show(REPORT)
