"""The history's file over clocks that jump: nothing is lost or counted twice."""

import math
import random
from pathlib import Path

import pytest
from watched import (
    DAY_S,
    NOON,
    REPORT,
    TEN_YEARS_S,
    Room,
    rows,
)

from edge.datatypes import Period
from edge.history.history import History


class TestTime:
    """Clocks that jump, stand still or run backwards."""

    def test_random_clocks_give_sorted_periods_of_what_was_asked(
        self, room: Room, path: Path
    ) -> None:
        rng = random.Random(11)  # noqa: S311
        file = room.file(path)
        for _ in range(120):
            room.wall_s = rng.choice(
                [room.wall_s, room.wall_s - 3600, float(NOON), 0.0, room.wall_s + TEN_YEARS_S / 40]
            )
            room.monotonic_s += rng.choice([0.0, 0.0, -500.0, 3600.0, 0.5])
            room.watch(rng.choice([1, 30, 90]), "happy", "sad", fps=1)
            file.show(REPORT)
            for last_s in (600, DAY_S, 7 * DAY_S):
                starts = [m.start_s for m in file.minutes(last_s)]
                assert starts == sorted(set(starts))
                assert all(room.wall_s - last_s < start <= room.wall_s for start in starts)
        found = [*room.history.minutes(1e12), *room.history.steps(1e12)]
        assert all(0 <= period.watched_s < math.inf for period in found)
        assert len(rows(path)) <= 7 * 1440

    @pytest.mark.parametrize("seed", [1, 2, 3])
    def test_no_time_is_lost_or_counted_twice(self, room: Room, path: Path, seed: int) -> None:
        rng = random.Random(seed)  # noqa: S311
        file = room.file(path, synchronised=False)
        steps_s = (0, 0, 0, 90, -90, 3600, -3600, 5000, 2 * DAY_S, -2 * DAY_S)
        watched_s = 0
        room.tell("happy")
        for _ in range(40):
            room.wall_s += rng.choice(steps_s)
            part_s = rng.choice([5, 70, 200])
            room.watch(part_s, "happy", fps=1)
            watched_s += part_s
            chance = rng.random()
            if chance < 0.6:
                file.show(REPORT)
            elif chance < 0.8:
                file.close()
            elif chance < 0.9:
                file.close()
                room.history = History(lambda: room.wall_s)
                file = room.file(path, synchronised=False)
                room.tell("happy")
        file.close()
        assert sum(watched for _, watched, _ in rows(path)) == pytest.approx(watched_s)

    def test_a_camera_that_was_closed_in_between_does_not_bridge_the_gap(self, room: Room) -> None:
        room.tell_seq(1000)
        room.pass_by(0.1)
        room.tell_seq(1001)
        room.pass_by(1.5)  # paused and resumed faster than the output was told
        room.tell_seq(0)
        room.pass_by(0.1)
        room.tell_seq(1)
        (minute,) = room.history.minutes(3600)
        assert minute.watched_s == pytest.approx(0.2)


def test_what_is_settled_is_what_was_written(room: Room) -> None:
    room.tell()
    room.watch(150, "happy", fps=1)
    assert room.history.settled() == []
    room.history.written(room.history.finished())
    assert [m.start_s for m in room.history.settled()] == [NOON, NOON + 60]
    room.history.restore([Period(start_s=NOON + 120, watched_s=7.0, face_s={"sad": 7.0})])
    (rest,) = room.history.settled()[2:]
    assert (rest.watched_s, rest.face_s) == (
        pytest.approx(7),
        {"sad": 7.0, "happy": pytest.approx(0)},
    )
