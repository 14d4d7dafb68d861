"""Writes the parts of the documents that the code knows best: settings, remedies, measurements.

    python -m docs.generate          writes them
    python -m docs.generate --check  writes nothing, exits with 1 when a document is out of date

A part lies between the lines `<!-- generated: NAME -->` and `<!-- end -->` of a document; what is
outside these lines is written by hand.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from docs.pi_estimate import pi_estimate
from edge.bench import report
from edge.config import Config
from edge.system.diagnostics import REMEDIES

ROOT = Path(__file__).resolve().parents[1]
DEFAULTS = ROOT / "edge/config/default.toml"
MEASURED = ROOT / "docs/performance.json"

CAUSES = {
    "config": "A setting is refused: a typo, or a value out of range.",
    "sudo": "Only root and the service can read the settings.",
    "settings": "The check depends on settings that could not be read.",
    "system": "The system has 32 bits.",
    "packages": "A Python package is missing, such as cryptography for `[web] tls`.",
    "pi-packages": "On Raspberry Pi OS a system package is missing, such as picamera2.",
    "raspberry-pi-os": "picamera2 or lgpio is needed, and this is not Raspberry Pi OS.",
    "model": "The model is missing, damaged, or not the one that its manifest describes.",
    "face-detector": "The face detector's networks are missing.",
    "camera": "No camera is found, or it delivers no frames.",
    "camera-busy": "Another program uses the camera.",
    "camera-dark": "The frame is all black.",
    "camera-file": "The video or the folder of images cannot be read.",
    "camera-network": "The network camera does not answer, or not with frames.",
    "camera-lost": "The device runs and has lost its camera.",
    "camera-paused": "The device runs and is paused.",
    "groups": "The user may not use the camera or the pins.",
    "service-groups": "The service may not use the camera or the pins.",
    "gpio": "The pins cannot be opened.",
    "port": "The page's port is in use or reserved.",
    "host": "The page's address does not belong to this machine.",
    "access": "The page asks for no code and is served to the network.",
    "mqtt-broker": "The broker of `[mqtt]` does not answer.",
    "mqtt-tls": "The connection to the broker cannot be encrypted.",
    "mqtt-login": "The broker refuses the login.",
    "mqtt-topics": "The broker does not permit the device's topics.",
    "hooks": "The command or the address of `[hooks]` cannot be used.",
    "heat": "The board is hotter than `hot_c`.",
    "throttled": "The firmware slows the board down, or did.",
    "power": "The supply voltage is too low, or was.",
    "disk": "The SD card is nearly full.",
    "clock": "No time server has set the clock.",
    "doctor": "A check failed for an unexpected reason.",
}
"""What the doctor found, for each of its remedies."""

_BLOCK = re.compile(r"(<!-- generated: ([\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)
_SECTION = re.compile(r"\[([\w.]+)\]\s*(?:#\s*(.*))?")
_SETTING = re.compile(r"""(\w+)\s*=\s*("[^"]*"|\[[^\]]*\]|[^#]*?)\s*(?:#\s*(.*))?""")


@dataclass(slots=True)
class Setting:
    """One key of default.toml with its comments: `above` line by line, `beside` as one text."""

    key: str
    default: str
    beside: str
    above: tuple[str, ...] = ()


@dataclass(slots=True)
class Section:
    """One table of default.toml."""

    name: str
    beside: str
    settings: list[Setting]


def read_sections(text: str) -> Iterator[Section]:
    """Yield the tables of default.toml. Raises ValueError for a line that is laid out otherwise."""
    section: Section | None = None
    last: Section | Setting | None = None
    above: list[str] = []
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("#"):
            above.append(line.removeprefix("#").removeprefix(" "))
        elif line.lstrip().startswith("#") and last is not None:
            last.beside += " " + line.lstrip().removeprefix("#").strip()
        elif found := _SECTION.fullmatch(line):
            if section is not None:
                yield section
            last = section = Section(found[1], found[2] or "", [])
            above.clear()
        elif (found := _SETTING.fullmatch(line)) and section is not None:
            last = Setting(found[1], found[2], found[3] or "", tuple(above))
            section.settings.append(last)
            above.clear()
        elif line.strip():
            raise ValueError(f"{DEFAULTS.name}, line {number}: cannot be read: {line!r}")
    if section is not None:
        yield section


def settings() -> str:
    """Return a table for each section: every key, its default, what is allowed, what it does."""
    text = DEFAULTS.read_text("utf-8")
    sections = list(read_sections(text))
    _check_complete(sections, tomllib.loads(text))
    return "\n".join(_section(section) for section in sections)


def _check_complete(sections: list[Section], values: Mapping[str, Any]) -> None:
    """Raise ValueError unless the sections hold what a TOML reader finds in the file."""
    for section in sections:
        table: Any = values
        for name in section.name.split("."):
            table = table[name]
        found = {s.key: tomllib.loads(f"x = {s.default}")["x"] for s in section.settings}
        if found != {key: value for key, value in table.items() if not isinstance(value, dict)}:
            raise ValueError(f"{DEFAULTS.name}: [{section.name}] was read wrongly")


def _section(section: Section) -> str:
    lines = [f"## `[{section.name}]`", ""]
    if section.beside:
        lines += [section.beside, ""]
    for setting in section.settings:
        if setting.above:
            lines += [f"`{setting.key}`:", "", "```text", *setting.above, "```", ""]
    lines += ["| key | default | allowed | what it does |", "|---|---|---|---|"]
    lines += [_row(section.name, setting) for setting in section.settings]
    return "\n".join([*lines, ""])


def _row(section: str, setting: Setting) -> str:
    says = setting.beside or "see above"
    cells = (f"`{setting.key}`", f"`{setting.default}`", allowed(section, setting.key), says)
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def allowed(section: str, key: str) -> str:
    """Return what the key's type in edge/config/sections.py allows."""
    kind = msgspec.inspect.type_info(Config)
    for name in (*section.split("."), key):
        kind = _inner(kind, name)
    return _allowed(kind)


def _inner(kind: Any, name: str) -> Any:
    if isinstance(kind, msgspec.inspect.DictType):
        return kind.value_type
    return next(field.type for field in kind.fields if field.name == name)


def _allowed(kind: Any) -> str:
    match kind:
        case msgspec.inspect.Metadata(type=inner, extra_json_schema=schema):
            return (schema or {}).get("description") or _allowed(inner)
        case msgspec.inspect.LiteralType(values=values):
            return ", ".join(f"`{value}`" for value in values)
        case msgspec.inspect.BoolType():
            return "`true`, `false`"
        case msgspec.inspect.IntType(ge=least, le=most):
            return f"{least} to {most}"
        case msgspec.inspect.FloatType(ge=least, le=most):
            return f"{least:g} to {most:g}"
        case msgspec.inspect.ListType(item_type=inner):
            return f"a list: {_allowed(inner)}"
    raise TypeError(f"no words for the type {kind}")


def remedies() -> str:
    """Return the table of what the doctor finds and what helps."""
    rows = [f"| `{name}` | {CAUSES[name]} | {advice} |" for name, advice in REMEDIES.items()]
    return "\n".join(["| remedy | cause | what to do |", "|---|---|---|", *rows, ""])


def performance() -> str:
    """Return the measurement that docs/performance.py made, as tables."""
    return report.text(json.loads(MEASURED.read_text("utf-8"))) + "\n"


PARTS: Mapping[str, Callable[[], str]] = {
    "settings": settings,
    "remedies": remedies,
    "performance": performance,
    "pi-estimate": pi_estimate,
}


def generated(document: str) -> str:
    """Return the document with its generated parts as they should be."""
    return _BLOCK.sub(lambda found: f"{found[1]}\n{PARTS[found[2]]()}\n{found[3]}", document)


def outdated(folder: Path = ROOT / "docs") -> dict[Path, str]:
    """Return the documents that are out of date, with the text that they should have."""
    texts = {path: path.read_text("utf-8") for path in sorted(folder.glob("*.md"))}
    return {path: new for path, text in texts.items() if (new := generated(text)) != text}


def main() -> int:
    """Write the documents, or check them."""
    parser = argparse.ArgumentParser(description="Write the generated parts of docs/*.md.")
    parser.add_argument("--check", action="store_true", help="write nothing, only compare")
    is_check = parser.parse_args().check
    found = outdated()
    for path, text in found.items():
        if not is_check:
            path.write_text(text, "utf-8")
        done = "is out of date; run: python -m docs.generate" if is_check else "written"
        sys.stdout.write(f"{path.relative_to(ROOT)}: {done}\n")
    return 1 if is_check and found else 0


if __name__ == "__main__":
    sys.exit(main())
