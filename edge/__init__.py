"""emotion-edge: the on-device package, from camera to LEDs and phone."""

import os
from importlib.metadata import PackageNotFoundError, version

# Read by OpenCV when it loads: a picture that claims to be larger is refused before memory is
# taken for it.
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", "100000000")

try:
    __version__ = version("emotion-edge")
except PackageNotFoundError:  # run from a checkout that was never installed
    __version__ = "0+unknown"
