"""The limits on guessing, under noisy machines and floods."""

import pytest
from gated import Clock

from edge.web.auth.rate_limit import RateLimit, plain_address


def networks(count: int) -> list[str]:
    """Return an address in each of `count` different IPv6 /48s."""
    return [f"2001:{number >> 16:x}:{number & 0xFFFF:x}:1::1" for number in range(count)]


def tries(rate_limit: RateLimit, address: str, *, trusted: bool = False) -> bool:
    """Make one wrong try if it is permitted; whether it was."""
    if rate_limit.wait_s(address, trusted=trusted):
        return False
    rate_limit.note_wrong(address)
    return True


@pytest.mark.parametrize(
    "noisy",
    [
        [f"10.0.0.{host}" for host in range(6)],
        [f"192.168.1.{host}" for host in range(250)],
        ["2001:db8::1"],  # one machine with an old code, in the /64 of the household
        [f"fe80::{host:x}%wlan0" for host in range(1, 7)],
        [f"2001:db8:0:{site:x}::1" for site in range(1000)],  # one customer's /48
    ],
)
def test_an_address_without_wrong_tries_is_let_through(noisy: list[str]) -> None:
    clock = Clock()
    rate_limit = RateLimit(clock)
    for _ in range(12):  # two minutes
        for address in 12 * noisy if len(noisy) < 100 else noisy:
            tries(rate_limit, address)
        clock.now_s += 10
        for clean in ("192.168.2.9", "2001:db8:5::9", "fe80::9:9", "2a02:1:2:3::4"):
            assert rate_limit.wait_s(clean) == 0


def test_a_person_in_a_noisy_64_may_mistype_the_code() -> None:
    rate_limit = RateLimit(Clock())
    assert sum(tries(rate_limit, "2001:db8::1") for _ in range(20)) == 10
    assert sum(tries(rate_limit, "2001:db8::2") for _ in range(20)) == 10
    assert tries(rate_limit, "2001:db8::3")
    assert not tries(rate_limit, "2001:db8::3")


@pytest.mark.parametrize(
    ("addresses", "most"),
    [
        (["10.0.0.1"], 10),
        ([f"10.0.{host >> 8}.{host & 255}" for host in range(500)], 550),
        ([f"2001:db8::{host:x}" for host in range(1, 300)], 60),
        ([f"2001:db8:0:{site:x}::1" for site in range(700)], 300),
        (networks(1300), 1000),
    ],
)
def test_wrong_tries_a_minute(addresses: list[str], most: int) -> None:
    rate_limit = RateLimit(Clock())
    made = sum(tries(rate_limit, address) for _ in range(12) for address in addresses)
    assert 0.9 * most <= made <= most


def test_a_flood_is_remembered_within_bounds_and_resets_no_count() -> None:
    clock = Clock()
    rate_limit = RateLimit(clock)
    assert sum(tries(rate_limit, "10.0.0.1") for _ in range(20)) == 10
    for address in networks(5000):
        tries(rate_limit, address)
        clock.now_s += 1 / 256
    assert rate_limit.wait_s("10.0.0.1", trusted=True) == 41  # 60 - 5000 / 256, rounded up
    assert len(rate_limit._wrong) <= 1000
    clock.now_s += 60
    assert rate_limit.wait_s("10.0.0.1") == 0
    assert len(rate_limit._wrong) == 0


def test_in_a_flood_those_admitted_before_count_for_themselves() -> None:
    rate_limit = RateLimit(Clock())
    for address in networks(1100):
        tries(rate_limit, address)
    assert rate_limit.wait_s("10.0.0.1") > 0
    assert rate_limit.wait_s("10.0.0.1", trusted=True) == 0
    assert sum(tries(rate_limit, "10.0.0.1", trusted=True) for _ in range(20)) == 10


def test_counting_stays_cheap_and_forgets_all_networks() -> None:
    clock = Clock()
    rate_limit = RateLimit(clock)
    for address in networks(900):
        tries(rate_limit, address)
    clock.now_s += 61
    rate_limit.wait_s("10.0.0.1")
    assert not rate_limit._times


def test_one_address_is_written_in_many_ways() -> None:
    assert plain_address("192.168.1.2") == plain_address("::ffff:192.168.1.2") == "192.168.1.2"
    assert plain_address("fe80::1%eth0") == plain_address("FE80:0::1")
    assert plain_address("2001:db8::1") != plain_address("2001:db8::2")
    assert plain_address("") == plain_address("not an address")
