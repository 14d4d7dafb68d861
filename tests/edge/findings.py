"""What the tests of the doctor share: its checks, a finding in short, a Pi's camera."""

from functools import partial
from typing import Any

from edge.camera.auto import Hardware
from edge.camera.fake_picamera2 import FakePicamera2, FakeTransform
from edge.camera.picamera2 import Driver, PiCamera
from edge.config import Config, load_config
from edge.system.diagnostics import Finding, Verdict

PASS, WARN, FAIL = Verdict.PASS, Verdict.WARN, Verdict.FAIL


def verdict(finding: Finding) -> tuple[Verdict, str]:
    """The finding's verdict and remedy; every finding can be printed."""
    assert finding.lines()
    assert (finding.remedy == "") is (finding.verdict is PASS)
    return finding.verdict, finding.remedy


CHECKS = [
    *("system", "packages", "model", "face-detector", "camera", "groups", "gpio", "port"),
    *("access", "mqtt", "hooks", "temperature", "throttling", "disk", "clock"),
]


def settings(**camera: Any) -> Config:
    return load_config(overrides={"camera": camera, "web": {"port": 0}})


def pi_hardware(**attributes: Any) -> Hardware:
    camera = type("Camera", (FakePicamera2,), attributes)
    return Hardware(
        open_pi=partial(PiCamera, driver=Driver(camera, FakeTransform)), usb_devices=lambda: []
    )
