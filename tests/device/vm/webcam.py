"""A webcam that is plugged into a virtual machine: a thread that speaks qemu's usbredir protocol.

https://gitlab.freedesktop.org/spice/usbredir/-/blob/main/docs/usb-redirection-protocol.md. qemu
shows it to the machine as a device at its USB controller, and the machine's own uvcvideo reads it.
The kernel's dummy_hcd and UVC gadget cannot stand in for it: the gadget sends by isochronous
transfers alone, which dummy_hcd fails.
"""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import count
from pathlib import Path

import uvc
from uvc import Size

_HELLO, _CONNECT, _RESET = 0, 1, 3
_INTERFACES, _ENDPOINTS = 4, 5
_SET_CONFIGURATION, _GET_CONFIGURATION, _CONFIGURATION = 6, 7, 8
_SET_ALTERNATIVE, _GET_ALTERNATIVE, _ALTERNATIVE = 9, 10, 11
_CANCEL, _CONTROL, _BULK = 21, 100, 101
_DONE, _CANCELLED, _STALL = 0, 1, 4
_HIGH_SPEED, _OF_CONTROL, _OF_BULK, _OF_NONE = 2, 0, 2, 255
# Sent are the device's version, the size of packets, ids of 64 bits and bulk lengths of 32 bits.
_CAPABILITIES = 1 << 1 | 1 << 4 | 1 << 5 | 1 << 6
_HELLO_HEAD, _HEAD = struct.Struct("<III"), struct.Struct("<IIQ")
_CONTROL_HEAD, _BULK_HEAD = struct.Struct("<BBBBHHH"), struct.Struct("<BBHIH")


def qemu_options(path: Path) -> list[str]:
    """Return the options of a machine with a USB port at the socket `path`."""
    port = ["-device", "qemu-xhci", "-chardev", f"socket,id=usb,path={path},server=on,wait=off"]
    return [*port, "-device", "usb-redir,chardev=usb,id=port"]


class Webcam:
    """A camera in the machine's USB port, out of which it can be pulled.

    `frames` are JPEGs by size. Set `corrupt` to damage each frame, `silent` to send none, and
    `actual_size` to send frames of another size than the one agreed on.
    """

    def __init__(self, path: Path, frames: Mapping[Size, Sequence[bytes]]) -> None:
        self._path, self._frames = path, frames
        self._socket: socket.socket | None = None
        self.corrupt = self.silent = False
        self.actual_size: Size | None = None
        self.sent = 0

    def plug_in(self, sizes: Sequence[Size] | None = None) -> None:
        """Plug it in as a camera of these sizes, its own if none are given."""
        assert self._socket is None
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(str(self._path))
        plugged = _Plugged(self, self._socket, tuple(sizes or self._frames))
        threading.Thread(target=plugged.serve, daemon=True).start()
        threading.Thread(target=plugged.send_frames, daemon=True).start()

    def pull_out(self) -> None:
        if self._socket is not None:
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
            self._socket.close()
            self._socket = None

    def frame(self, number: int, agreed: Size) -> bytes:
        """Return the JPEG that is sent next."""
        jpegs = self._frames[self.actual_size or agreed]
        jpeg = jpegs[number % len(jpegs)]
        return jpeg[: len(jpeg) // 3] + bytes(500) if self.corrupt else jpeg


class _Plugged:
    """One connection: from plugging in to pulling out."""

    def __init__(self, camera: Webcam, connection: socket.socket, sizes: Sequence[Size]) -> None:
        self._camera, self._socket = camera, connection
        self._controls = uvc.Controls(sizes)
        self._waiting: deque[int] = deque()  # the numbers of bulk transfers asked for
        self._change = threading.Condition()
        self._is_open = True
        self._configuration = 0

    def serve(self) -> None:
        """Answer until the connection ends."""
        with suppress(OSError, struct.error), self._socket.makefile("rb") as stream:
            hello = b"emotion-edge tests".ljust(64, b"\0") + _u32(_CAPABILITIES)
            self._socket.sendall(_HELLO_HEAD.pack(_HELLO, len(hello), 0) + hello)
            _, length, _ = _HELLO_HEAD.unpack(stream.read(_HELLO_HEAD.size))
            stream.read(length)
            self._connect()
            while head := stream.read(_HEAD.size):
                kind, length, number = _HEAD.unpack(head)
                self._answer(kind, number, stream.read(length))
        with self._change:
            self._is_open = False
            self._change.notify_all()

    def send_frames(self) -> None:
        """Send a frame each time it is due and asked for, until the connection ends."""
        for number in count():
            time.sleep(uvc.FRAME_S)
            jpeg = self._camera.frame(number, self._controls.size)
            if not self._camera.silent:
                for payload in uvc.payloads(jpeg, number % 2):
                    if not self._send_payload(payload):
                        return
                self._camera.sent += 1
            if not self._is_open:
                return

    def _send_payload(self, payload: bytes) -> bool:
        """Send a part of a frame once the machine asks for it; False when it is unplugged."""
        with self._change:
            self._change.wait_for(lambda: self._waiting or not self._is_open)
            if not self._is_open:
                return False
            self._bulk(self._waiting.popleft(), _DONE, payload)
            return True

    def _answer(self, kind: int, number: int, body: bytes) -> None:
        if kind in (_SET_CONFIGURATION, _GET_CONFIGURATION):
            self._configuration = body[0] if body else self._configuration
            self._describe()
            self._send(_CONFIGURATION, number, bytes((_DONE, self._configuration)))
        elif kind in (_SET_ALTERNATIVE, _GET_ALTERNATIVE):
            self._describe()
            self._send(_ALTERNATIVE, number, bytes((_DONE, body[0], 0)))
        elif kind == _CONTROL:
            self._control(number, body)
        elif kind == _BULK:
            with self._change:
                self._waiting.append(number)
                self._change.notify_all()
        elif kind == _CANCEL:
            self._cancel(number)

    def _connect(self) -> None:
        self._describe()
        ids = uvc.device_descriptor()[8:14]
        self._send(_CONNECT, 0, bytes((_HIGH_SPEED, 0xEF, 2, 1)) + ids)

    def _control(self, number: int, body: bytes) -> None:
        head, data = body[: _CONTROL_HEAD.size], body[_CONTROL_HEAD.size :]
        endpoint, request, requested, _, value, index, length = _CONTROL_HEAD.unpack(head)
        answer = self._controls.answer(requested, request, value, data)
        sent = (answer or b"")[:length]
        status = _STALL if answer is None else _DONE
        told = len(sent) if endpoint & 0x80 else length
        head = _CONTROL_HEAD.pack(endpoint, request, requested, status, value, index, told)
        self._send(_CONTROL, number, head + sent)

    def _cancel(self, number: int) -> None:
        with self._change:
            if number in self._waiting:
                self._waiting.remove(number)
                self._bulk(number, _CANCELLED, b"")

    def _bulk(self, number: int, status: int, payload: bytes) -> None:
        head = _BULK_HEAD.pack(uvc.ENDPOINT, status, len(payload), 0, 0)
        self._send(_BULK, number, head + payload)

    def _describe(self) -> None:
        """Tell the interfaces and the endpoints."""
        interfaces = (bytes((0, 1)), bytes((14, 14)), bytes((1, 2)), bytes(2))
        self._send(_INTERFACES, 0, _u32(2) + b"".join(x.ljust(32, b"\0") for x in interfaces))
        kinds, owners, packets = [_OF_NONE] * 32, [0] * 32, [0] * 32
        kinds[0] = kinds[16] = _OF_CONTROL  # 0 to 15 go out, 16 to 31 come in
        kinds[17], owners[17], packets[17] = _OF_BULK, 1, uvc.PACKET_BYTES
        packed = struct.pack("<32H", *packets)
        self._send(_ENDPOINTS, 0, bytes(kinds) + bytes(32) + bytes(owners) + packed)

    def _send(self, kind: int, number: int, body: bytes) -> None:
        with self._change, suppress(OSError):
            self._socket.sendall(_HEAD.pack(kind, len(body), number) + body)


def _u32(value: int) -> bytes:
    return struct.pack("<I", value)
