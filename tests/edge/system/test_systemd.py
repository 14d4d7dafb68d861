"""The unit file as systemd's own tools judge it, and against what the program promises."""

import configparser
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from edge.config import load_config

UNIT = Path(__file__).parents[3] / "systemd" / "emotion-edge.service"
MOST_EXPOSED = 3.0


@pytest.fixture(scope="module")
def analyze() -> str:
    found = shutil.which("systemd-analyze")
    if not found:
        pytest.skip("systemd-analyze is not installed (apt install systemd)")
    return found


def setting(name: str) -> str:
    parser = configparser.ConfigParser(strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(UNIT)
    return parser["Service"][name]


def test_systemd_has_nothing_to_say_about_it(analyze: str, tmp_path: Path):
    # The program is not installed here; that it exists is install.sh's business.
    unit = tmp_path / UNIT.name
    unit.write_text(re.sub(r"(?m)^ExecStart=\S+", "ExecStart=/bin/true", UNIT.read_text()))
    result = subprocess.run(
        [analyze, "verify", "--man=no", unit], capture_output=True, text=True, check=False
    )
    ours = [line for line in result.stderr.splitlines() if UNIT.stem in line]
    assert ours == []
    assert result.returncode == 0, result.stderr


def test_it_is_exposed_no_more_than_it_must_be(analyze: str):
    result = subprocess.run(
        [analyze, "security", "--offline=yes", UNIT], capture_output=True, text=True, check=True
    )
    print(result.stdout.splitlines()[-1])
    (exposure,) = re.findall(r"Overall exposure level for \S+: ([\d.]+)", result.stdout)
    assert float(exposure) <= MOST_EXPOSED


def test_the_watchdog_leaves_a_stalled_camera_its_time():
    assert float(setting("WatchdogSec")) > load_config().camera.give_up_s


def test_wrong_settings_are_not_tried_again():
    from edge.errors import UsageError

    assert setting("RestartPreventExitStatus") == str(UsageError.exit_code)
