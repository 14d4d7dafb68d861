"""The firmware's mailbox, with a firmware that reads and answers messages as the wiki lays down."""

import errno
import struct
from pathlib import Path

import pytest

from edge.system.board import Throttle, throttle
from edge.system.mailbox import throttled_bits


class Firmware:
    """Answers the one question; `status` 0x80000001 is its way to say that it cannot."""

    def __init__(self, bits: int, status: int = 0x80000000) -> None:
        self.bits, self.status = bits, status

    def ioctl(self, mailbox, number, message, mutate) -> int:
        assert number == 0xC0000000 | (8 << 16) | (100 << 8) | 0
        assert mutate
        assert mailbox.readable()
        size, code, tag, value_size, _, _, end = struct.unpack("=7I", message)
        assert (size, code, tag, value_size, end) == (len(message), 0, 0x30046, 4, 0)
        struct.pack_into("=7I", message, 0, size, self.status, tag, 4, 0x80000004, self.bits, 0)
        return 0


@pytest.fixture
def device(tmp_path: Path) -> Path:
    path = tmp_path / "dev/vcio"
    path.parent.mkdir()
    path.touch()
    return path


def test_the_bits_are_the_firmware_s(device: Path) -> None:
    assert throttled_bits(device, Firmware(0x50005).ioctl) == 0x50005


def test_no_mailbox_no_permission_and_no_answer_are_unknown(device: Path) -> None:
    def refuses(*_) -> int:
        raise OSError(errno.ENOTTY, "Inappropriate ioctl for device")

    assert throttled_bits(device.with_name("none")) is None
    assert throttled_bits(device) is None  # a file is no mailbox, and the real ioctl says so
    assert throttled_bits(device, refuses) is None
    assert throttled_bits(device, Firmware(1, status=0x80000001).ioctl) is None


def test_without_a_mailbox_the_kernel_s_file_is_read(device: Path) -> None:
    assert throttle(device.parents[1]) is None
    file = device.parents[1] / "sys/devices/platform/soc/soc:firmware/get_throttled"
    file.parent.mkdir(parents=True)
    file.write_text("4\n")
    assert throttle(device.parents[1]) == Throttle.THROTTLED
