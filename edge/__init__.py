"""emotion-edge: the on-device package, from camera to LEDs and phone."""

import time

BEGAN_S = time.monotonic()
"""When Python imported this package, to measure how long a start takes.

The kernel's own start time of the process is no use: install.sh replaces its shell by this program.
"""


def __getattr__(name: str) -> str:
    """Return `__version__`, which is read on demand because reading it is slow."""
    if name != "__version__":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415

    try:
        return version("emotion-edge")
    except PackageNotFoundError:  # run from a checkout that was never installed
        return "0+unknown"
