"""How long the fuzzing is: short and the same in every run, or long and random with --long."""

from __future__ import annotations

import logging
import resource
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

MOST_GROWTH_MB = 1000  # of the memory's peak in a module; 100 megapixels need 300 MB, and twice
_SLOW = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture)

settings.register_profile(
    "short",
    max_examples=25,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=_SLOW,
)
settings.register_profile(
    "long", max_examples=1000, database=None, deadline=None, suppress_health_check=_SLOW
)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="fuzz for long, with random seeds")


def pytest_configure(config: pytest.Config) -> None:
    settings.load_profile("long" if config.getoption("--long", default=False) else "short")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--long", default=False):
        for item in items:
            item.add_marker(pytest.mark.timeout(3600))


@pytest.fixture(autouse=True, scope="module")
def bounded_memory() -> Iterator[None]:
    """Fail a module that allocated without a bound."""
    before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    grown_mb = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb) / 1024
    assert grown_mb < MOST_GROWTH_MB


@pytest.fixture
def quiet_log(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Fail a test in which an input put a traceback or a control character into the log."""
    yield
    for record in caplog.get_records("call"):
        assert record.exc_info is None
        assert record.levelno < logging.ERROR
        assert record.getMessage().isprintable()
