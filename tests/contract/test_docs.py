"""The documents say what the code says: settings, remedies, names, commands, links."""

from __future__ import annotations

import argparse
import ast
import importlib
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from documents import DOCUMENTS, NAMES, ROOT, fenced, read, section
from flask import Flask
from watched import report_of

import docs.generate as generator
from converter.cli import COMMANDS
from edge.arguments import parser
from edge.config import load_config
from edge.models import round_of
from edge.system.diagnostics import REMEDIES

LABELS = ("happy", "sad")
README_LINES = 150

each_document = pytest.mark.parametrize("document", DOCUMENTS, ids=NAMES)


# --- what is generated ---------------------------------------------------------------------------


def test_the_generated_parts_are_up_to_date():
    assert [path.name for path in generator.outdated()] == [], "run: python -m docs.generate"


def test_an_outdated_document_is_noticed_and_written(tmp_path: Path):
    text = "before\n<!-- generated: remedies -->\nold\n<!-- end -->\nafter\n"
    (tmp_path / "a.md").write_text(text)
    (tmp_path / "b.md").write_text("nothing generated\n")
    ((path, new),) = generator.outdated(tmp_path).items()
    assert path.name == "a.md"
    assert new.startswith("before\n")
    assert new.endswith("<!-- end -->\nafter\n")
    assert "| `camera-dark` |" in new
    path.write_text(new)
    assert generator.outdated(tmp_path) == {}


def test_every_remedy_has_a_cause_and_a_row():
    assert list(generator.CAUSES) == list(REMEDIES)
    rows = [line for line in generator.remedies().splitlines() if line.startswith("| `")]
    assert [row.split(" | ")[0].strip("| `") for row in rows] == list(REMEDIES)
    assert all(advice in row for row, advice in zip(rows, REMEDIES.values(), strict=True))


def test_every_setting_has_a_row_with_its_default_and_its_range():
    table = generator.settings()
    assert "| `port` | `8080` | 0 to 65535 |" in table
    assert "| `fps` | `30` | 1 to 120 |" in table
    assert '| `privacy` | `"off"` | `boxes-only`, `off`, `pixelate` |' in table
    assert "| `happy` | `16` | 0 to 27 |" in table
    sections = list(generator.read_sections(generator.DEFAULTS.read_text("utf-8")))
    assert table.count("\n| `") == sum(len(section.settings) for section in sections)


@pytest.mark.parametrize("line", ["key value", "a = 1", "[web"])
def test_a_line_that_the_generator_does_not_know_is_an_error(line: str):
    with pytest.raises(ValueError, match="line 1: cannot be read"):
        list(generator.read_sections(line))


# --- README --------------------------------------------------------------------------------------


def test_the_readme_is_short():
    assert len(read("README.md").splitlines()) <= README_LINES


def test_the_delay_of_pixelated_frames_is_that_of_the_defaults():
    delay = round_of(load_config().detector, (640, 480))
    assert f"{delay} frames later at 640x480" in " ".join(read("SECURITY.md").split())


# --- names ---------------------------------------------------------------------------------------


def test_the_architecture_names_every_thread():
    told = section("docs/architecture.md", "Threads")
    names = {
        name.partition("{")[0].rstrip("-")
        for path in (ROOT / "edge").rglob("*.py")
        for name in re.findall(
            r"(?:start_thread\(\s*|thread(?:: str )?= ?)f?\"([^\"]+)\"", path.read_text("utf-8")
        )
    }
    assert {"capture", "sink", "video", "network-camera"} <= names
    assert [name for name in sorted(names) if not re.search(rf"\b{name}", told)] == []


@each_document
def test_the_names_in_a_document_exist(document: Path):
    text = document.read_text("utf-8")
    dotted = set(re.findall(r"`((?:edge|converter)(?:\.\w+)+)`", text))
    assert [name for name in sorted(dotted) if not exists(name)] == []
    folders = "edge|converter|tests|docs|models|systemd"
    files = set(re.findall(rf"`((?:{folders})/[\w./-]*)`", text))
    assert [name for name in sorted(files) if not (ROOT / name).exists()] == []


def exists(dotted: str) -> bool:
    """Whether a module, or something in one, has this name; the converter's by its files."""
    parts = dotted.split(".")
    for length in range(len(parts), 0, -1):
        path = ROOT.joinpath(*parts[:length])
        if path.with_suffix(".py").is_file() or (path / "__init__.py").is_file():
            break
    else:
        return False
    if parts[0] == "converter" or length == len(parts):
        return length == len(parts)
    found: Any = importlib.import_module(".".join(parts[:length]))
    for name in parts[length:]:
        if not hasattr(found, name):
            return False
        found = getattr(found, name)
    return True


def test_the_examples_of_extending_work():
    """Each block is run, and has what its Protocol, named above it, asks for."""
    text = read("docs/extending.md")
    camera, output, route = (executed(block) for block in fenced(text, "python"))
    source = camera["GrayCamera"]((64, 48))
    assert source.read(1.0).size == (64, 48)
    source.close()

    with (ROOT / "README.md").open() as unwritable:
        sink = output["MoodLine"](unwritable)
        with pytest.raises(OSError, match="mood-line: cannot write"):
            sink.show(report_of(0.0, ("happy",)))

    app = Flask("example")
    route["add_labels"](app, LABELS)
    answer = app.test_client().get("/api/labels")
    assert answer.get_json() == {"labels": list(LABELS)}


def executed(block: str) -> dict[str, Any]:
    names: dict[str, Any] = {"__name__": "example"}
    exec(compile(ast.parse(block), "docs/extending.md", "exec"), names)  # noqa: S102 (our own)
    return names


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("match kind:", "edge/camera/auto.py"),
        ("def _sinks(", "edge/app.py"),
        ("def create_app(", "edge/web/app.py"),
        ("def load_detectors(", "edge/models.py"),
        ("class Recorder", "tests/edge/outputs/test_fanout.py"),
        ("class Breakable", "tests/edge/outputs/test_fanout.py"),
        ("class Smiles", "tests/edge/fake_people.py"),
        ("class RowOfPeople", "tests/edge/fake_people.py"),
        ("class Device", "tests/edge/web/test_app.py"),
    ],
)
def test_what_extending_points_at_is_there(name: str, file: str):
    assert name in read(file)
    assert file in read("docs/extending.md")


# --- commands and links --------------------------------------------------------------------------


@each_document
def test_the_commands_in_a_document_are_understood(document: Path):
    for words in commands(document.read_text("utf-8")):
        if words[0] == "emotion-edge":
            parsed(words)
        elif words[0] == "emotion-converter":
            assert words[1] in COMMANDS, words
        elif words[0] in ("./install.sh", "tests/run"):
            options = [word for word in words[1:] if word.startswith("--") and word != "--"]
            script = read(words[0].removeprefix("./"))
            own = options[: words.index("--")] if "--" in words else options
            assert [option for option in own if option not in script and option != "--host"] == []


def commands(text: str) -> Iterator[list[str]]:
    """The words of each line in a block of shell commands, without sudo."""
    for block in fenced(text, "sh"):
        for line in block.replace("\\\n", " ").splitlines():
            if words := shlex.split(line, comments=True):
                yield words[1:] if words[0] == "sudo" else words


def parsed(words: list[str]) -> argparse.Namespace:
    try:
        return parser().parse_args(words[1:])
    except SystemExit as exc:
        raise AssertionError(f"not understood: {shlex.join(words)}") from exc


@each_document
def test_the_links_of_a_document_lead_somewhere(document: Path):
    for target in re.findall(r"\]\(([^)\s]+)\)", document.read_text("utf-8")):
        if target.startswith("https://"):
            continue
        name, _, anchor = target.partition("#")
        path = (document.parent / name).resolve() if name else document
        assert path.exists(), target
        if anchor:
            assert anchor in anchors(path.read_text("utf-8")), target


def anchors(text: str) -> set[str]:
    """The headings as GitHub names them: lower case, dashes for spaces, no punctuation."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
