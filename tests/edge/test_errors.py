from edge.errors import CameraError, ConfigError, printable


def test_a_message_is_one_line_whatever_is_in_it() -> None:
    for error in (CameraError("a\nb\x1b[2J\x00"), ConfigError("a\nb\x1b[2J\x00")):
        assert str(error) == "a\\nb\\x1b[2J\\x00"
        assert f"{error}" == str(error)


def test_names_of_any_language_stay_as_they_are() -> None:
    for text in ("Zoë 人 müller 👩‍👧", "a\u3000b", 'C:\\ "quoted"', ""):
        assert printable(text) == text


def test_what_would_forge_a_line_or_turn_the_text_around_is_escaped() -> None:
    assert printable("\x9b31m\u2028\u202e\u2066\x7f") == "\\x9b31m\\u2028\\u202e\\u2066\\x7f"
    assert printable("caf\udce9 \ud800") == "caf\\xe9 \\ud800"
