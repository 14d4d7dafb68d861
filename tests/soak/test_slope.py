"""The soak's estimator on series whose slope is known."""

import numpy as np
import pytest
from slope import Series, slope_of

HOUR_S = 3600.0
LEAK_MB_PER_HOUR = 42.0  # 0.7 MB a minute, which a device once had


def memory(minutes: float, leak_mb_per_hour: float, seed: int, rho: float = 0.98) -> Series:
    """Return a value each second: noise of 1 MB that fades in about a minute, and a leak."""
    rng = np.random.default_rng(seed)
    count = round(minutes * 60)
    noise = np.empty(count)
    noise[0] = rng.normal()
    for at in range(1, count):
        noise[at] = rho * noise[at - 1] + (1 - rho**2) ** 0.5 * rng.normal()
    return 90 + noise + leak_mb_per_hour * hours(count)


def hours(count: int) -> Series:
    return np.arange(count) / HOUR_S


@pytest.mark.parametrize("seed", range(5))
def test_the_leak_that_a_device_had_is_found_in_twenty_minutes(seed: int) -> None:
    series = memory(20, LEAK_MB_PER_HOUR, seed)
    found = slope_of(hours(len(series)), series)
    assert 0 < found.low < LEAK_MB_PER_HOUR < found.high


def test_a_leak_in_steps_is_found() -> None:
    """Memory is taken from the system in pieces, not byte by byte."""
    series = np.floor(memory(50, LEAK_MB_PER_HOUR / 10, 1, rho=0.9) / 2) * 2
    found = slope_of(hours(len(series)), series)
    assert found.low > 0
    assert found.value == pytest.approx(LEAK_MB_PER_HOUR / 10, rel=0.2)


@pytest.mark.parametrize("rho", [0.0, 0.9, 0.98])
def test_chance_is_rarely_taken_for_growth(rho: float) -> None:
    """Of intervals of 95%, more than nine in ten hold the truth, also if values depend."""
    held = 0
    for seed in range(200):
        series = memory(25, 0.0, seed, rho)
        found = slope_of(hours(len(series)), series)
        held += found.low <= 0 <= found.high
    assert held >= 180


def test_an_interval_for_independent_values_would_be_too_narrow() -> None:
    """Shows that the case above is one: the plain interval holds the truth in a third of it."""
    held = 0
    for seed in range(200):
        series = memory(25, 0.0, seed)
        times = hours(len(series))
        (slope, _), covariance = np.polyfit(times, series, 1, cov=True)
        held += abs(slope) <= 1.96 * covariance[0, 0] ** 0.5
    assert held < 100


def test_a_constant_has_no_slope() -> None:
    found = slope_of(hours(100), np.full(100, 90.0))
    assert [found.value, found.low, found.high] == pytest.approx([0, 0, 0], abs=1e-9)


def test_a_short_series_is_refused() -> None:
    with pytest.raises(ValueError, match="15 values at 15 times: expected 16"):
        slope_of(hours(15), np.ones(15))
