"""Which minutes the history's file deletes, and when."""

from itertools import pairwise
from pathlib import Path

import pytest
from watched import DAY_S, NOON, REPORT, TEN_YEARS_S, Room, be_told, fill, minutes_before, rows


class TestExpiry:
    """What is older than `days` is deleted, by a clock that can be trusted."""

    def test_fewer_days_delete_the_rest_within_minutes_even_while_paused(
        self, room: Room, path: Path
    ) -> None:
        fill(path, *minutes_before(NOON, 40 * 1440))
        size = path.stat().st_size
        file = room.file(path, days=7)
        be_told(room, file, 120)
        starts = [start for start, _, _ in rows(path)]
        assert len(starts) <= 7 * 1440
        assert starts[0] >= room.wall_s - 7 * DAY_S - 120
        assert starts[-1] == NOON - 60
        assert path.stat().st_size < size / 4  # the disk has its space back

    def test_each_deletion_is_a_small_transaction(self, room: Room, path: Path) -> None:
        fill(path, *minutes_before(NOON - 30 * DAY_S, 1200), *minutes_before(NOON, 100))
        file = room.file(path, days=7)
        be_told(room, file, 59)
        counts = [len(rows(path))]
        for _ in range(40):
            be_told(room, file, 0.2)
            counts.append(len(rows(path)))
        steps = [before - after for before, after in pairwise(counts)]
        assert counts[-1] == 100
        assert max(steps) <= 500

    def test_a_clock_that_no_server_set_is_trusted_after_an_even_hour(
        self, room: Room, path: Path
    ) -> None:
        fill(path, NOON - 30 * DAY_S, NOON - 60)
        file = room.file(path, synchronised=False)
        be_told(room, file, 60)
        assert len(rows(path)) == 2
        for _ in range(62):
            room.pass_by(59)
            be_told(room, file, 1)
        assert [start for start, _, _ in rows(path)] == [NOON - 60]

    @pytest.mark.parametrize("synchronised", [True, False])
    def test_a_leap_of_half_an_hour_by_ten_years_costs_nothing(
        self, room: Room, path: Path, synchronised: bool
    ) -> None:
        fill(path, *minutes_before(NOON, 3000))
        file = room.file(path, synchronised=synchronised)
        be_told(room, file, 10)
        room.wall_s += TEN_YEARS_S
        for _ in range(60):
            room.pass_by(29)
            be_told(room, file, 1)
        room.wall_s -= TEN_YEARS_S
        be_told(room, file, 10)
        assert len(rows(path)) == 3000

    def test_minutes_from_a_future_that_was_none_hide_nothing_and_go(
        self, room: Room, path: Path
    ) -> None:
        room.wall_s += TEN_YEARS_S
        room.tell()
        ahead = room.file(path)
        room.watch(130, "sad")
        ahead.show(REPORT)
        room.wall_s -= TEN_YEARS_S
        room.watch(130, "happy")
        ahead.show(REPORT)
        assert [max(m.face_s) for m in ahead.minutes(7 * DAY_S)] == ["happy"] * 3
        for _ in range(62):
            room.pass_by(59)
            be_told(room, ahead, 1)
        assert [start - NOON for start, _, _ in rows(path)][-1] < 3600

    def test_a_clock_at_1970_deletes_nothing(self, room: Room, path: Path) -> None:
        fill(path, *minutes_before(NOON, 100))
        room.wall_s = 0.0
        file = room.file(path)
        for _ in range(130):
            room.pass_by(59)
            be_told(room, file, 1)
        assert len(rows(path)) == 100

    def test_the_last_day_is_known_once_the_clock_is_right(self, room: Room, path: Path) -> None:
        fill(path, *minutes_before(NOON, 100))
        room.wall_s = 0.0
        file = room.file(path)
        be_told(room, file, 5)
        room.wall_s = float(NOON)
        be_told(room, file, 1)
        assert len(list(file.minutes(2 * 3600))) == 100

    def test_more_rows_than_the_days_have_minutes_go_whatever_the_clock_says(
        self, room: Room, path: Path
    ) -> None:
        fill(path, *minutes_before(NOON, 1440 + 700))
        room.wall_s = 0.0
        be_told(room, room.file(path, days=1, synchronised=False), 5)
        assert [start for start, _, _ in rows(path)] == list(minutes_before(NOON, 1440))
