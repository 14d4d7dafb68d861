import threading
import time

from edge.latest import Latest


def test_a_slow_reader_gets_the_newest_and_never_the_same_twice() -> None:
    slot: Latest[str] = Latest()
    for value in "abc":
        slot.put(value)
    assert slot.wait_newer(0, 0) == (3, "c")
    assert slot.wait_newer(3, 0.01) is None
    assert slot.get() == "c"


def test_a_waiting_reader_wakes_for_a_value_and_for_the_end() -> None:
    slot: Latest[int] = Latest()
    threading.Timer(0.05, slot.put, [7]).start()
    assert slot.wait_newer(0, 10) == (1, 7)
    threading.Timer(0.05, slot.close).start()
    assert slot.wait_newer(1, 10) is None
    assert slot.closed


def test_what_is_cleared_is_gone_and_not_waited_for_as_if_it_were_there() -> None:
    slot: Latest[int] = Latest()
    gone: list[int | None] = []
    slot.when_cleared(lambda: gone.append(slot.get()))
    slot.put(7)
    slot.clear()
    assert (slot.get(), gone) == (None, [None])
    started_s = time.monotonic()
    assert slot.wait_newer(0, 0.1) is None
    assert time.monotonic() - started_s >= 0.09
    slot.put(8)
    assert slot.wait_newer(1, 1) == (2, 8)


def test_after_the_end_nothing_is_waited_for() -> None:
    slot: Latest[int] = Latest()
    slot.put(1)
    slot.close()
    slot.put(2)
    assert slot.get() is None
    assert slot.wait_newer(0, 10) is None


def test_listeners_are_called_after_each_value_and_at_the_end() -> None:
    slot: Latest[int] = Latest()
    heard: list[tuple[int | None, bool]] = []
    slot.when_changed(lambda: heard.append((slot.get(), slot.closed)))
    slot.put(1)
    slot.put(2)
    slot.clear()
    slot.close()
    slot.put(3)  # not kept, so nothing has changed
    assert heard == [(1, False), (2, False), (None, True)]
