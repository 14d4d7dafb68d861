"""emotion-edge: the on-device package, from camera to LEDs and phone."""

import os
import time

BEGAN_S = time.monotonic()
"""When Python came to this package, for telling how long a start took.

The kernel's own time is that of the process, which may have been a shell before: install.sh is.
"""

# Read by OpenCV when it loads: a picture that claims to be larger is refused before memory is
# taken for it.
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", "100000000")


def __getattr__(name: str) -> str:
    """Return `__version__`, which takes longer to find than all else here, when it is asked for."""
    if name != "__version__":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415

    try:
        return version("emotion-edge")
    except PackageNotFoundError:  # run from a checkout that was never installed
        return "0+unknown"
