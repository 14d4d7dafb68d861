"""Whose request is next, and whose connection makes room: without sockets."""

from dataclasses import dataclass

import pytest

from edge.web.server.connection_limit import ConnectionLimit
from edge.web.server.defect_log import quoted
from edge.web.server.fair_queue import FairQueue


@dataclass(frozen=True)
class Member:
    client: str
    number: int = 0


def taken(queue: FairQueue[int]) -> tuple[str, int]:
    turn = queue.take()
    assert turn is not None
    return turn


def test_each_client_is_served_in_turn() -> None:
    queue: FairQueue[int] = FairQueue(9)
    for number in range(3):
        queue.put("many", number)
    queue.put("few", 9)
    assert [taken(queue) for _ in range(4)] == [("many", 0), ("few", 9), ("many", 1), ("many", 2)]


def test_one_client_has_so_many_threads_and_the_next_is_served() -> None:
    queue: FairQueue[int] = FairQueue(2)
    for number in range(4):
        queue.put("a", number)
    assert [taken(queue), taken(queue)] == [("a", 0), ("a", 1)]
    queue.put("b", 9)
    assert taken(queue) == ("b", 9)
    queue.done("a")
    assert taken(queue) == ("a", 2)
    assert queue.close() == [3]
    assert queue.take() is None


def test_known_clients_go_first_and_have_threads_of_their_own() -> None:
    queue: FairQueue[int] = FairQueue(9, {"owner"}, limit_of_unknown=2)
    for stranger in ("a", "b", "c"):
        queue.put(stranger, 1)
    assert [taken(queue)[0], taken(queue)[0]] == ["a", "b"]
    queue.put("owner", 2)
    assert taken(queue) == ("owner", 2)
    queue.put("owner", 3)
    queue.done("a")
    assert [taken(queue)[0], taken(queue)[0]] == ["owner", "c"]


def test_a_client_that_is_served_leaves_nothing_behind() -> None:
    queue: FairQueue[int] = FairQueue(2)
    for number in range(1000):
        queue.put(str(number), number)
        queue.done(taken(queue)[0])
    assert not queue._waiting
    assert not queue._served


def test_a_client_with_half_of_all_displaces_its_own_oldest() -> None:
    limit: ConnectionLimit[Member] = ConnectionLimit(8)
    members = [Member("a", number) for number in range(4)]
    for member in members:
        limit.add(member)
    assert limit.is_full_for("a")
    assert not limit.is_full_for("b")
    assert limit.next_to_close("a") == members[0]
    limit.set_waiting(members[0], False)  # its request is being answered
    assert limit.next_to_close("a") == members[1]


def test_when_all_are_taken_the_client_with_most_makes_room() -> None:
    limit: ConnectionLimit[Member] = ConnectionLimit(4)
    for member in (Member("a"), Member("b", 1), Member("b", 2), Member("c")):
        limit.add(member)
    assert limit.is_full_for("d")
    assert limit.next_to_close("d") == Member("b", 1)
    assert limit.next_to_close() == Member("b", 1)
    for member in tuple(limit):
        limit.set_waiting(member, False)
    assert limit.next_to_close("d") is None
    for member in tuple(limit):
        limit.remove(member)
    assert len(limit) == 0
    assert not limit._of


def test_a_known_client_makes_room_last() -> None:
    limit: ConnectionLimit[Member] = ConnectionLimit(8, {"owner"})
    for member in (Member("owner", 1), Member("owner", 2), Member("a"), Member("b")):
        limit.add(member)
    assert limit.next_to_close("c") == Member("a")
    for stranger in ("a", "b"):
        limit.set_waiting(Member(stranger), False)
    assert limit.next_to_close("c") == Member("owner", 1)


@pytest.mark.parametrize(
    ("text", "logged"),
    [("a\nb\x1b[2J", r"'a\nb\x1b[2J'"), ("ü", r"'\xfc'"), ("x" * 300, f"'{'x' * 200}'...")],
)
def test_a_clients_text_is_logged_escaped(text: str, logged: str) -> None:
    assert quoted(text) == logged
