import threading

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


def test_after_the_end_nothing_is_waited_for() -> None:
    slot: Latest[int] = Latest()
    slot.put(1)
    slot.close()
    assert slot.wait_newer(0, 10) is None
