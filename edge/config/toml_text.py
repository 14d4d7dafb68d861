"""TOML as text: a settings file read and refused in one line, values shown."""

from __future__ import annotations

import datetime
import errno
import re
import reprlib
import tomllib
from pathlib import Path
from typing import Any

from edge.errors import ConfigError, printable
from edge.files import read_file

# The file of defaults has 6 kB.
_MOST_BYTES = 100_000
# tomllib needs minutes for a dotted key of thousands of parts, and Python refuses numbers of more
# than 4300 digits. Text in quotes may have any length.
_MOST_DOTS, _MOST_DIGITS = 50, 4000
_LONGEST_SHOWN = 80  # characters of a line in a message
# A quote that is not closed is matched to the line's end, so that the rest is not searched again
# from each of its characters.
_QUOTED = re.compile(r"\"(?:\\.?|[^\"\\])*(\"|$)|'[^']*('|$)")

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_AT_LINE = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")
_HEADER = re.compile(r"\s*\[[\w.-]+\]\s*(#.*)?")
_OPENED = re.compile(r"[^#=]*=\s*(?:(\[)(?!.*\])|(\{)(?!.*\})|(\"\"\"|''')(?!.*\3))")
_ADDRESS = re.compile(r"\w://")
_CLOSING = {"[": "]", "{": "}"}
_NOT_TEXT = re.compile(r"[\[{\"']")

# tomllib's messages, and the same in plain words.
_REASONS = {
    r"Cannot declare .* twice": "the table is there twice: keep one, with the lines of both",
    r"Cannot (overwrite|mutate|redefine)": (
        "the key is there twice, or as a value and as a table: keep one"
    ),
    r"Unescaped '\\'": (
        "a backslash in double quotes begins an escape: write the text in 'single quotes'"
    ),
    r"(Illegal|invalid) character '\\n'|Expected (\"'\"|'\"')": "the closing quote is missing",
}


def read_toml(path: Path) -> dict[str, Any]:
    """Return the tables of a settings file. Raises ConfigError, one line that says where."""
    text = _decoded(path, _content(path))
    lines = text.split("\n")
    for number, line in enumerate(lines, 1):
        if reason := _excess(line):
            raise _refusal(path, lines, number, reason)
    try:
        return tomllib.loads(text)
    except RecursionError as exc:
        raise ConfigError(f"{shown_path(path)}: lists or tables are nested too deeply") from exc
    except ValueError as exc:
        number, reason = _explained(str(exc), lines)
        raise _refusal(path, lines, number, reason) from exc


def _content(path: Path) -> bytes:
    try:
        return read_file(path, limit_bytes=_MOST_BYTES)
    except OSError as exc:
        reason = f"cannot read the configuration: {exc.strerror}"
        if exc.errno == errno.EFBIG:
            reason = f"larger than {_MOST_BYTES // 1000} kB; is it a settings file?"
        raise ConfigError(f"{shown_path(path)}: {reason}") from exc


def _decoded(path: Path, content: bytes) -> str:
    """Return the text with plain line ends; a byte order mark, as Notepad writes it, is skipped."""
    if b"\0" in content or content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise ConfigError(f"{shown_path(path)}: not UTF-8 text; save the file as UTF-8")
    try:
        return content.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as exc:
        number = content.count(b"\n", 0, exc.start) + 1
        raise ConfigError(
            f"{shown_path(path)}, line {number}: byte 0x{content[exc.start]:02x} is not UTF-8; "
            "save the file as UTF-8"
        ) from exc


def _excess(line: str) -> str:
    """Return what a line has too much of, "" for a valid line."""
    plain = _QUOTED.sub(_if_unclosed, line).partition("#")[0]
    if plain.count(".") > _MOST_DOTS:
        return f"more than {_MOST_DOTS} dots outside quotes; no setting has that many"
    if re.search(rf"[0-9][0-9_]{{{_MOST_DIGITS}}}", plain):
        return "the number is too long"
    return ""


def _if_unclosed(quoted: re.Match[str]) -> str:
    """Return a quote that is not closed: it may be the end of a text that began lines before."""
    return "" if quoted[1] or quoted[2] else quoted[0]


def _explained(message: str, lines: list[str]) -> tuple[int, str]:
    """Return the number of the line that tomllib's message is about, and what is wrong there."""
    filled = [number for number, line in enumerate(lines, 1) if line.strip()] or [1]
    match = _AT_LINE.search(message)
    number = int(match[1]) if match and match[1] else filled[-1]
    if not lines[number - 1].strip():
        number = max((n for n in filled if n < number), default=number)
    for pattern, reason in _REASONS.items():
        if re.search(pattern, message):
            return number, reason
    if opened := _unclosed(lines[:number]):
        number, sign = opened
        return number, f"{_CLOSING.get(sign, sign)} is missing at the end of the value"
    plain = _AT_LINE.sub("", message)
    return number, _advice(lines[number - 1]) or plain[:1].lower() + plain[1:]


def _unclosed(lines: list[str]) -> tuple[int, str] | None:
    """Return where the last value of several lines begins, and its sign, if it never ends."""
    opened: tuple[int, str] | None = None
    for number, line in enumerate(lines, 1):
        if match := _OPENED.match(line):
            opened = number, match[1] or match[2] or match[3]
        elif opened and _CLOSING.get(opened[1], opened[1]) in line and not _HEADER.fullmatch(line):
            opened = None
    return opened


def _advice(line: str) -> str:
    """Return how the value of `key = value` should be written, empty where no advice fits."""
    key, equals, rest = line.partition("=")
    value = rest.partition(" #")[0].strip()
    if not equals or not key.strip() or _NOT_TEXT.match(value):
        return ""
    if not value:
        return "the value is missing"
    if value.lower() in ("true", "false"):
        return f"write {value.lower()} in small letters"
    if re.fullmatch(r"[+-]?0+\d+", value):
        return "a number has no leading zero"
    if re.fullmatch(r"[+-]?\d+,\d+", value):
        return "a number has a point, not a comma"
    bare = value.strip("\u201c\u201d\u201e\u2018\u2019\"'")
    written = f'{key.strip()} = "{bare}"'
    example = f", as in {written}" if len(written) <= _LONGEST_SHOWN else ""
    return f"expected a number, true, false or text in straight quotes{example}"


def _refusal(path: Path, lines: list[str], number: int, reason: str) -> ConfigError:
    line, reason = map(without_password, (lines[number - 1].strip(), reason))
    line = line if len(line) <= _LONGEST_SHOWN else f"{line[:60]}..."
    return ConfigError(_on_one_line(f"{path}, line {number}: `{line}`: {reason}"))


def _on_one_line(text: str) -> str:
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


class _Shown(reprlib.Repr):
    """A value as one short line, as TOML writes it where Python does it differently."""

    def __init__(self) -> None:
        super().__init__()
        self.maxlevel, self.maxstring, self.maxother, self.maxlong = 2, 80, 80, 40

    def repr_str(self, value: str, level: int) -> str:
        return super().repr_str(without_password(value), level)  # before it is shortened

    def repr_bool(self, value: bool, _level: int) -> str:
        return "true" if value else "false"

    def repr_int(self, value: int, level: int) -> str:
        # Python refuses to write a number of more than 4300 digits in decimal.
        return super().repr_int(value, level) if value.bit_length() < 1000 else "a huge number"

    def repr_date(self, value: datetime.date, _level: int) -> str:
        return value.isoformat()

    repr_datetime = repr_date

    def repr_time(self, value: datetime.time, _level: int) -> str:
        return value.isoformat()


_SHOWN = _Shown()


def shown(value: Any) -> str:
    """Return a value for an error message: one line, shortened, control characters escaped."""
    return _SHOWN.repr(value)


def without_password(text: str) -> str:
    """Return a text in which the user and password of each address are left out."""
    return "\n".join(map(_without_password, text.split("\n")))


def _without_password(line: str) -> str:
    """Leave out what is between the first address and the last @: a password may have any."""
    at = line.rfind("@")
    address = _ADDRESS.search(line, 0, max(at, 0))
    return f"{line[: address.end()]}***{line[at:]}" if address else line


def shown_key(key: str) -> str:
    """Return a key for an error message: as it is where TOML needs no quotes."""
    return key if _BARE_KEY.fullmatch(key) else shown(key)


def shown_path(path: Path) -> str:
    """Return a file's name for an error message, on one line."""
    return printable(str(path))
