"""Reads from the Pi's firmware through its mailbox /dev/vcio, as vcgencmd does.

The layout of a message: https://github.com/raspberrypi/firmware/wiki/Mailbox-property-interface
"""

from __future__ import annotations

import fcntl
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

_PROPERTY = 0xC0086400  # _IOWR(100, 0, char *) where a pointer has 64 bits
_GET_THROTTLED = 0x00030046  # RPI_FIRMWARE_GET_THROTTLED of the kernel's raspberrypi-firmware.h
_REQUEST, _ANSWERED, _END = 0, 0x80000000, 0
_MESSAGE = struct.Struct("=7I")  # size, status, tag, size of the value, its status, value, end


def throttled_bits(device: Path, ioctl: Callable[..., Any] = fcntl.ioctl) -> int | None:
    """Return the bits of get_throttled, None without such a firmware or an answer."""
    message = bytearray(
        _MESSAGE.pack(_MESSAGE.size, _REQUEST, _GET_THROTTLED, 4, _REQUEST, 0, _END)
    )
    try:
        with device.open("rb", buffering=0) as mailbox:
            ioctl(mailbox, _PROPERTY, message, True)
    except OSError:
        return None
    _, status, *_, bits, _ = _MESSAGE.unpack(message)
    return int(bits) if status == _ANSWERED else None
