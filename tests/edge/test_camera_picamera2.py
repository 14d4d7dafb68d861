import ast
import inspect
import subprocess
import sys
import threading
import time
import zipfile

import numpy as np
import pytest

from edge.camera.fake_picamera2 import FakePicamera2, FakeRequest
from edge.camera.picamera2 import PiCamera
from edge.errors import CameraError, CameraNotFound, CameraStalled


def opened(**attributes) -> tuple[PiCamera, FakePicamera2]:
    made = []

    class Recorded(FakePicamera2):
        def __init__(self, camera_num: int = 0) -> None:
            super().__init__(camera_num)
            made.append(self)

    for name, value in attributes.items():
        setattr(Recorded, name, value)
    return PiCamera(size=(320, 240), fps=25, picamera2=Recorded), made[0]


def test_frames_are_bgr_copies_and_every_buffer_is_given_back():
    camera, sensor = opened()
    frames = [camera.read(1.0) for _ in range(20)]
    camera.close()
    assert [frame.seq for frame in frames] == list(range(20))
    for number, frame in enumerate(frames, 1):
        assert frame.size == (320, 240)
        np.testing.assert_array_equal(frame.bgr[7, 7], (255, number, 0))
    assert sensor.unreleased == 0


def test_format_rate_and_autofocus_are_asked_for():
    camera, sensor = opened()
    camera.close()
    assert sensor.camera_config["main"] == {"format": "RGB888", "size": (320, 240)}
    assert sensor.camera_config["controls"] == {"FrameRate": 25, "AfMode": 2}
    assert not sensor.camera_config["queue"]


def test_a_lens_without_focus_is_not_asked_to_focus():
    camera, sensor = opened(available_controls={"FrameDurationLimits": (1, 2, None)})
    camera.close()
    assert sensor.camera_config["controls"] == {"FrameRate": 25}


def test_a_stall_is_reported_in_time_and_passes():
    camera, sensor = opened()
    camera.read(1.0)
    sensor.stall()
    for _ in range(2):
        started_s = time.monotonic()
        with pytest.raises(CameraStalled, match=r"Pi camera: no frame for 0\.1 s"):
            camera.read(0.1)
        assert time.monotonic() - started_s < 1.0
    sensor.resume()
    assert camera.read(1.0).seq == 1
    camera.close()


def test_close_ends_a_waiting_read_and_may_be_called_twice():
    camera, sensor = opened()
    sensor.stall()
    threading.Timer(0.1, camera.close).start()
    started_s = time.monotonic()
    with pytest.raises(CameraError, match="Pi camera: stopped"):
        camera.read(10.0)
    assert time.monotonic() - started_s < 2.0
    camera.close()
    assert not sensor.is_open
    with pytest.raises(CameraError, match="closed"):
        camera.read(0.1)


def test_no_camera_a_busy_one_and_no_package_are_not_found(monkeypatch):
    class Nothing(FakePicamera2):
        @staticmethod
        def global_camera_info():
            return []

    with pytest.raises(CameraNotFound, match="none is attached"):
        PiCamera(size=(640, 480), fps=30, picamera2=Nothing)
    with pytest.raises(CameraNotFound, match="does another program use it"):
        opened(busy=True)
    monkeypatch.setitem(sys.modules, "picamera2", None)
    with pytest.raises(CameraNotFound, match="sudo apt install python3-picamera2"):
        PiCamera(size=(640, 480), fps=30)


def test_a_camera_that_refuses_its_configuration_is_closed():
    made = []

    class Mono(FakePicamera2):
        formats = frozenset({"R8"})

        def __init__(self) -> None:
            super().__init__()
            made.append(self)

    with pytest.raises(CameraNotFound, match="cannot start at 320x240, 25 fps: Format RGB888"):
        PiCamera(size=(320, 240), fps=25, picamera2=Mono)
    assert not made[0].is_open


def test_the_fake_keeps_the_real_order_of_calls():
    camera = FakePicamera2()
    with pytest.raises(RuntimeError, match="not been configured"):
        camera.start()
    configuration = camera.create_video_configuration(main={"format": "RGB888", "size": (64, 48)})
    camera.configure(configuration)
    with pytest.raises(RuntimeError, match="before start"):
        camera.capture_request(wait=0.1)
    camera.start()
    with pytest.raises(RuntimeError, match="must be stopped"):
        camera.configure(configuration)
    requests = [camera.capture_request(wait=0.1) for _ in range(6)]
    with pytest.raises(RuntimeError, match="every buffer is held"):
        camera.capture_request(wait=0.1)
    picture = requests[0].make_array("main")
    requests[0].release()
    assert (picture == 99).all()
    with pytest.raises(RuntimeError, match="negative ref_count"):
        requests[0].release()
    with pytest.raises(RuntimeError, match="not defined"):
        requests[0].make_array("main")
    camera.close()
    camera.close()
    with pytest.raises(RuntimeError, match="closed"):
        camera.capture_request(wait=0.1)


def test_a_forgotten_capture_blocks_the_next_until_it_is_cancelled():
    camera = FakePicamera2()
    camera.configure(camera.create_video_configuration(main={"format": "RGB888", "size": (8, 8)}))
    camera.start()
    camera.stall()
    with pytest.raises(TimeoutError):
        camera.capture_request(wait=0.01)
    camera.resume()
    with pytest.raises(TimeoutError):
        camera.capture_request(wait=0.01)
    camera.cancel_all_and_flush()
    camera.capture_request(wait=0.01).release()


@pytest.fixture(scope="module")
def real_source(tmp_path_factory):
    folder = tmp_path_factory.mktemp("picamera2")
    fetch = [sys.executable, "-m", "pip", "download", "picamera2", "--no-deps", "-q", "-d", folder]
    try:
        subprocess.run(
            [*fetch, "--only-binary=:all:", "--retries=0", "--timeout=5"],
            check=True,
            capture_output=True,
            timeout=30,
        )
    except (subprocess.SubprocessError, OSError):
        pytest.skip("picamera2's source cannot be fetched with pip here")
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
        return {
            name: ast.parse(wheel.read(f"picamera2/{name}.py")) for name in ("picamera2", "request")
        }


@pytest.mark.parametrize(
    ("fake", "file", "name"),
    [(FakePicamera2, "picamera2", "Picamera2"), (FakeRequest, "request", "CompletedRequest")],
)
def test_the_fake_has_only_methods_and_arguments_of_the_real_class(real_source, fake, file, name):
    real = arguments_by_method(real_source[file], name)
    own = arguments_by_method(ast.parse(source_of(fake)), fake.__name__)
    simulation = {"stall", "resume"}
    for method, arguments in own.items():
        if method in simulation or (method.startswith("_") and method != "__init__"):
            continue
        assert method in real
        if method != "__init__" or fake is FakePicamera2:
            assert arguments <= real[method], method


def source_of(fake) -> str:
    return inspect.getsource(inspect.getmodule(fake))


def arguments_by_method(tree: ast.Module, class_name: str) -> dict[str, set[str]]:
    body = next(n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == class_name).body
    return {
        node.name: {argument.arg for argument in node.args.args}
        for node in body
        if isinstance(node, ast.FunctionDef)
    }
