"""The project's documents, for the tests that compare them with the code."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), ROOT / "models/README.md"])
NAMES = [str(path.relative_to(ROOT)) for path in DOCUMENTS]


def read(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


def fenced(text: str, language: str) -> list[str]:
    """The code blocks of a language, such as "sh" or "json status"."""
    found = re.findall(rf"^( *)```{language}\n(.*?)^ *```$", text, re.DOTALL | re.MULTILINE)
    return [re.sub(rf"^{indent}", "", block, flags=re.MULTILINE) for indent, block in found]


def section(document: str, title: str) -> str:
    """The text below a heading, whose backticks do not count, up to the next of its level."""
    found = re.search(
        rf"^(#+) `?{re.escape(title)}`?\n(.*?)(?=^\1 |\Z)", read(document), re.DOTALL | re.MULTILINE
    )
    assert found, f"{document} has no heading {title!r}"
    return found[2]
