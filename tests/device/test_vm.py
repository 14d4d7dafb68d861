"""The virtual Pi's parts that need no machine; tests/device/vm/run takes it on its journeys."""

import os
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

VM = Path(__file__).parent / "vm"
HEAD = struct.Struct("<IIQ")
CONTROL = struct.Struct("<BBBBHHH")


@pytest.fixture(autouse=True)
def _modules(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(VM))


def test_the_script_explains_itself():
    def run(*names: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, VM / "run", *names], capture_output=True, text=True, check=False
        )

    told = run("--help")
    assert told.returncode == 0
    assert all(f"    {name} " in told.stdout for name in ("install", "camera", "power", "gpio"))
    assert run("nonsense").stderr.startswith("unknown: nonsense\nBoots a virtual Pi")
    assert os.access(VM / "run", os.X_OK)


def test_descriptors_have_the_lengths_that_they_state():
    import uvc

    whole = uvc.configuration_descriptor([(640, 480), (320, 240)])
    assert struct.unpack_from("<H", whole, 2)[0] == len(whole)
    kinds, position = [], 0
    while position < len(whole):
        kinds.append(whole[position + 1])
        position += whole[position]
    assert position == len(whole)
    assert kinds.count(4) == 2, "two interfaces"
    assert kinds.count(5) == 1, "one endpoint"
    assert len(uvc.device_descriptor()) == uvc.device_descriptor()[0] == 18
    assert len(uvc.negotiation(1)) == 34


def test_frame_is_whole_in_its_payloads():
    import uvc

    jpeg = os.urandom(40_000)
    sent = list(uvc.payloads(jpeg, parity=1))
    assert b"".join(payload[2:] for payload in sent) == jpeg
    assert [bool(payload[1] & 2) for payload in sent] == [False, False, True]
    assert max(map(len, sent)) == uvc.PAYLOAD_BYTES


class Port:
    """The other end of the camera's cable, as qemu is."""

    def __init__(self, path: Path) -> None:
        self._server = socket.socket(socket.AF_UNIX)
        self._server.bind(str(path))
        self._server.listen()

    def greet(self) -> None:
        self._socket, _ = self._server.accept()
        self._socket.settimeout(10)
        hello = bytes(68)
        self._socket.sendall(struct.pack("<III", 0, len(hello), 0) + hello)
        self._stream = self._socket.makefile("rb")
        kind, length, _ = struct.unpack("<III", self._stream.read(12))
        assert kind == 0
        self._stream.read(length)

    def read(self) -> tuple[int, int, bytes]:
        kind, length, number = HEAD.unpack(self._stream.read(HEAD.size))
        return kind, number, self._stream.read(length)

    def send(self, kind: int, number: int, body: bytes) -> None:
        self._socket.sendall(HEAD.pack(kind, len(body), number) + body)

    def close(self) -> None:
        self._stream.close()
        self._socket.close()
        self._server.close()


@pytest.fixture
def port(tmp_path: Path) -> Iterator[Port]:
    port = Port(tmp_path / "usb")
    yield port
    port.close()


def test_camera_is_described_and_sends_frames(port: Port, tmp_path: Path):
    import uvc
    from webcam import Webcam

    jpeg = os.urandom(20_000)
    camera = Webcam(tmp_path / "usb", {(640, 480): [jpeg]})
    camera.plug_in()
    port.greet()
    assert [port.read()[0] for _ in range(3)] == [4, 5, 1], "interfaces, endpoints, connected"

    ask = CONTROL.pack(0x80, uvc.GET_DESCRIPTOR, 0x80, 0, 0x0100, 0, 18)
    port.send(100, 7, ask)
    kind, number, body = port.read()
    assert (kind, number, body[CONTROL.size :]) == (100, 7, uvc.device_descriptor())

    for number in (8, 9):
        port.send(101, number, struct.pack("<BBHIH", uvc.ENDPOINT, 0, 16384, 0, 0))
    sent = [port.read() for _ in range(2)]
    assert [number for _, number, _ in sent] == [8, 9]
    assert b"".join(body[12:] for _, _, body in sent) == jpeg

    camera.silent = True
    port.send(101, 10, struct.pack("<BBHIH", uvc.ENDPOINT, 0, 16384, 0, 0))
    port.send(21, 10, b"")
    kind, number, _ = port.read()
    assert (kind, number) == (101, 10), "a transfer that is cancelled is given back"
    camera.pull_out()


def test_lines_of_a_chip_are_counted_from_its_first():
    from gpio_journey import held

    text = (
        "gpiochip0: GPIOs 504-511, parent: amba/9030000.pl061, 9030000.pl061:\n"
        " gpio-505 (                    |lg                  ) out hi \n"
        " gpio-507 (                    |GPIO Key Poweroff   ) in  lo IRQ ACTIVE LOW\n"
    )
    assert held(text) == {1: ("lg", "hi"), 3: ("GPIO Key Poweroff", "lo")}
