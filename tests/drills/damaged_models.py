"""Drills: the expression model is replaced, truncated or has a flipped bit."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from drill import Lab, drill
from drilled import Drilled, until
from drilled_process import ROOT

_MODEL = ROOT / "models" / "emotion_densenet121_int8.tflite"


def _pair(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for suffix in (".tflite", ".json"):
        shutil.copy(_MODEL.with_suffix(suffix), folder)
    return folder / _MODEL.name


def _flip_a_bit(model: Path) -> None:
    with model.open("r+b") as file:
        file.seek(model.stat().st_size // 2)
        (byte,) = file.read(1)
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte ^ 1]))


def _truncate(model: Path) -> None:
    os.truncate(model, 1000)


def _replace(model: Path) -> None:
    other = model.with_suffix(".new")
    other.write_bytes(b"no network" * 1000)
    other.replace(model)


FAULTS: tuple[Callable[[Path], None], ...] = (_flip_a_bit, _truncate, _replace)


def _refusal(device: Drilled) -> str:
    """Return the one line that a start ends with."""
    code = device.wait()
    assert code == 1, (code, device.log)
    told = [line for line in device.lines if line.startswith("emotion-edge: ")]
    assert len(told) == 1, device.log
    assert "Traceback" not in device.log, device.log
    return told[0].strip()


@drill(
    "a flipped bit in the model, a truncated one, one that is replaced by noise: before the start",
    "one line that names the file, exit code 1, no traceback; with the model back it starts",
    is_short=True,
)
def model_damaged_before_start(lab: Lab) -> str:
    for damage in FAULTS:
        model = _pair(lab.folder / damage.__name__.strip("_"))
        damage(model)
        refused = _refusal(lab.device(classifier={"model": str(model)}))
        assert model.name in refused, refused
    lab.live(classifier={"model": str(_pair(lab.folder / "whole"))})
    return f"3 of 3 refused, the last with {refused.partition(model.name)[2][:60]!r}"


@drill(
    "the same, and the model deleted, while the device runs",
    "inference goes on with the model that was loaded, nothing is logged; the next start refuses",
)
def model_damaged_while_running(lab: Lab) -> str:
    for damage in (*FAULTS, Path.unlink):
        model = _pair(lab.folder / damage.__name__.strip("_"))
        device = lab.live(damage.__name__.strip("_"), classifier={"model": str(model)})
        until("inference goes on", device.infers, 20, device)
        damage(model)
        assert device.is_well()
        assert device.complaints() == []
        assert device.end() == 0
    _refusal(lab.device(classifier={"model": str(model)}))
    return "4 of 4 went on"
