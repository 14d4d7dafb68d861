"""The process' environment: importing changes nothing, and the limit on images takes effect."""

import struct
import subprocess
import sys

MODULES = """
    import os, pkgutil, importlib
    import cv2  # adds to LD_LIBRARY_PATH itself
    before = dict(os.environ)
    import edge
    for module in pkgutil.walk_packages(edge.__path__, "edge."):
        if module.name != "edge.__main__":
            importlib.import_module(module.name)
    print({key: os.environ[key] for key in os.environ if os.environ[key] != before.get(key)})
"""

LARGE = """
    import sys
    from edge.process.entry import limit_images
    limit_images()
    import cv2, numpy
    try:
        cv2.imdecode(numpy.frombuffer(sys.stdin.buffer.read(), numpy.uint8), cv2.IMREAD_COLOR)
    except cv2.error as exc:
        print(exc)
"""


def run(script: str, stdin: bytes = b"") -> str:
    lines = "\n".join(line.removeprefix("    ") for line in script.splitlines())
    done = subprocess.run(
        [sys.executable, "-c", lines], input=stdin, capture_output=True, timeout=120, check=True
    )
    return done.stdout.decode()


def test_importing_the_package_changes_no_environment_variable() -> None:
    assert run(MODULES).strip() == "{}"


def test_opencv_refuses_an_image_over_the_limit_before_it_is_decoded() -> None:
    size = (20_000, 6_000)  # over 100 megapixels, and under OpenCV's own limit
    header = struct.pack("<iiiHHIIiiII", 40, *size, 1, 24, 0, 0, 0, 0, 0, 0)
    bmp = b"BM" + struct.pack("<IHHI", 54, 0, 0, 54) + header
    assert "CV_IO_MAX_IMAGE_PIXELS" in run(LARGE, bmp)
