"""Whose request is next, and whose connection makes room: without sockets."""

from dataclasses import dataclass

import pytest

from edge.web.server.connection_limit import Crowd
from edge.web.server.defect_log import quoted
from edge.web.server.fair_queue import Turns


@dataclass(frozen=True)
class Member:
    client: str
    number: int = 0


def taken(turns: Turns[int]) -> tuple[str, int]:
    turn = turns.take()
    assert turn is not None
    return turn


def test_each_client_is_served_in_turn() -> None:
    turns: Turns[int] = Turns(9)
    for number in range(3):
        turns.put("many", number)
    turns.put("few", 9)
    assert [taken(turns) for _ in range(4)] == [("many", 0), ("few", 9), ("many", 1), ("many", 2)]


def test_one_client_has_so_many_threads_and_the_next_is_served() -> None:
    turns: Turns[int] = Turns(2)
    for number in range(4):
        turns.put("a", number)
    assert [taken(turns), taken(turns)] == [("a", 0), ("a", 1)]
    turns.put("b", 9)
    assert taken(turns) == ("b", 9)
    turns.done("a")
    assert taken(turns) == ("a", 2)
    assert turns.close() == [3]
    assert turns.take() is None


def test_a_client_that_is_served_leaves_nothing_behind() -> None:
    turns: Turns[int] = Turns(2)
    for number in range(1000):
        turns.put(str(number), number)
        turns.done(taken(turns)[0])
    assert not turns._waiting
    assert not turns._served


def test_a_client_with_half_of_all_displaces_its_own_oldest() -> None:
    crowd: Crowd[Member] = Crowd(8)
    members = [Member("a", number) for number in range(4)]
    for member in members:
        crowd.add(member)
    assert crowd.is_full_for("a")
    assert not crowd.is_full_for("b")
    assert crowd.to_make_room("a") == members[0]
    crowd.set_waiting(members[0], False)  # its request is being answered
    assert crowd.to_make_room("a") == members[1]


def test_when_all_are_taken_the_client_with_most_makes_room() -> None:
    crowd: Crowd[Member] = Crowd(4)
    for member in (Member("a"), Member("b", 1), Member("b", 2), Member("c")):
        crowd.add(member)
    assert crowd.is_full_for("d")
    assert crowd.to_make_room("d") == Member("b", 1)
    assert crowd.to_make_room() == Member("b", 1)
    for member in tuple(crowd):
        crowd.set_waiting(member, False)
    assert crowd.to_make_room("d") is None
    for member in tuple(crowd):
        crowd.remove(member)
    assert len(crowd) == 0
    assert not crowd._of


@pytest.mark.parametrize(
    ("text", "logged"),
    [("a\nb\x1b[2J", r"'a\nb\x1b[2J'"), ("ü", r"'\xfc'"), ("x" * 300, f"'{'x' * 200}'...")],
)
def test_a_clients_text_is_logged_escaped(text: str, logged: str) -> None:
    assert quoted(text) == logged
