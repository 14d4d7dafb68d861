"""Who may import whom. Data flows one way, and only the wiring knows every part."""

import ast
import graphlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]

RECORDS = {"edge.bbox", "edge.datatypes", "edge.errors", "edge.palette", "edge.latest"}
CORE = RECORDS | {
    *("edge", "edge.config", "edge.config.toml_text", "edge.config.hostnames"),
    *("edge.files", "edge.state", "edge.network", "edge.clock_steps"),
    *("edge.process.quiet", "edge.process.threads"),
}
SHAPES = {"edge.camera.source", "edge.outputs.sink"}  # protocols: a name for what is passed in
# The device, the reader of files, the doctor, and the command line in front of them.
WIRING = {
    *("edge.app", "edge.models", "edge.doctor", "edge.connection_checks"),
    *("edge.integrations", "edge.mqtt_integration", "edge.hooks_integration"),
    "edge.parts",
    "edge.fleet_sim",
    *("edge.cli", "edge.arguments", "edge.process.entry", "edge.__main__"),
}
READER = "edge.analysis"  # of files: the modules of this package wire as well
BENCH = "edge.bench"  # measures all parts
SELFTEST = "edge.selftest"  # tries them with a person's help
# In the order in which data flows: none may import another but for what READS allows.
PARTS = [f"edge.{p}" for p in ("camera", "vision", "leds", "outputs", "history", "web", "system")]
READS = {("edge.web", "edge.history")}
PURE = {
    *("edge.pipeline", "edge.camera_condition", "edge.metering", "edge.schedule", "edge.smoothing"),
    *(
        f"edge.vision.{stage}"
        for stage in ("tracker", "smoother", "tensors", "nms", "tiling", "classification_turns")
    ),
    *(f"edge.leds.{stage}" for stage in ("mood", "animation", "strip")),
    *("edge.camera.picamera2_controls", "edge.system.diagnostics"),
}
IO = {
    *("asyncio", "ftplib", "http", "io", "logging", "multiprocessing", "os", "pathlib", "select"),
    *("shutil", "signal", "socket", "sqlite3", "ssl", "subprocess", "sys", "tempfile"),
    *("threading", "urllib"),
}
HARDWARE = {"picamera2", "libcamera", "gpiozero", "lgpio", "ai_edge_litert", "tflite_runtime"}
# What the converter's packages hand on, in this order: each may import those before it.
CONVERTER_STEPS = ("data", "training", "evaluation", "quantization")
DESKTOP = {
    *("converter", "torch", "torchvision", "litert_torch", "ai_edge_quantizer", "safetensors"),
    "rich",
}


class Import(NamedTuple):
    """One imported module, and whether importing the file alone would import it."""

    module: str
    line: int
    at_load: bool

    @property
    def package(self) -> str:
        return self.module.partition(".")[0]


def violations(root: Path) -> list[str]:
    """Return "file:line: rule" for each import under `root` that breaks a rule."""
    return [
        f"{path.relative_to(root)}:{used.line}: {problem}"
        for package in ("edge", "converter")
        for path in sorted((root / package).rglob("*.py"))
        for used in dict.fromkeys(imports(path, root))
        if (problem := broken_rule(module_name(path, root), used))
    ]


def circle(root: Path) -> list[str]:
    """Return modules that import each other in a circle, also in functions or for types only."""
    imported = {
        module_name(path, root): {used.module for used in imports(path, root)}
        for package in ("edge", "converter")
        for path in (root / package).rglob("*.py")
    }
    try:
        graphlib.TopologicalSorter(imported).prepare()
    except graphlib.CycleError as exc:
        return list(exc.args[1])
    return []


def broken_rule(module: str, used: Import) -> str | None:
    """Say which rule the import breaks, or None."""
    other, package = used.module, used.package
    if module.partition(".")[0] == "converter":
        return broken_converter_rule(module, used)
    rules = (
        (package in DESKTOP, f"edge must not import {package}: it belongs to the desktop"),
        (package in HARDWARE and used.at_load, f"{package} must be imported inside a function"),
        (
            module in RECORDS and other not in RECORDS and not is_plain(package),
            f"a record module imports only the standard library and numpy, not {other}",
        ),
        (module in PURE and package in IO, f"a pure stage does no I/O: {other}"),
        (
            package == "edge" and not may_know(module, other),
            f"{module} must not know {other}: only the wiring does",
        ),
    )
    return next((problem for broken, problem in rules if broken), None)


def broken_converter_rule(module: str, used: Import) -> str | None:
    if used.package == "edge":
        return "converter must not import edge"
    step, other_step = converter_step(module), converter_step(used.module)
    if step is not None and other_step is not None and other_step > step:
        return f"{module} must not know {used.module}, a later step"
    return None


def converter_step(module: str) -> int | None:
    """The place of a module's package among CONVERTER_STEPS; None outside them."""
    _, _, inner = module.partition(".")
    package = inner.partition(".")[0]
    return CONVERTER_STEPS.index(package) if package in CONVERTER_STEPS else None


def is_plain(package: str) -> bool:
    return package in sys.stdlib_module_names or package == "numpy"


def may_know(module: str, other: str) -> bool:
    """Whether one module of edge may import another."""
    if is_wiring(module) or other in CORE | SHAPES:
        return True
    if is_wiring(other):
        return False
    part, other_part = part_of(module), part_of(other)
    if part:
        return other_part == part or (part, other_part) in READS
    return other_part is None or (other_part == "edge.vision" and other != "edge.vision.runtime")


def is_wiring(module: str) -> bool:
    return module in WIRING or f"{module}.".startswith((f"{READER}.", f"{BENCH}.", f"{SELFTEST}."))


def part_of(module: str) -> str | None:
    """The package of adapters a module belongs to; None for the stages at the top."""
    return next((p for p in PARTS if module == p or module.startswith(f"{p}.")), None)


def imports(path: Path, root: Path) -> Iterator[Import]:
    tree = ast.parse(path.read_text("utf-8"))
    lazily = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        at_load = id(node) not in lazily
        if isinstance(node, ast.Import):
            yield from (Import(alias.name, node.lineno, at_load) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            origin = absolute(node, path, root)
            for alias in node.names:
                inner = f"{origin}.{alias.name}"
                name = inner if is_module(inner, root) else origin
                yield Import(name, node.lineno, at_load)


def absolute(node: ast.ImportFrom, path: Path, root: Path) -> str:
    if not node.level:
        return node.module or ""
    package = path.relative_to(root).parts[: -node.level]
    return ".".join([*package, *([node.module] if node.module else [])])


def is_module(name: str, root: Path) -> bool:
    path = root.joinpath(*name.split("."))
    return path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()


def module_name(path: Path, root: Path) -> str:
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def test_the_project_keeps_its_rules():
    assert violations(ROOT) == []


def test_no_modules_import_each_other_in_a_circle():
    assert circle(ROOT) == []


def test_a_circle_is_caught_though_it_serves_types_alone(tree: Path):
    assert circle(tree) != []  # its app and cli
    (tree / "edge/cli.py").write_text("")
    assert circle(tree) == []
    for_types = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n  "
    (tree / "edge/errors.py").write_text(f"{for_types}from edge import datatypes\n")
    assert sorted(set(circle(tree))) == ["edge.datatypes", "edge.errors"]


def test_every_module_named_in_the_rules_exists():
    named = RECORDS | CORE | SHAPES | WIRING | PURE
    assert sorted(name for name in named if not is_module(name, ROOT)) == []


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A small project that keeps the rules."""
    for name, source in {
        "edge/__init__.py": "__version__ = '1'",
        "edge/datatypes.py": "import numpy as np\nfrom edge.errors import EdgeError",
        "edge/errors.py": "",
        "edge/app.py": "from edge.leds.leds import Leds\nfrom edge import web, cli",
        "edge/cli.py": "import sys\nfrom edge import app",
        "edge/pipeline.py": "from edge.vision import tracker\nfrom edge.vision.haar import Haar",
        "edge/service.py": "import threading\nfrom edge.camera.source import FrameSource",
        "edge/camera/__init__.py": "",
        "edge/camera/source.py": "from edge.datatypes import Frame",
        "edge/camera/pi.py": "def open():\n    import picamera2",
        "edge/outputs/__init__.py": "",
        "edge/leds/leds.py": "from . import mood\nfrom ..errors import OutputError",
        "edge/leds/mood.py": "import math",
        "edge/vision/__init__.py": "",
        "edge/vision/tracker.py": "import numpy",
        "edge/vision/haar.py": "import cv2",
        "edge/vision/runtime.py": "def find():\n    from ai_edge_litert import interpreter",
        "edge/history/__init__.py": "",
        "edge/web/__init__.py": "from edge import __version__, history",
        "converter/__init__.py": "import torch",
        "converter/model.py": "from converter import other",
        "converter/data/labels.py": "",
        "converter/training/train.py": "from converter.data import labels",
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{source}\n")
    return tmp_path


def test_a_tree_that_keeps_the_rules_is_left_alone(tree: Path):
    assert violations(tree) == []


@pytest.mark.parametrize(
    ("name", "source", "problem"),
    [
        ("edge/errors.py", "import msgspec", "a record module imports only"),
        ("edge/datatypes.py", "from edge.config import Config", "a record module imports only"),
        ("edge/latest.py", "def f():\n  import cv2", "a record module imports only"),
        ("edge/vision/tracker.py", "import os.path", "a pure stage does no I/O: os.path"),
        ("edge/pipeline.py", "from pathlib import Path", "a pure stage does no I/O: pathlib"),
        ("edge/leds/mood.py", "from socket import socket", "does no I/O: socket"),
        ("edge/history/days.py", "from edge.web import x", "must not know edge.web"),
        ("edge/web/pages.py", "from edge.leds import leds", "must not know edge.leds.leds"),
        ("edge/camera/pi.py", "from edge import web", "must not know edge.web"),
        ("edge/leds/leds.py", "from ..vision import haar", "must not know edge.vision.haar"),
        ("edge/vision/haar.py", "import edge.app", "must not know edge.app"),
        ("edge/service.py", "from edge.web import x", "must not know edge.web"),
        ("edge/service.py", "from edge.leds.leds import Leds", "must not know edge.leds"),
        ("edge/pipeline.py", "from edge.vision import runtime", "not know edge.vision.runtime"),
        ("edge/camera/pi.py", "import picamera2.devices", "imported inside a function"),
        ("edge/leds/leds.py", "if True:\n  from gpiozero import LED", "inside a function"),
        ("edge/vision/haar.py", "class A:\n  import ai_edge_litert", "inside a function"),
        ("edge/cli.py", "def f():\n  import converter.model", "must not import converter"),
        ("edge/app.py", "from torch import nn", "edge must not import torch"),
        ("converter/model.py", "from edge.palette import colour_of", "must not import edge"),
        ("converter/data/labels.py", "from converter.training import train", "a later step"),
    ],
)
def test_a_broken_rule_is_caught(tree: Path, name: str, source: str, problem: str):
    (tree / name).write_text(f"import math\n{source}\n")
    found = violations(tree)
    assert len(found) == 1
    assert found[0].startswith(f"{name}:")
    assert problem in found[0]
