"""Lays settings over others, and checks each value against its type."""

from __future__ import annotations

import difflib
import functools
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import msgspec

from edge.config.setting_types import PROBLEM
from edge.config.toml_text import shown, shown_key
from edge.errors import ConfigError

_LONGEST_LITERAL = 30  # characters of a text that may be a quoted number or word


@dataclass(frozen=True, slots=True)
class Place:
    """A table of a file or of the command line; it names settings in messages.

    `options` is the command line's name of a setting, by its table and key.
    """

    origin: str
    table: tuple[str, ...] = ()
    options: Mapping[tuple[str, ...], str] = field(default_factory=dict)

    def inside(self, key: str) -> Place:
        """Return the place of the table `key` in this one."""
        return replace(self, table=(*self.table, key))

    def of(self, key: str, value: Any, item: int | None = None) -> str:
        """Return the name of a setting, its place, and its value."""
        if option := self.options.get((*self.table, key)):
            return f"{option} {shown(value)}"
        nth = "" if item is None else f", item {item}"
        return f"{self.origin}: [{self.name}] {shown_key(key)}{nth} = {shown(value)}"

    @property
    def name(self) -> str:
        """The table's name, as in its header."""
        return ".".join(map(shown_key, self.table))

    @property
    def where(self) -> str:
        """The place of a key of this table."""
        return f"in [{self.name}]" if self.table else "at the top level"


def laid_over(
    settings: Mapping[str, Any], changes: Mapping[str, Any], kind: Any, place: Place
) -> dict[str, Any]:
    """Return `settings` with `changes`, a table of type `kind`, laid over them.

    Raises ConfigError for a key that is unknown and a value that its type does not allow.
    """
    merged = dict(settings)
    for key, value in changes.items():
        inner = _kind_of(kind, key, place)
        if _is_table(inner):
            if not isinstance(value, dict):
                raise ConfigError(
                    f"{place.origin}: {shown_key(key)} = {shown(value)} {place.where}: "
                    f"expected a table [{place.inside(key).name}]"
                )
            merged[key] = laid_over(merged[key], value, inner, place.inside(key))
        else:
            _check(key, value, inner, place)
            merged[key] = value
    return merged


def _kind_of(table: Any, key: str, place: Place) -> Any:
    """Return the type of a key of this type of table. Raises ConfigError for an unknown key."""
    if get_origin(table) is dict:
        return get_args(table)[1]
    known = _fields(table)
    if key not in known:
        near = difflib.get_close_matches(key[:_LONGEST_LITERAL], known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known)}"
        raise ConfigError(f"{place.origin}: unknown key {shown(key)} {place.where}; {hint}")
    return known[key]


@functools.cache
def _fields(table: type) -> dict[str, Any]:
    return get_type_hints(table, include_extras=True)


def _is_table(kind: Any) -> bool:
    is_struct = isinstance(kind, type) and issubclass(kind, msgspec.Struct)
    return is_struct or get_origin(kind) is dict


def _check(key: str, value: Any, kind: Any, place: Place) -> None:
    if get_origin(kind) is list and isinstance(value, list):
        (kind,) = get_args(kind)
        items: Iterable[tuple[int | None, Any]] = enumerate(value, 1)
    else:
        items = [(None, value)]
    for number, item in items:
        if problem := _problem(item, kind):
            raise ConfigError(f"{place.of(key, item, number)}: {problem}")


def _problem(value: Any, kind: Any) -> str:
    """Return what is allowed in place of this value, "" for a valid one."""
    if not _converts(value, kind):
        return f"expected {allowed(kind)}{_about_quotes(value, kind)}"
    for meta in _metas(kind):
        problem_of = (meta.extra or {}).get(PROBLEM)
        if problem_of and (problem := problem_of(value)):
            return str(problem)
    return ""


def _converts(value: Any, kind: Any) -> bool:
    try:
        if isinstance(value, str):
            value.encode()  # a name on the command line need not be UTF-8
        msgspec.convert(value, kind)
    except (msgspec.ValidationError, UnicodeError, OverflowError):
        return False
    return True


def _about_quotes(value: Any, kind: Any) -> str:
    """Return the advice to add or remove quotes, "" where that is not the fault."""
    is_text = _base(kind) is str
    if is_text and not isinstance(value, str | list | dict):
        return ", in quotes"
    if is_text or not isinstance(value, str) or len(value) > _LONGEST_LITERAL:
        return ""
    try:
        unquoted = tomllib.loads(f"value = {value}")["value"]
    except ValueError:
        return ""
    return ", without quotes" if _converts(unquoted, kind) else ""


def allowed(kind: Any) -> str:
    """Describe the values that this type allows."""
    base = _base(kind)
    if get_origin(kind) is Literal:
        return f"one of {', '.join(map(str, get_args(kind)))}"
    if get_origin(kind) is list:
        return f"a list [...], each item {allowed(get_args(kind)[0])}"
    for meta in _metas(kind):
        if meta.description:
            return str(meta.description)
        noun = "a whole number" if base is int else "a number"
        return f"{noun} from {meta.ge:g} to {meta.le:g}"
    return {bool: "true or false", str: "text"}[base]


def _base(kind: Any) -> Any:
    if get_origin(kind) is Annotated:
        return get_args(kind)[0]
    if get_origin(kind) is Literal:
        return type(get_args(kind)[0])
    return get_origin(kind) or kind


def _metas(kind: Any) -> list[msgspec.Meta]:
    return [meta for meta in get_args(kind) if isinstance(meta, msgspec.Meta)]
