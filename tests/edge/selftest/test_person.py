"""Questions and answers on streams of text."""

import io

import pytest

from edge.selftest.person import NoAnswerError, Person


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def asked(answers: str) -> tuple[Person, io.StringIO]:
    questions = io.StringIO()
    return Person(Terminal(answers), questions), questions


@pytest.mark.parametrize(
    ("answers", "agrees"), [("y\n", True), ("YES\n", True), ("n\n", False), (" No \n", False)]
)
def test_yes_and_no(answers: str, *, agrees: bool):
    person, questions = asked(answers)
    assert person.agrees("Is it on?") is agrees
    assert questions.getvalue() == "Is it on? [y/n] "


def test_another_answer_is_asked_for_again():
    person, questions = asked("what?\n\ny\n")
    assert person.agrees("Is it on?")
    assert questions.getvalue().count("Is it on?") == 3


@pytest.mark.parametrize("answers", ["", "a\nb\nc\ny\n", "y"[:0]])
def test_a_person_who_does_not_answer_is_gone(answers: str):
    person, _ = asked(answers)
    with pytest.raises(NoAnswerError):
        person.agrees("Is it on?")


def test_a_reader_that_is_gone_ends_nothing():
    class Gone(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    Person(Terminal(), Gone()).tell("minute 1")


def test_only_a_terminal_is_a_person():
    assert asked("")[0].is_there
    assert not Person(io.StringIO("y\n"), io.StringIO()).is_there
