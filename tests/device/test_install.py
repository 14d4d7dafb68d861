"""install.sh in a clean Debian of this machine's architecture; tests/device/run does more."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import journey
import pytest
from boards import Board
from chroot import HOST_ARCH, NoDebian, changes, debian, unavailable
from device import Device, draw_picture
from journey import SHORT_STEPS

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def device(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Device]:
    if reason := unavailable(HOST_ARCH):
        pytest.skip(f"no clean system to install in: {reason}")
    image = tmp_path_factory.mktemp("device") / "image.png"
    draw_picture(image)
    with ExitStack() as cleanup:
        try:
            system = cleanup.enter_context(debian(HOST_ARCH, "bookworm"))
        except NoDebian as exc:
            pytest.skip(str(exc))
        yield Device(system, image)


@pytest.mark.parametrize("step", SHORT_STEPS, ids=lambda step: step.__name__)
def test_journey(device: Device, step):
    if device.lost:
        pytest.skip(f"needs what {device.lost} did not reach")
    device.lost = step.__name__
    step(device)
    device.lost = ""


def test_the_script_explains_itself():
    script = Path(journey.__file__).with_name("run")
    result = subprocess.run(
        [sys.executable, script, "mips"], capture_output=True, text=True, check=False
    )
    assert result.returncode == 2
    assert result.stderr.startswith("unknown: mips\nInstalls, upgrades, breaks and removes")
    assert os.access(script, os.X_OK)


def test_a_snapshot_tells_what_changed():
    before = {"a": "1", "b": "1", "c": "1"}
    assert changes(before, before) == []
    assert changes(before, {"b": "2", "c": "1", "d": "1"}) == ["- a", "~ b", "+ d"]


def test_a_board_says_what_a_kernel_says():
    board = Board("Pi", "cortex-a72", "0xd08", "fp asimd")
    lines = board.cpuinfo().splitlines()
    assert lines[:3] == ["processor\t: 0", "BogoMIPS\t: 108.00", "Features\t: fp asimd"]
    assert lines.count("CPU part\t: 0xd08") == 2
