"""The words that CONTRIBUTING.md replaces are not used: in documents, docstrings and messages."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest
from documents import DOCUMENTS, NAMES, ROOT

GLOSSARY = ROOT / "CONTRIBUTING.md"

# Whose comments, docstrings and other strings are held to it; a package is added once it is clean.
CLEAN = ("edge", "converter", "docs", "systemd", "install.sh", "tests")

KEYS = ("pictures",)  # in a model's manifest, as every manifest so far spells it


def refused() -> list[str]:
    """The words of the table's first column."""
    _, _, table = GLOSSARY.read_text("utf-8").partition("| not | but |\n")
    rows = re.findall(r"^\| (`.*?`) \|", table, re.MULTILINE)
    return [word for row in rows for word in re.findall(r"`([^`]+)`", row)]


def pattern(words: list[str]) -> re.Pattern[str]:
    alternatives = "|".join(
        re.escape(word).replace(r"\ ", r"\s+") + ("(?:e?s)?" if " " not in word else "")
        for word in words
    )
    return re.compile(rf"(?<![\w<-])(?:{alternatives})(?![\w-])", re.IGNORECASE)


def found_in(text: str, words: re.Pattern[str], first_line: int = 1) -> Iterator[str]:
    for found in words.finditer(text):
        line = first_line + text.count("\n", 0, found.start())
        yield f"{line}: {' '.join(found[0].split())}"


def prose_of(path: Path) -> Iterator[tuple[int, str]]:
    """A file's text by its first line: of Python the comments and strings, of others all of it."""
    text = path.read_text("utf-8")
    if path.suffix != ".py":
        yield 1, text
        return
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string
    for node in ast.walk(ast.parse(text)):
        if (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and node.value not in KEYS
        ):
            yield node.lineno, node.value


def complaints(path: Path, words: re.Pattern[str]) -> list[str]:
    return [
        f"{path.relative_to(ROOT)}:{place}"
        for line, text in prose_of(path)
        for place in found_in(text, words, line)
    ]


def files(name: str) -> list[Path]:
    path = ROOT / name
    if path.is_file():
        return [path]
    suffixes = (".py", ".toml", ".service", ".html")
    return [
        p for p in sorted(path.rglob("*")) if p.suffix in suffixes and p != Path(__file__).resolve()
    ]


@pytest.mark.parametrize("document", DOCUMENTS, ids=NAMES)
def test_a_document_uses_the_project_s_words(document: Path):
    text = document.read_text("utf-8")
    if document == GLOSSARY:
        text, _, _ = text.partition("| not | but |")
    assert list(found_in(text, pattern(refused()))) == []


@pytest.mark.parametrize("name", CLEAN)
def test_clean_code_stays_clean(name: str):
    assert files(name)
    words = pattern(refused())
    assert [line for path in files(name) for line in complaints(path, words)] == []


def test_the_table_holds_the_words():
    words = refused()
    assert len(words) > 10
    assert {"picture", "door", "whoever", "takes it easy"} <= set(words)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("two Pictures of a face", ["1: Pictures"]),
        ("a line\nwhat it has\nto say", ["2: what it has to say"]),
        ("the doors and Whoever", ["1: doors", "1: Whoever"]),
        ("picture_age_ms, <picture>, outdoors", []),
    ],
)
def test_a_replaced_word_is_found_and_a_key_is_not(text: str, said: list[str]):
    assert list(found_in(text, pattern(refused()))) == said
