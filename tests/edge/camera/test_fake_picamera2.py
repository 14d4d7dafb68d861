"""The fake of picamera2 obeys the rules of the real one, whose source is read."""

import ast
import inspect
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import edge.camera.picamera2
from edge.camera.fake_picamera2 import FakePicamera2, FakeRequest, FakeTransform, sensor_mode


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


@pytest.fixture(scope="module", params=["picamera2", "picamera2==0.3.21"])
def real_source(request, tmp_path_factory):
    """The newest and the oldest that we claim to work with."""
    folder = tmp_path_factory.mktemp("picamera2")
    fetch = [
        sys.executable,
        "-m",
        "pip",
        "download",
        request.param,
        "--no-deps",
        "-q",
        "-d",
        folder,
    ]
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
            Path(name).stem: ast.parse(wheel.read(name))
            for name in wheel.namelist()
            if Path(name).parent == Path("picamera2") and name.endswith(".py")
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
            assert arguments - {"cls"} <= real[method], method


def test_what_the_driver_calls_exists_in_the_real_classes(real_source):
    """The calls in picamera2.py itself, so that a fake with a method too many cannot hide one."""
    real = arguments_by_method(real_source["picamera2"], "Picamera2")
    real |= arguments_by_method(real_source["request"], "CompletedRequest")
    driver = ast.parse(inspect.getsource(edge.camera.picamera2))
    called = {}
    for node in ast.walk(driver):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner = ast.unparse(node.func.value)
            if owner in ("self._camera", "camera", "camera_class", "request"):
                called[node.func.attr] = {keyword.arg for keyword in node.keywords}
    assert {"capture_request", "set_controls", "get_metadata", "release"} <= set(called)
    for method, keywords in called.items():
        assert method in real
        assert keywords <= real[method], method
    assert {"camera_controls", "sensor_modes"} <= set(real)


def test_the_real_package_uses_the_transform_and_the_controls_of_the_same_names(real_source):
    modules = list(real_source.values())
    words = {node.value for tree in modules for node in ast.walk(tree) if is_text(node)}
    words |= {n.attr for tree in modules for n in ast.walk(tree) if isinstance(n, ast.Attribute)}
    assert {"AfMode", "ExposureTime", "FrameRate", "SensorTimestamp", "RGB888"} <= words
    assert set(sensor_mode((1, 1), 1.0, (0, 0, 1, 1))) <= words
    flips = {
        keyword.arg
        for node in ast.walk(real_source["utils"])
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "Transform"
        for keyword in node.keywords
    }
    assert {"hflip", "vflip"} <= flips <= set(inspect.signature(FakeTransform).parameters)


def is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def source_of(fake) -> str:
    return inspect.getsource(inspect.getmodule(fake))


def arguments_by_method(tree: ast.Module, class_name: str) -> dict[str, set[str]]:
    """The arguments of each method and property, those of all overloads together."""
    body = next(n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == class_name).body
    arguments: dict[str, set[str]] = {}
    for node in body:
        if isinstance(node, ast.FunctionDef):
            named = {argument.arg for argument in (*node.args.args, *node.args.kwonlyargs)}
            arguments.setdefault(node.name, set()).update(named)
    return arguments
