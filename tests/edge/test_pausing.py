"""Who pauses the camera, until when, and what survives a restart. The clock is the test's."""

import random
import threading
from datetime import datetime
from pathlib import Path

import pytest

from edge.config import ScheduleConfig
from edge.datatypes import BY_PERSON, Pause
from edge.kept_pause import KeptPause
from edge.pausing import Pausing

NIGHT = ScheduleConfig(pause_from="22:00", pause_until="07:00", keep_pause=False)
NEVER = ScheduleConfig(pause_from="none", pause_until="none", keep_pause=False)
KEEPING = ScheduleConfig(pause_from="none", pause_until="none", keep_pause=True)
UNTIL_7 = Pause(by="schedule", until="07:00")
NO_CLOCK = Pause(by="clock")


class Camera:
    """A camera that obeys the service's rules, and remembers what was asked of it."""

    def __init__(self) -> None:
        self.reason: Pause | None = None
        self.asked: list[Pause | None] = []

    def pause(self, reason: Pause) -> None:
        self.reason = reason
        self.asked.append(reason)

    def resume(self) -> None:
        self.reason = None
        self.asked.append(None)


class Room:
    """A device with a clock on the wall."""

    def __init__(self, config: ScheduleConfig = NIGHT, folder: Path | None = None) -> None:
        self.camera = Camera()
        self.now: datetime | None = None
        self.pausing = Pausing(self.camera, lambda: self.now, config, KeptPause(folder))

    def at(self, text: str | None, day: int = 10) -> Pause | None:
        """Return the pause in force at a time; None: the time is not known."""
        self.now = text and datetime.fromisoformat(f"2026-06-{day}T{text}")  # type: ignore[assignment]
        self.pausing.look()
        return self.camera.reason


def test_the_schedule_closes_and_opens_every_day():
    room = Room()
    for day in (10, 11, 12):
        assert room.at("21:59", day) is None
        assert room.at("22:00", day) == UNTIL_7
        assert room.at("03:00", day + 1) == UNTIL_7
        assert room.at("07:00", day + 1) is None
    assert room.camera.asked == [UNTIL_7, None] * 3


def test_without_a_schedule_the_clock_does_not_matter():
    room = Room(NEVER)
    assert room.at(None) is None
    assert room.at("23:00") is None
    assert room.camera.asked == []


def test_a_person_resumes_within_the_window_until_the_next_one():
    room = Room()
    assert room.at("23:00") == UNTIL_7
    room.pausing.resume()
    assert room.camera.reason is None
    assert room.at("23:59") is None
    assert room.at("06:59", 11) is None
    assert room.at("07:00", 11) is None
    assert room.at("22:00", 11) == UNTIL_7


def test_a_resume_lasts_for_one_window_also_if_no_time_between_two_was_seen():
    room = Room()
    room.at("23:00")
    room.pausing.resume()
    assert room.at("23:00", 11) == UNTIL_7  # the clock has jumped by a day


def test_a_person_s_pause_ends_by_a_person_only():
    room = Room()
    room.at("21:00")
    room.pausing.pause()
    assert room.at("23:00") == BY_PERSON
    assert room.at("08:00", 11) == BY_PERSON
    room.pausing.resume()
    assert room.camera.reason is None
    assert room.at("22:00", 11) == UNTIL_7


def test_a_pause_after_a_resume_in_the_window_is_a_person_s():
    room = Room()
    room.at("23:00")
    room.pausing.resume()
    room.pausing.pause()
    assert room.at("08:00", 11) == BY_PERSON


def test_the_button_turns_a_scheduled_pause_round():
    room = Room()
    room.at("23:00")
    room.pausing.toggle()
    assert room.camera.reason is None
    room.pausing.toggle()
    assert room.camera.reason == BY_PERSON
    room.pausing.toggle()
    assert room.camera.reason is None


def test_while_the_time_is_not_known_the_camera_is_closed():
    room = Room()
    assert room.at(None) == NO_CLOCK
    assert room.at("12:00") is None
    assert room.at(None) == NO_CLOCK  # a step that nothing confirms
    assert room.at("23:00") == UNTIL_7


def test_a_person_resumes_without_a_clock_and_the_device_does_not_object_later():
    room = Room()
    room.at(None)
    room.pausing.resume()
    assert room.at(None) is None
    assert room.at("23:00") is None  # a time server has set the clock, within the window
    assert room.at("07:00", 11) is None
    assert room.at("22:00", 11) == UNTIL_7


def test_a_clock_that_is_lost_again_closes_the_camera_that_a_person_opened():
    room = Room()
    room.at("23:00")
    room.pausing.resume()
    assert room.at(None) == NO_CLOCK


def test_a_clock_that_fails_counts_as_not_known(caplog: pytest.LogCaptureFixture):
    def fails() -> datetime:
        raise OSError("no clock")

    camera = Camera()
    pausing = Pausing(camera, fails, NIGHT, KeptPause(None))
    pausing.look()
    assert camera.reason == NO_CLOCK
    assert "the clock cannot be read" in caplog.text


def test_a_person_s_pause_does_not_wait_for_a_clock_that_hangs():
    is_asked, may_answer = threading.Event(), threading.Event()

    def hangs() -> None:
        is_asked.set()
        assert may_answer.wait(20)

    camera = Camera()
    pausing = Pausing(camera, hangs, NIGHT, KeptPause(None))
    looking = threading.Thread(target=pausing.look)
    looking.start()
    assert is_asked.wait(10)
    pausing.pause()  # would hang, too
    assert camera.reason == BY_PERSON
    may_answer.set()
    looking.join(10)
    assert not looking.is_alive()
    assert camera.reason == BY_PERSON


def test_another_schedule_counts_at_once_and_the_thread_wakes():
    room = Room(NEVER)
    room.at("12:30")
    thread = threading.Thread(target=room.pausing.run)
    thread.start()
    noon = ScheduleConfig(pause_from="12:00", pause_until="13:00", keep_pause=False)
    room.pausing.configure(noon)
    assert room.camera.reason == Pause(by="schedule", until="13:00")
    room.pausing.resume()
    later = ScheduleConfig(pause_from="12:00", pause_until="14:00", keep_pause=False)
    room.pausing.configure(later)
    assert room.camera.reason == Pause(by="schedule", until="14:00")
    room.now = datetime.fromisoformat("2026-06-10T14:00")
    deadline = threading.Event()
    while room.camera.reason is not None:
        assert not deadline.wait(0.01)
    room.pausing.configure(NEVER)
    room.pausing.close()
    thread.join(10)
    assert not thread.is_alive()


def test_whatever_happens_the_camera_is_open_only_by_permission():
    """A random day: it is closed in the window, or without a clock, unless a person resumed."""
    chance = random.Random(1)  # noqa: S311 (a seed, so that a failure can be repeated)
    for _ in range(300):
        room, by_person, resumed = Room(), False, False
        for _ in range(30):
            time = chance.choice([None, "12:00", "22:30", "03:00"])
            room.at(time, 10 if time != "03:00" else 11)
            act = chance.choice(["", "", "pause", "resume"])
            if act:
                getattr(room.pausing, act)()
                by_person, resumed = act == "pause", act == "resume"
            if time == "12:00":
                resumed = False
            may_be_open = not by_person and (time == "12:00" or resumed)
            assert may_be_open or room.camera.reason is not None
            if by_person:
                assert room.camera.reason == BY_PERSON


@pytest.mark.parametrize("config", [KEEPING, NEVER])
def test_a_pause_survives_a_restart_when_asked_to(tmp_path: Path, config: ScheduleConfig):
    Room(config, tmp_path).pausing.pause()
    again = Room(config, tmp_path)
    assert again.at("12:00") == (BY_PERSON if config.keep_pause else None)
    again.pausing.toggle()
    again.pausing.resume()
    assert Room(config, tmp_path).at("12:00") is None


def test_keeping_begins_with_the_setting_and_ends_with_it(tmp_path: Path):
    room = Room(NEVER, tmp_path)
    room.pausing.pause()
    room.pausing.configure(KEEPING)
    assert Room(KEEPING, tmp_path).at("12:00") == BY_PERSON
    assert Room(NEVER, tmp_path).at("12:00") is None  # and what was kept is forgotten
    assert Room(KEEPING, tmp_path).at("12:00") is None


def test_a_scheduled_pause_is_not_kept_as_a_person_s(tmp_path: Path):
    config = ScheduleConfig(pause_from="22:00", pause_until="07:00", keep_pause=True)
    assert Room(config, tmp_path).at("23:00") == UNTIL_7
    assert Room(config, tmp_path).at("12:00", 11) is None


def test_a_resume_within_the_window_ends_with_a_restart(tmp_path: Path):
    room = Room(NIGHT, tmp_path)
    room.at("23:00")
    room.pausing.resume()
    assert Room(NIGHT, tmp_path).at("23:30") == UNTIL_7


def test_a_kept_pause_that_cannot_be_read_is_a_pause(tmp_path: Path):
    (tmp_path / "paused").mkdir()
    assert Room(KEEPING, tmp_path).at("12:00") == BY_PERSON
    (tmp_path / "paused").rmdir()
    (tmp_path / "paused").write_bytes(b"\xff\0")
    assert Room(KEEPING, tmp_path).at("12:00") == BY_PERSON


def test_a_full_disk_does_not_stop_a_pause(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    (tmp_path / "state").write_text("a file in the folder's place")
    room = Room(KEEPING, tmp_path / "state")
    room.pausing.resume()
    room.pausing.pause()
    assert room.camera.reason == BY_PERSON
    assert "the next start will not know" in caplog.text
