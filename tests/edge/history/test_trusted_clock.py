"""When the wall clock is believed."""

from watched import NOON

from edge.history.trusted_clock import TrustedClock


class TestTrustedClock:
    """A step is seen in the monotonic clock."""

    def test_a_clock_that_stands_still_is_never_trusted(self) -> None:
        now = {"monotonic": 0.0}
        clock = TrustedClock(lambda: float(NOON), lambda: now["monotonic"], lambda: True)
        for _ in range(8000):
            now["monotonic"] += 1
            clock.observe()
            assert not clock.is_trusted()

    def test_a_clock_that_a_server_slows_down_has_not_stepped(self) -> None:
        now = {"monotonic": 0.0}
        clock = TrustedClock(
            lambda: NOON + 0.9995 * now["monotonic"], lambda: now["monotonic"], lambda: False
        )
        for _ in range(4 * 3600):
            now["monotonic"] += 1
            assert clock.observe() == 0
        assert clock.is_trusted()

    def test_the_server_is_asked_once_a_minute_until_it_answers(self) -> None:
        now = {"monotonic": 0.0}
        answers = iter([False, False, True])
        asked = []

        def synchronised() -> bool:
            asked.append(now["monotonic"])
            return next(answers)

        clock = TrustedClock(
            lambda: NOON + now["monotonic"], lambda: now["monotonic"], synchronised
        )
        trusted = []
        for _ in range(400):
            now["monotonic"] += 1
            clock.observe()
            trusted.append(clock.is_trusted())
        assert asked == [60, 120, 180]
        assert trusted.index(True) == 179
        assert all(trusted[179:])
