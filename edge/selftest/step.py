"""One step of the self-test and its result. No I/O here."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """How a step ended; `skipped` is no failure."""

    PASS = "pass"  # noqa: S105 (no password)
    FAIL = "fail"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """The result of one step, with one sentence about it."""

    name: str
    outcome: Outcome
    message: str

    def line(self) -> str:
        """Return the step for a terminal."""
        return f"{self.outcome:<7}  {self.name:<8} {self.message}"

    def to_dict(self) -> dict[str, str]:
        """Return JSON-ready values."""
        return {"step": self.name, "outcome": str(self.outcome), "message": self.message}


def passed(name: str, message: str) -> Step:
    """Return a step that went well."""
    return Step(name=name, outcome=Outcome.PASS, message=message)


def failed(name: str, message: str) -> Step:
    """Return a step that found a fault."""
    return Step(name=name, outcome=Outcome.FAIL, message=message)


def skipped(name: str, why: str) -> Step:
    """Return a step that was not taken."""
    return Step(name=name, outcome=Outcome.SKIPPED, message=why)
