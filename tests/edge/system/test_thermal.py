"""The board's vitals, read from a /sys and /proc made for the test."""

import os
from pathlib import Path

import pytest

from edge.config import ThermalConfig
from edge.datatypes import Vitals
from edge.system.board import Throttle, parsed_throttle, temperature_c, throttle
from edge.system.thermal import ThermalMonitor
from edge.system.thread_count import inference_threads


class Board:
    """A Pi's files below a folder, and a clock."""

    def __init__(self, root: Path, soc: str = "soc", zone: str = "cpu-thermal") -> None:
        self.root = root
        self.now_s = 0.0
        self._zone = root / "sys/class/thermal/thermal_zone0"
        self._throttled = root / f"sys/devices/platform/{soc}/{soc}:firmware/get_throttled"
        for folder in (self._zone, self._throttled.parent):
            folder.mkdir(parents=True)
        (self._zone / "type").write_text(f"{zone}\n")
        self.celsius(50)
        self.bits("0")

    def celsius(self, value: float) -> None:
        (self._zone / "temp").write_text(f"{round(value * 1000)}\n")

    def bits(self, text: str) -> None:
        self._throttled.write_text(f"{text}\n")

    def clock(self) -> float:
        return self.now_s


@pytest.fixture
def board(tmp_path: Path) -> Board:
    return Board(tmp_path)


def monitor(board: Board) -> ThermalMonitor:
    return ThermalMonitor(ThermalConfig(hot_c=80.0), board.root, board.clock)


def after(board: Board, monitor: ThermalMonitor, seconds: float) -> Vitals:
    board.now_s += seconds
    return monitor.vitals()


@pytest.mark.parametrize("soc", ["soc", "soc@107c000000"])
def test_a_pi_s_temperature_and_bits_are_read(tmp_path: Path, soc: str):
    board = Board(tmp_path, soc)
    board.celsius(61.4)
    board.bits("50005")
    assert temperature_c(tmp_path) == pytest.approx(61.4)
    bits = throttle(tmp_path)
    assert bits == parsed_throttle("throttled=0x50005\n")
    assert bits is not None
    assert bits.now == Throttle.UNDER_VOLTAGE | Throttle.THROTTLED
    assert bits.words() == ("under voltage, throttled, under voltage happened, throttling happened")


def test_a_machine_without_such_files_is_never_hot(tmp_path: Path):
    assert temperature_c(tmp_path) is None
    assert throttle(tmp_path) is None
    assert ThermalMonitor(ThermalConfig(hot_c=80.0), tmp_path).vitals() == Vitals()


def test_a_pc_s_own_zones_do_not_count(tmp_path: Path):
    board = Board(tmp_path, zone="x86_pkg_temp")
    board.celsius(97)
    assert temperature_c(tmp_path) is None


@pytest.mark.parametrize("nonsense", ["", "warm", "0x", "-"])
def test_nonsense_is_unknown(board: Board, nonsense: str):
    board.bits(nonsense)
    assert throttle(board.root) is None
    assert parsed_throttle(nonsense) is None
    (board.root / "sys/class/thermal/thermal_zone0/temp").write_text(nonsense)
    assert temperature_c(board.root) is None


def test_the_files_are_read_every_two_seconds_at_most(board: Board):
    watch = monitor(board)
    assert after(board, watch, 0).temperature_c == 50
    board.celsius(60)
    assert after(board, watch, 1.9).temperature_c == 50
    assert after(board, watch, 0.2).temperature_c == 60


def test_it_is_hot_from_the_limit_on_until_five_degrees_below(
    board: Board, caplog: pytest.LogCaptureFixture
):
    caplog.set_level("INFO", "edge.system.thermal")
    watch = monitor(board)
    hot = []
    for celsius in (79.9, 80, 82, 76, 79, 75.1, 74.9, 79):
        board.celsius(celsius)
        hot.append(after(board, watch, 2).hot)
    assert hot == [False, True, True, True, True, True, False, False]
    assert [r.message for r in caplog.records] == [
        "board: 80 C; inference does less until it has cooled",
        "board: 75 C; inference does more again",
    ]


def test_throttling_counts_as_hot_for_half_a_minute_more(
    board: Board, caplog: pytest.LogCaptureFixture
):
    caplog.set_level("INFO", "edge.system.thermal")
    watch = monitor(board)
    assert not after(board, watch, 2).throttled
    board.bits("1")
    assert after(board, watch, 2) == Vitals(temperature_c=50, throttled=True, hot=True)
    board.bits("10000")  # it happened, and is over
    assert after(board, watch, 2) == Vitals(temperature_c=50, throttled=False, hot=True)
    board.bits("0")
    assert after(board, watch, 20).hot
    assert not after(board, watch, 10).hot
    assert [r.message for r in caplog.records] == [
        "board: 50 C, under voltage; inference does less until it has cooled",
        "board: 50 C; inference does more again",
    ]


def test_cores_for_inference():
    assert [inference_threads(n) for n in (1, 2, 3, 4, 5, 8, 64)] == [1, 2, 2, 3, 4, 4, 4]
    assert inference_threads() == inference_threads(len(os.sched_getaffinity(0)))
