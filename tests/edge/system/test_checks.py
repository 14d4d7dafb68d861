"""Each check of the doctor on a root of files, with commands that answer as told."""

from functools import partial
from pathlib import Path

import pytest
from findings import FAIL, PASS, WARN, verdict
from pi_files import Machine

from edge.config import load_config
from edge.system import checks
from edge.system.diagnostics import Verdict


@pytest.fixture
def pi(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_a_32_bit_system_is_refused():
    assert verdict(checks.check_system("aarch64", 64)) == (PASS, "")
    finding = checks.check_system("aarch64", 32)
    assert verdict(finding) == (FAIL, "system")
    assert "32-bit programs" in finding.message


def test_only_a_needed_package_may_not_be_missing(pi: Machine):
    versions = {"Python": "3.13.5", "picamera2": None, "lgpio": None}
    finding = checks.check_packages(pi.root, versions, {"picamera2"})
    assert verdict(finding) == (FAIL, "pi-packages")
    assert finding.message == "no picamera2; Python 3.13.5"
    assert verdict(checks.check_packages(pi.root, versions, set())) == (PASS, "")


@pytest.mark.parametrize(
    ("needed", "expected"),
    [
        ({"picamera2"}, "raspberry-pi-os"),
        ({"lgpio"}, "raspberry-pi-os"),
        ({"cryptography"}, "packages"),
    ],
)
def test_debian_is_not_told_to_install_what_only_raspberry_pi_os_has(
    tmp_path: Path, needed: set[str], expected: str
):
    debian = Machine(tmp_path)
    debian.write("etc/apt/sources.list.d/raspi.list", "deb http://deb.debian.org/debian trixie\n")
    finding = checks.check_packages(debian.root, dict.fromkeys(needed), needed)
    assert verdict(finding) == (FAIL, expected)
    assert "apt install python3-picamera2" not in finding.advice


@pytest.mark.parametrize("name", ["sources.list", "sources.list.d/raspi.sources"])
def test_raspberry_pi_os_is_told_by_its_package_archive(tmp_path: Path, name: str):
    system = Machine(tmp_path)
    system.remove("etc/apt/sources.list.d/raspi.list")
    system.write(f"etc/apt/{name}", "URIs: http://archive.raspberrypi.com/debian/\n")
    finding = checks.check_packages(system.root, {"lgpio": None}, {"lgpio"})
    assert verdict(finding) == (FAIL, "pi-packages")


@pytest.mark.parametrize(
    ("uid", "gids", "lacking"),
    [
        (1000, {1000, 44, 986}, None),
        (1000, {1000, 44}, "maker is not in gpio"),
        (1000, {1000}, "maker is not in video, maker is not in gpio"),
        (0, {0}, None),
    ],
)
def test_groups_of_the_user(pi: Machine, uid: int, gids: set[int], lacking: str | None):
    maker = checks.User("maker", uid, frozenset(gids))
    ask = partial(checks.check_groups, pi.root, user=maker, may_use=lambda path: False)
    finding = ask(["video", "gpio"])
    assert verdict(finding) == ((FAIL, "groups") if lacking else (PASS, ""))
    assert finding.message == (lacking or "video, gpio")


def test_groups_of_the_service_s_user_count_as_well(pi: Machine):
    pi.write("etc/passwd", "emotion-edge:x:999:999::/:/usr/sbin/nologin\n")
    root = checks.User("root", 0, frozenset({0}))
    ask = partial(checks.check_groups, pi.root, user=root)
    assert ask(["video"]).verdict is PASS
    finding = ask(["video", "gpio"])
    assert finding.message == "emotion-edge is not in gpio"
    assert verdict(finding) == (FAIL, "service-groups")
    assert "$USER" not in finding.advice


def test_a_group_is_not_needed_where_the_devices_are_open_to_the_user(pi: Machine):
    # logind gives the person at the screen access to the webcam by an access control list.
    pi.write("dev/video0", "")
    maker = checks.User("maker", 1000, frozenset({1000}))
    ask = partial(checks.check_groups, pi.root, user=maker)
    assert verdict(ask(["video"], may_use=lambda path: path.name == "video0")) == (PASS, "")
    finding = ask(["video", "gpio"], may_use=lambda path: path.name == "video0")
    assert finding.message == "maker is not in gpio"


def test_a_group_that_does_not_exist_is_not_asked_for(tmp_path: Path):
    maker = checks.User("maker", 1000, frozenset())
    finding = checks.check_groups(tmp_path, ["video"], user=maker)
    assert (finding.verdict, finding.message) == (PASS, "none is needed")


def test_pins(pi: Machine):
    ask = partial(checks.check_gpio, pi.root)
    assert verdict(ask(used=False)) == (PASS, "")
    assert "simulated" in ask(used=True, simulated="this is no Pi").message
    assert ask(used=True, may_use=lambda path: True).message == "/dev/gpiochip0"
    finding = ask(used=True, may_use=lambda path: False)
    assert verdict(finding) == (FAIL, "gpio")
    assert finding.message == "no access to /dev/gpiochip0"
    pi.remove("dev/gpiochip0")
    assert verdict(ask(used=True)) == (FAIL, "gpio")


def test_temperature(pi: Machine, tmp_path: Path):
    assert checks.check_temperature(pi.root, 80).message == "48 C"
    pi.write("sys/class/thermal/thermal_zone0/temp", "83000")
    assert verdict(checks.check_temperature(pi.root, 80)) == (WARN, "heat")
    assert checks.check_temperature(tmp_path / "pc", 80).verdict is PASS


@pytest.mark.parametrize(
    ("bits", "expected", "words"),
    [
        ("0", (PASS, ""), "none"),
        ("50005", (FAIL, "power"), "under voltage, throttled, under voltage happened"),
        ("50000", (WARN, "power"), "under voltage happened, throttling happened"),
        ("8", (WARN, "throttled"), "soft temperature limit"),
        ("20002", (WARN, "throttled"), "frequency capped, capping happened"),
    ],
)
@pytest.mark.parametrize("source", ["sysfs", "vcgencmd"])
def test_throttling(pi: Machine, source: str, bits: str, expected: tuple[Verdict, str], words: str):
    path = "sys/devices/platform/soc/soc:firmware/get_throttled"
    if source == "sysfs":
        pi.write(path, bits)
    else:
        pi.remove(path)
        pi.answers["vcgencmd"] = f"throttled=0x{bits}\n"
    finding = checks.check_throttling(pi.root, pi.run)
    assert verdict(finding) == expected
    assert words in finding.message


def test_throttling_is_unknown_elsewhere(tmp_path: Path):
    assert "does not report it" in checks.check_throttling(tmp_path, lambda command: "").message


@pytest.mark.parametrize(
    ("free", "expected", "message"),
    [
        (77_900_000_000, PASS, "77.9 GB free"),
        (600_000_000, PASS, "600 MB free"),
        (499_000_000, WARN, "499 MB free"),
        (49_000_000, FAIL, "49 MB free"),
    ],
)
def test_disk(free: int, expected: Verdict, message: str):
    finding = checks.check_disk(free)
    assert (finding.verdict, finding.message) == (expected, message)


def test_the_clock(pi: Machine):
    assert checks.check_clock(pi.root, pi.run).verdict is PASS
    pi.remove("run/systemd/timesync/synchronized")
    assert verdict(checks.check_clock(pi.root, pi.run)) == (WARN, "clock")
    pi.answers["timedatectl"] = "yes\n"
    assert checks.check_clock(pi.root, pi.run).verdict is PASS


def test_a_clock_is_confirmed_by_the_kernel_or_by_a_hardware_clock(pi: Machine):
    at_s = 1_800_000_000.0
    pi.answers["timedatectl"] = "no\n"
    assert not checks.is_clock_confirmed(pi.root, pi.run, at_s)  # timesyncd's marker is not enough
    for shown, is_same in (("1800000030\n", True), ("300\n", False), ("?", False)):
        pi.write("sys/class/rtc/rtc0/since_epoch", shown)
        assert checks.is_clock_confirmed(pi.root, pi.run, at_s) is is_same
    pi.answers["timedatectl"] = "yes\n"
    assert checks.is_clock_confirmed(pi.root, pi.run, at_s)


@pytest.mark.parametrize(
    ("host", "auth", "expected"),
    [
        ("127.0.0.1", "none", PASS),
        ("::", "code", PASS),
        ("::", "none", WARN),
        ("192.0.2.7", "none", WARN),
    ],
)
def test_a_page_for_everybody_is_pointed_out(host: str, auth: str, expected: Verdict):
    web = load_config(overrides={"web": {"host": host, "auth": auth}}).web
    assert checks.check_access(web).verdict is expected
