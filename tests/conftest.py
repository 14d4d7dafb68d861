"""What holds for every test: no settings of the user's own, the slow first, the longest by hand."""

import os
import signal
import tempfile

import pytest

# What the programs under test read, which a machine may have set.
READ = (
    *("EMOTION_EDGE_DEBUG", "EMOTION_CONVERTER_DEBUG", "NOTIFY_SOCKET", "WATCHDOG_USEC"),
    *("WATCHDOG_PID", "STATE_DIRECTORY", "COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR"),
)


def pytest_configure(config: pytest.Config) -> None:
    for name in READ:
        os.environ.pop(name, None)
    # In the background of a shell script SIGINT is ignored, and by what the tests start as well.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    # Access codes and logins of programs that the tests start are not the user's own.
    state = tempfile.TemporaryDirectory(prefix="emotion-edge-tests-", ignore_cleanup_errors=True)
    config.add_cleanup(state.cleanup)
    os.environ["XDG_STATE_HOME"] = state.name


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--by-hand", action="store_true", help="also what is too long for each run")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--by-hand"):
        left_out = [item for item in items if item.get_closest_marker("by_hand")]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if not item.get_closest_marker("by_hand")]
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)
