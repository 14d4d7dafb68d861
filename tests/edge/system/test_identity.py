"""The id of a board, from files made for the test."""

from pathlib import Path

import pytest

from edge.errors import StateError
from edge.state import KeptFile
from edge.system.identity import board_name, device_id

SERIAL = "sys/firmware/devicetree/base/serial-number"


def write(root: Path, name: str, text: str) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_the_board_counts_and_not_the_card(tmp_path: Path):
    kept = KeptFile(tmp_path / "device-id")
    write(tmp_path, "etc/machine-id", "0123456789abcdef0123456789abcdef\n")
    of_card = device_id(kept, tmp_path)
    write(tmp_path, SERIAL, "10000000abcdef01\0")
    of_board = device_id(kept, tmp_path)
    assert of_card != of_board == device_id(kept, tmp_path)
    write(tmp_path, SERIAL, "10000000abcdef02\0")
    assert device_id(kept, tmp_path) not in (of_board, of_card)
    assert not kept.path.exists()
    assert all(len(found) == 12 for found in (of_card, of_board))
    assert "abcdef01" not in of_board


@pytest.mark.parametrize("serial", ["", "0000000000000000\0"])
def test_without_any_number_it_is_random_and_kept(tmp_path: Path, serial: str):
    write(tmp_path, SERIAL, serial)
    kept = KeptFile(tmp_path / "device-id")
    first = device_id(kept, tmp_path)
    assert device_id(kept, tmp_path) == first
    kept.write(b"damaged \xff")
    assert device_id(kept, tmp_path) != first
    with pytest.raises(StateError):
        device_id(KeptFile(tmp_path / "missing" / "device-id"), tmp_path)


def test_the_board_s_name(tmp_path: Path):
    assert board_name(tmp_path) == "computer"
    write(tmp_path, "sys/firmware/devicetree/base/model", "Raspberry Pi 5 Model B Rev 1.0\0")
    assert board_name(tmp_path) == "Raspberry Pi 5 Model B Rev 1.0"
