"""The person at the terminal who is asked what the program cannot see."""

from __future__ import annotations

import contextlib
from typing import TextIO

_ANSWERS = {"y": True, "yes": True, "n": False, "no": False}
_ATTEMPTS = 3


class NoAnswerError(Exception):
    """The person is gone, or answers neither yes nor no."""


class Person:
    """Asks questions on one stream, and reads the answers from another."""

    def __init__(self, answers: TextIO, questions: TextIO) -> None:
        self._answers = answers
        self._questions = questions

    @property
    def is_there(self) -> bool:
        """Whether the answers come from a terminal."""
        return self._answers.isatty()

    def tell(self, line: str) -> None:
        """Print a line."""
        with contextlib.suppress(OSError):  # a device also runs without a reader
            print(line, file=self._questions, flush=True)

    def agrees(self, question: str) -> bool:
        """Ask until the answer is yes or no, three times at most. Raises NoAnswerError."""
        for _ in range(_ATTEMPTS):
            print(f"{question} [y/n] ", end="", file=self._questions, flush=True)
            line = self._answers.readline()
            if not line:
                break
            if (answer := _ANSWERS.get(line.strip().lower())) is not None:
                return answer
        raise NoAnswerError
