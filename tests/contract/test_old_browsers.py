"""The page uses only what Safari 14 has, or what does no harm there. See safari_14.py."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from safari_14 import (
    ASKED_FOR_IN_SCRIPTS,
    AT_RULES,
    FUNCTIONS,
    GUARDED_IN_SCRIPTS,
    MEDIA_FEATURES,
    ORNAMENTAL_PSEUDOS,
    ORNAMENTS,
    PROPERTIES,
    PSEUDOS,
    TOO_NEW_IN_PAGES,
    TOO_NEW_IN_SCRIPTS,
    UNITS,
)

WEB = Path(__file__).parents[2] / "edge" / "web"
STYLES = sorted((WEB / "static").glob("*.css"))
SCRIPTS = sorted((WEB / "static").glob("*.js"))
PAGES = sorted((WEB / "templates").glob("*.html"))
NEWER_ONLY = "@supports not (inset: 0)"  # 14.1 has both inset and gaps between flex items


@dataclass(frozen=True)
class Rule:
    conditions: tuple[str, ...]
    selector: str
    declarations: tuple[tuple[str, str], ...]

    def value_of(self, name: str) -> str:
        return dict(self.declarations).get(name, "")


def rules_of(css: str, conditions: tuple[str, ...] = ()) -> Iterator[Rule]:
    css = re.sub(r"/\*.*?\*/", "", css, flags=re.DOTALL)
    at = 0
    while (opening := css.find("{", at)) >= 0:
        head, depth, end = css[at:opening].strip(), 1, opening
        while depth:
            end += 1
            depth += {"{": 1, "}": -1}.get(css[end], 0)
        body, at = css[opening + 1 : end], end + 1
        if head.startswith(("@media", "@supports", "@keyframes")):
            yield Rule((*conditions, head), "", ())
            yield from rules_of(body, (*conditions, head))
        else:
            pairs = (part.partition(":") for part in body.split(";") if part.strip())
            yield Rule(conditions, head, tuple((p.strip(), v.strip()) for p, _, v in pairs))


def is_read(rule: Rule) -> bool:
    """Whether Safari 14 reads the rule: it does not have what @supports asks for."""
    return all(c.startswith(NEWER_ONLY) or not c.startswith("@supports") for c in rule.conditions)


def faults_of_style(css: str) -> list[str]:
    read = [rule for rule in rules_of(css) if is_read(rule)]
    return [
        f"{rule.selector or rule.conditions[-1]}: {name}"
        for rule in read
        for name in (*unknown_in_conditions(rule), *unknown_in_selector(rule), *unknown(rule))
    ] + [f"{rule.selector}: a gap between flex items" for rule in without_gap(read)]


def unknown_in_conditions(rule: Rule) -> Iterator[str]:
    for condition in rule.conditions:
        yield from set(re.findall(r"^@[\w-]+", condition)) - AT_RULES
        if condition.startswith("@media"):
            yield from set(re.findall(r"\(([\w-]+)", condition)) - MEDIA_FEATURES


def unknown_in_selector(rule: Rule) -> Iterator[str]:
    used = set(re.findall(r"::?[a-z-]+", re.sub(r"\[.*?\]", "", rule.selector)))
    is_list = "," in re.sub(r"\(.*?\)", "", rule.selector)
    yield from used - PSEUDOS - (set() if is_list else set(ORNAMENTAL_PSEUDOS))


def unknown(rule: Rule) -> Iterator[str]:
    known = PROPERTIES | set(ORNAMENTS)
    for index, (name, value) in enumerate(rule.declarations):
        if not name.startswith("--") and name not in known:
            yield name
        # An older browser drops a declaration that it cannot read, and uses the one before. Not so
        # with a variable in it, which it reads later.
        has_older = name in dict(rule.declarations[:index]) and "var(" not in value
        units = set(re.findall(r"(?<![\w#.-])-?[\d.]+(%|[a-z]+)\b", value)) - UNITS
        functions = set(re.findall(r"([A-Za-z-]+)\(", value)) - FUNCTIONS
        yield from set() if has_older else units | functions


def without_gap(rules: list[Rule]) -> Iterator[Rule]:
    """Yield the rules of flex items with a gap that the rules for older browsers do not replace."""
    replaced = ", ".join(rule.selector for rule in rules if NEWER_ONLY in rule.conditions)
    for rule in rules:
        has_gap = any("gap" in name for name, _ in rule.declarations)
        if "flex" in rule.value_of("display") and has_gap:
            parts = rule.selector.split(", ")
            if not all(f"{part} > " in replaced for part in parts):
                yield rule


def faults_of_script(script: str) -> list[str]:
    code = re.sub(r"/\*.*?\*/|(?<![:\"'`])//[^\n]*", "", script, flags=re.DOTALL)
    code = re.sub(r"\"[^\"\n]*\"|'[^'\n]*'", '""', code)
    code = re.sub(r"`(?:\$\{[^}]*\}|[^`$])*`", lambda text: " ".join(filled(text[0])), code)
    return [why for bad, why in TOO_NEW_IN_SCRIPTS.items() if re.search(bad, code, re.MULTILINE)]


def filled(template: str) -> list[str]:
    """Return the expressions in a template literal, without its text."""
    return re.findall(r"\$\{([^}]*)\}", template) or [""]


@pytest.mark.parametrize("path", STYLES, ids=lambda path: path.name)
def test_a_style_has_nothing_that_safari_14_lacks(path: Path) -> None:
    assert faults_of_style(path.read_text("utf-8")) == []


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_a_script_has_nothing_that_safari_14_lacks(path: Path) -> None:
    assert faults_of_script(path.read_text("utf-8")) == []


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_a_page_has_nothing_that_safari_14_lacks(path: Path) -> None:
    text = path.read_text("utf-8")
    assert [why for bad, why in TOO_NEW_IN_PAGES.items() if re.search(bad, text)] == []


def test_a_script_asks_for_what_safari_14_may_lack() -> None:
    for used, question in ASKED_FOR_IN_SCRIPTS.items():
        users = [text for path in SCRIPTS if re.search(used, text := path.read_text("utf-8"))]
        assert users
        assert all(re.search(question, text) for text in users)


def test_dialogs_are_drawn_before_a_script_opens_one() -> None:
    scripts = {path.name: path.read_text("utf-8") for path in SCRIPTS}
    for used, guard in GUARDED_IN_SCRIPTS.items():
        assert any(re.search(used, text) for text in scripts.values())
        calls = re.findall(r"^wire\w+\(", scripts["page.js"], re.MULTILINE)
        assert re.match(guard, calls[0] + ")")


@pytest.mark.parametrize(
    "css",
    [
        "a { inset: 0; }",
        "a { aspect-ratio: 1; }",
        "a { color: color-mix(in srgb, red, blue); }",
        "a { color: red; color: color-mix(in srgb, var(--a), blue); }",
        "a { height: 100dvh; }",
        "a:has(b) { color: red; }",
        "a:focus, b:focus-visible { color: red; }",
        "a { display: flex; gap: 1px; }",
        "@media (scripting: none) { a { color: red; } }",
        "@supports not (inset: 0) { a { inset: 0; } }",
    ],
)
def test_a_style_that_is_too_new_is_refused(css: str) -> None:
    assert faults_of_style(css) != []


@pytest.mark.parametrize(
    "css",
    [
        "a { height: 100vh; height: 100dvh; }",
        "@supports (inset: 0) { a { inset: 0; } }",
        "@supports not (inset: 0) { a > b { margin: 1px; } } a { display: flex; gap: 1px; }",
        "a { display: grid; gap: 1px; color: #123e45; }",
        "a:focus-visible { outline: 1px solid; } b { width: calc(1px + 50%); }",
    ],
)
def test_a_style_with_something_older_beside_it_is_accepted(css: str) -> None:
    assert faults_of_style(css) == []


@pytest.mark.parametrize(
    "script",
    [
        "class A {\n  #a = 1;\n}",
        "class A {\n  async #a() {}\n}",
        "this.#a();",
        "class A {\n  static a = 1;\n}",
        "const a = await b();",
        "fetch(a, { signal: AbortSignal.timeout(1) });",
        "[1, 2].at(-1);",
        "const b = structuredClone(a);",
        "a.checkVisibility();",
        "`${this.#a}`",
        "const a = b.replace(/(?<=c)d/, 1);",
    ],
)
def test_a_script_that_is_too_new_is_refused(script: str) -> None:
    assert faults_of_script(script) != []


def test_words_in_comments_and_texts_are_no_code() -> None:
    assert faults_of_script("// AbortSignal.timeout\nconst a = `#${b} structuredClone`;") == []
