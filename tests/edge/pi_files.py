"""The files of a Raspberry Pi below a folder, for the doctor's checks."""

from collections.abc import Sequence
from pathlib import Path


class Machine:
    """A Raspberry Pi's files below a folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.write("proc/device-tree/model", "Raspberry Pi 5 Model B Rev 1.0\0")
        self.write("sys/class/thermal/thermal_zone0/type", "cpu-thermal\n")
        self.write("sys/class/thermal/thermal_zone0/temp", "48300\n")
        self.write("sys/devices/platform/soc/soc:firmware/get_throttled", "0\n")
        self.write("etc/group", "root:x:0:\nvideo:x:44:maker,emotion-edge\ngpio:x:986:maker\n")
        self.write("etc/passwd", "root:x:0:0::/root:/bin/sh\nmaker:x:1000:1000::/:/bin/sh\n")
        self.write("run/systemd/timesync/synchronized", "")
        self.write("dev/gpiochip0", "")
        archive = "deb http://archive.raspberrypi.com/debian/ trixie main\n"
        self.write("etc/apt/sources.list.d/raspi.list", archive)
        self.answers: dict[str, str] = {}

    def write(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def remove(self, name: str) -> None:
        (self.root / name).unlink()

    def run(self, command: Sequence[str]) -> str:
        return self.answers.get(command[0], "")
