"""The short drills, once each and without haste; `tests/drills/run` runs all, with their times."""

import re
from collections.abc import Iterator
from pathlib import Path

import drills  # noqa: F401 (adds them to the list)
import pytest
from drill import DRILLS, Drill, Lab

SHORT = [drill for drill in DRILLS if drill.is_short]


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    lab = Lab(tmp_path, times=2, soon_s=20)
    yield lab
    lab.close()


def test_each_drill_has_a_row_in_the_document() -> None:
    document = (Path(__file__).parents[2] / "docs" / "reliability.md").read_text("utf-8")
    rows = dict(re.findall(r"^\| `([a-z-]+)`( ✓)? \|", document, re.MULTILINE))
    assert rows == {drill.name: " ✓" if drill.is_short else "" for drill in DRILLS}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("drill", SHORT, ids=[drill.name for drill in SHORT])
def test_a_promise_is_kept(drill: Drill, lab: Lab) -> None:
    print(drill.act(lab))
