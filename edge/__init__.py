"""emotion-edge: the on-device package, from camera to LEDs and phone."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("emotion-edge")
except PackageNotFoundError:  # run from a checkout that was never installed
    __version__ = "0+unknown"
