"""Which message is due when, on a clock that the test moves."""

import json
from collections.abc import Iterator

import pytest
from mqtt_device import plan_of
from watched import report_of

from edge.datatypes import CameraState
from edge.outputs.mqtt.backoff import Backoff
from edge.outputs.mqtt.messages import Extras, Message
from edge.outputs.mqtt.session import Plan, Session

EXTRAS = Extras(shares={"happy": 1.0}, brightness=None, privacy="off")


def session_of(plan: Plan | None = None) -> Session:
    return Session(plan or plan_of(), lambda: EXTRAS, chance=lambda: 0.5)


def due(session: Session, now_s: float) -> list[str]:
    """The last parts of the topics of what is due now."""
    return [message.topic.rpartition("/")[2] for message in messages(session, now_s)]


def messages(session: Session, now_s: float) -> Iterator[Message]:
    while message := session.next_message(now_s):
        yield message


def test_the_announcement_comes_first_and_online_last():
    session = session_of()
    session.tell(report_of(0.0, ("happy",)))
    assert due(session, 100.0) == ["config", "state", "availability"]
    assert due(session, 100.0) == []
    assert session.due_in_s(100.0) == 30.0


def test_nothing_is_online_before_there_is_a_report():
    session = session_of()
    assert due(session, 100.0) == ["config"]
    session.tell(report_of(0.0, ()))
    assert due(session, 100.0) == ["state", "availability"]


def test_changes_wait_a_second_and_a_pause_does_not():
    session = session_of()
    session.tell(report_of(0.0, ()))
    due(session, 100.0)
    session.tell(report_of(0.0, ("happy",)))
    assert due(session, 100.5) == []
    assert session.due_in_s(100.5) == pytest.approx(0.5)
    session.tell(report_of(0.0, ("happy", "sad")))
    (state,) = messages(session, 101.0)
    assert json.loads(state.payload)["faces"] == 2  # only the newest
    session.tell(report_of(0.0, ("happy", "sad"), CameraState.PAUSING))
    assert due(session, 101.1) == ["state"]


def test_the_state_is_repeated_even_if_the_clock_stands_still_or_goes_back():
    session = session_of()
    session.tell(report_of(0.0, ()))
    due(session, 100.0)
    assert due(session, 129.9) == []
    assert due(session, 130.0) == ["state"]
    assert due(session, 130.0) == []
    assert due(session, 5.0) == ["state"]
    assert due(session, 5.0) == []


def test_a_birth_is_answered_after_a_while():
    session = session_of()
    session.tell(report_of(0.0, ()))
    due(session, 100.0)
    session.birth(100.0)
    assert session.due_in_s(100.0) == pytest.approx(1.5)
    assert due(session, 101.4) == []
    assert due(session, 101.5) == ["config", "state"]


def test_pauses_grow_to_a_limit_and_differ_by_chance():
    shortest, longest = (Backoff(2.0, 30.0, lambda part=part: part) for part in (0.0, 1.0))
    assert [shortest.pause_s() for _ in range(6)] == [0.5, 1.0, 2.0, 4.0, 7.5, 7.5]
    assert [longest.pause_s() for _ in range(6)] == [2.0, 4.0, 8.0, 16.0, 30.0, 30.0]
    longest.reset()
    assert longest.pause_s() == 2.0
