"""The terminal mirror: the composed line, then real pseudo-terminals and pipes."""

import fcntl
import io
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
from collections.abc import Mapping
from pathlib import Path

import pytest

from edge.datatypes import BBox, CameraState, FaceState, Health, LedState, Report, Snapshot
from edge.errors import OutputError, OutputGone
from edge.leds.strip import plain_line, strip
from edge.leds.terminal import TerminalLeds
from edge.palette import colour_of

LABELS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")


def lit(mode: str = "per_emotion", **levels: float) -> LedState:
    names = LABELS if mode == "per_emotion" else ("red", "green", "blue")
    return LedState(mode=mode, levels=dict.fromkeys((*names, "status", "privacy"), 0.0) | levels)


def report(
    dominant: str | None = "happy", camera: CameraState = CameraState.LIVE, fps: float = 14.6
) -> Report:
    face = FaceState(track_id=1, box=BBox(0, 0, 9, 9), label=dominant, confidence=0.9, probs={})
    seen = Snapshot(seq=1, captured_at_s=0, faces=(face,), dominant=dominant, stage_ms={})
    health = Health(camera=camera, detail="", source="test", fps=fps, age_s=0.1, uptime_s=1)
    return Report(snapshot=seen, health=health)


def text(state: LedState, told: Report, columns: int, bulbs: str = "o") -> str:
    return "".join(span.text for span in strip(state, told, columns, bulbs))


def test_the_full_line_fits_eighty_columns():
    line = text(lit(), report("surprise", fps=99.0), 79)
    assert line == (
        "oo o angry o disgust o fear o happy o sad o surprise o neutral  surprise 99 fps"
    )


@pytest.mark.parametrize("mode", ["per_emotion", "rgb"])
@pytest.mark.parametrize("told", [report("surprise"), report(camera=CameraState.STARTING)])
def test_the_line_never_exceeds_the_terminal(mode: str, told: Report):
    for columns in range(16, 120):
        line = text(lit(mode), told, columns)
        assert len(line) <= columns
        assert line.startswith("oo o")


def test_names_are_cut_before_the_mood_is_left_out():
    assert "o sur o neu  happy" in text(lit(), report(), 62)
    assert "fps" not in text(lit(), report(), 60)
    assert text(lit(), report(), 16) == "oo o o o o o o o"
    assert text(lit(), report(), 15) == ""


def test_a_bulb_glows_from_grey_to_its_colour():
    def bulb(level: float) -> tuple[int, int, int]:
        spans = strip(lit(angry=level), report(), 79)
        return spans[3].rgb

    dark, half, full = bulb(0.0), bulb(0.5), bulb(1.0)
    assert full == colour_of("angry")
    assert max(dark) - min(dark) < 16
    assert half == tuple(round((d + f) / 2) for d, f in zip(dark, full, strict=True))


def test_the_dominant_name_is_bold():
    bold = [span.text.strip() for span in strip(lit(), report("sad"), 79) if span.bold]
    assert bold == ["sad", "sad"]


def test_the_rgb_led_is_one_colour():
    spans = strip(lit("rgb", red=0.5, green=0.25, blue=0.0), report(), 79)
    lamps = {span.rgb for span in spans[3:6]}
    assert len(lamps) == 1
    red, green, blue = lamps.pop()
    assert red > green > blue


def test_brightness_shows_without_colours():
    line = text(lit(angry=0.0, disgust=0.3, fear=0.5, happy=0.75, sad=1.0), report(), 79, "○◔◑◕●")
    assert "○ angry ◔ disgust ◑ fear ◕ happy ● sad" in line


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (report(camera=CameraState.LOST), "camera lost"),
        (report(camera=CameraState.PAUSED), "camera paused"),
        (report(camera=CameraState.STARTING), "camera starting"),
        (report(None), "unclear"),
        (Report(snapshot=None, health=report().health), "no face"),
    ],
)
def test_the_line_says_why_there_is_no_mood(told: Report, words: str):
    assert f"  {words}" in text(lit(), told, 100)
    assert words in plain_line(lit(), told)


def test_a_pipe_gets_a_line_when_something_changed_and_not_too_often():
    now_s, state, stream = [0.0], [lit(happy=0.8)], io.StringIO()
    sink = TerminalLeds(lambda: state[0], stream, {}, lambda: now_s[0])
    sink.show(report())
    assert stream.getvalue() == "LEDs: happy; mood: happy\n"
    now_s[0] = 10.0
    state[0] = lit(happy=0.7)
    sink.show(report(fps=3.0))
    assert stream.getvalue().count("\n") == 1
    state[0] = lit(sad=0.7)
    sink.show(report("sad"))
    now_s[0] = 11.0
    sink.show(report("happy"))
    assert stream.getvalue().splitlines()[1:] == ["LEDs: sad; mood: sad"]
    now_s[0] = 13.5
    sink.show(report("happy", camera=CameraState.LOST))
    assert stream.getvalue().splitlines()[2:] == ["LEDs: camera lost"]
    sink.close()
    assert "\x1b" not in stream.getvalue()


def test_a_closed_stream_is_an_output_error_and_closing_stays_quiet():
    stream = io.StringIO()
    sink = TerminalLeds(lit, stream, {})
    stream.close()
    with pytest.raises(OutputGone, match="terminal: cannot write"):
        sink.show(report())
    sink.close()


def test_a_pipe_whose_reader_left_is_gone_for_good():
    reads, writes = os.pipe()
    os.close(reads)
    with os.fdopen(writes, "w") as stream:
        sink = TerminalLeds(lit, stream, {})
        with pytest.raises(OutputGone, match="Broken pipe"):
            sink.show(report())
        sink.close()
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def test_what_a_full_disk_did_not_take_has_not_been_said():
    with Path("/dev/full").open("w") as stream:
        sink = TerminalLeds(lit, stream, {})
        for _ in range(2):
            with pytest.raises(OutputError, match="No space left") as refusal:
                sink.show(report())
            assert not isinstance(refusal.value, OutputGone)
        sink.close()
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


_PROGRAM = """
import sys
from edge.datatypes import *
from edge.leds.terminal import TerminalLeds
names = "angry disgust fear happy sad surprise neutral status privacy".split()
leds = LedState(mode="per_emotion", levels=dict.fromkeys(names, 0.5))
health = Health(camera=CameraState.LIVE, detail="", source="", fps=15, age_s=0, uptime_s=0)
sink = TerminalLeds(lambda: leds, sys.stdout)
for _ in range(3):
    sink.show(Report(snapshot=None, health=health))
sink.close()
sink.close()
"""


def on_a_terminal(columns: int, **environ: str) -> str:
    """Run the program on a pseudo-terminal of that width and return every byte it wrote."""
    mine, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    env: Mapping[str, str] = {
        k: v for k, v in os.environ.items() if k not in ("COLUMNS", "NO_COLOR", "LC_ALL")
    } | {"TERM": "xterm", "PYTHONIOENCODING": "utf-8", **environ}
    with subprocess.Popen([sys.executable, "-c", _PROGRAM], stdout=theirs, env=env) as program:
        os.close(theirs)
        written = b""
        while select.select([mine], [], [], 20)[0]:
            try:
                chunk = os.read(mine, 65536)
            except OSError:  # Linux says EIO when the last writer is gone
                break
            written += chunk
    os.close(mine)
    assert program.returncode == 0
    return written.decode("utf-8")


def drawn_lines(written: str) -> list[str]:
    plain = re.sub(r"\x1b\[[?\d;]*[A-Za-z]", "", written)
    return [line for line in plain.split("\r") if line.strip()]


@pytest.mark.parametrize("columns", [80, 50, 20])
def test_a_terminal_is_drawn_in_place_and_given_back(columns: int):
    written = on_a_terminal(columns)
    assert "\n" not in written
    assert written.startswith("\x1b[?25l\x1b[?7l")
    assert written.endswith("\x1b[K\x1b[?7h\x1b[?25h")
    assert written.count("\x1b[?25l") == written.count("\x1b[?25h") == 1
    lines = drawn_lines(written)
    assert len(lines) == 3
    assert all(len(line) < columns for line in lines)
    assert "38;2;" in written


def test_no_color_is_honoured():
    written = on_a_terminal(80, NO_COLOR="1")
    assert "38;2;" not in written
    assert "◑ happy" in drawn_lines(written)[0]


def test_a_dumb_terminal_gets_plain_lines():
    assert on_a_terminal(80, TERM="dumb").split() == [
        "LEDs:", "angry,", "disgust,", "fear,", "happy,", "sad,", "surprise,", "neutral;",
        "mood:", "no", "face",
    ]  # fmt: skip


def test_a_terminal_without_unicode_is_drawn_in_ascii():
    written = on_a_terminal(80, PYTHONIOENCODING="ascii")
    assert "# happy" in drawn_lines(written)[0]
