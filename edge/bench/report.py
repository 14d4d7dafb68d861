"""What a measurement found: as JSON-ready values, and as a text for a terminal or a document."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Found = Mapping[str, Any]
"""The JSON object of a measurement; see `Measurement` in bench.py."""


def text(found: Found) -> str:
    """Return the measurement as Markdown, which also reads well on a terminal."""
    return "\n".join(
        [
            *_machine(found["machine"]),
            "",
            *_table(_RATES, [_rates_row(case) for case in found["cases"]]),
            "",
            *_compared(found),
            *_device(found),
            *(line for case in _shown_in_detail(found["cases"]) for line in _stages(case)),
        ]
    )


_RATES = (
    *("clip", "threads", "faces shown", "frames/s", "fer, frames/s", "fer finds"),
    *("times as fast", "of a core at 15 fps", "times one face", "longest wait"),
)


def _machine(machine: Found) -> Iterator[str]:
    board = f"{machine['model']}, " if machine["model"] else ""
    yield (
        f"{board}{machine['processor']}, {machine['cores']} cores, {machine['architecture']}, "
        f"{machine['system']}. Load before: {', '.join(map(str, machine['load']))}."
    )
    yield ", ".join(f"{name} {version}" for name, version in machine["versions"].items()) + "."


def _rates_row(case: Found) -> list[str]:
    other, ratio = case.get("other_frames_per_s"), case.get("ratio")
    return [
        case["clip"],
        str(case["threads"]),
        f"{case['faces_shown']:g}",
        _spread(case["frames_per_s"], "{:.1f}"),
        _spread(other, "{:.1f}") if other else "-",
        f"{case['other_faces_found']:g}" if other else "-",
        _spread(ratio, "{:.1f}") if ratio else "-",
        _spread(case["core"], "{:.1%}"),
        _spread(case["cost"], "{:.2f}") if "cost" in case else "-",
        f"{case['longest_wait_ms']} ms",
    ]


def _spread(value: Found, form: str) -> str:
    median, least, greatest = (form.format(value[k]) for k in ("median", "least", "greatest"))
    return f"{median} ({least} to {greatest})" if least != greatest else median


def _compared(found: Found) -> Iterator[str]:
    if found["compared_with"]:
        yield f"Compared with {found['compared_with']}, on the same frames, pass by pass in turn."
        yield ""


def _device(found: Found) -> Iterator[str]:
    device = found["device"]
    if device is not None:
        yield (
            f"The running device: {device['first_label_s']:g} s from the start to the first "
            f"labelled face, {device['peak_mb']:g} MB of memory at most."
        )
        yield ""


def _shown_in_detail(cases: Sequence[Found]) -> Sequence[Found]:
    """Return the case with the fewest threads and two faces, or the first."""
    two = [case for case in cases if case["clip"] == "2 faces"]
    return (two or list(cases))[:1]


def _stages(case: Found) -> Iterator[str]:
    yield f"Milliseconds of a frame, {case['clip']}, threads: {case['threads']}."
    yield ""
    rows = [
        [stage, *(f"{times[key]:.2f}" for key in ("median", "p95", "p99"))]
        for stage, times in case["stages_ms"].items()
    ]
    yield from _table(("stage", "median", "p95", "p99"), rows)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head))]

    def line(cells: Sequence[str]) -> str:
        padded = (cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
        return f"| {' | '.join(padded)} |"

    yield line(head)
    yield f"|{'|'.join('-' * (width + 2) for width in widths)}|"
    yield from (line(row) for row in rows)
