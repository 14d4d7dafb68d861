"""What sparing runs costs: the same people are found in the same rooms, at the same time."""

from dataclasses import dataclass

import msgspec
import numpy as np
import pytest
from faces import FACES, hang
from scenes import SIZE, room

from edge.config import Config, load_config
from edge.datatypes import BBox, BgrImage, Frame
from edge.models import Vision, load_vision
from edge.vision.blazeface import BlazeFace

FPS = 15
ENTERS_S, CHANGES_S, ENDS_S = 1.4, 3.0, 5.0
ROOMS = 12


@pytest.fixture(scope="module")
def vision() -> Vision:
    return load_vision(load_config())


def without_sparing(config: Config) -> Config:
    return msgspec.structs.replace(
        config,
        detector=msgspec.structs.replace(config.detector, search_again_s=0.0),
        classifier=msgspec.structs.replace(config.classifier, rate_hz=60.0),
    )


@dataclass(frozen=True)
class Seen:
    """When a face was first shown and when its second label was, after they were due; its runs."""

    shown_s: float
    changed_s: float
    labels: int
    runs: int


def watch(vision: Vision, config: Config, seed: int, monkeypatch: pytest.MonkeyPatch) -> Seen:
    rng = np.random.default_rng(seed)
    side = int(rng.integers(60, 200))
    x, y = (int(rng.integers(0, length - side)) for length in SIZE)
    empty = room(rng)
    scenes = [empty, empty.copy(), empty.copy()]
    boxes = [hang(scenes[i], label, x, y, side) for i, label in ((1, "happy"), (2, "surprise"))]
    noise = [rng.integers(-4, 5, empty.shape, np.int16) for _ in range(3)]
    runs: list[BBox] = []
    detect = BlazeFace.detect

    def counted(self: BlazeFace, bgr: BgrImage, view: BBox, inset: float) -> object:
        runs.append(view)
        return detect(self, bgr, view, inset)

    line = vision.pipeline(config)
    shown_s = changed_s = float("inf")
    labels = 0
    with monkeypatch.context() as patched:
        patched.setattr(BlazeFace, "detect", counted)
        for seq in range(int(ENDS_S * FPS)):
            at_s = seq / FPS
            scene = scenes[(at_s >= ENTERS_S) + (at_s >= CHANGES_S)]
            bgr = np.clip(scene + noise[seq % 3], 0, 255).astype(np.uint8)
            faces = line.step(Frame(bgr=bgr, seq=seq, captured_at_s=at_s)).faces
            here = [f for f in faces if f.box.iou(boxes[0]) > 0.3]
            if here and at_s < CHANGES_S:
                shown_s = min(shown_s, at_s - ENTERS_S)
                labels += here[0].label == "happy"
            if here and here[0].label == "surprise" and at_s >= CHANGES_S:
                changed_s = min(changed_s, at_s - CHANGES_S)
    return Seen(shown_s, changed_s, labels, len(runs))


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_faces_are_found_and_changes_shown_as_soon_as_without_sparing(
    vision: Vision, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert FACES.is_dir()
    default = load_config()
    all_runs = without_sparing(default)
    every = [watch(vision, all_runs, seed, monkeypatch) for seed in range(ROOMS)]
    spared = [watch(vision, default, seed, monkeypatch) for seed in range(ROOMS)]

    def median(values: list[float]) -> float:
        return float(np.median(values))

    for name, seen in (("every run", every), ("spared", spared)):
        print(
            f"{name}: shown after {median([s.shown_s for s in seen]):.2f} s, "
            f"changed after {median([s.changed_s for s in seen]):.2f} s, "
            f"labelled frames {sum(s.labels for s in seen)}, runs {sum(s.runs for s in seen)}"
        )
    assert sum(np.isfinite([s.shown_s for s in spared])) >= sum(
        np.isfinite([s.shown_s for s in every])
    )
    assert median([s.shown_s for s in spared]) <= median([s.shown_s for s in every]) + 0.1
    assert median([s.changed_s for s in spared]) <= median([s.changed_s for s in every]) + 0.1
    assert sum(s.labels for s in spared) >= 0.95 * sum(s.labels for s in every)
    assert sum(s.runs for s in spared) < 0.6 * sum(s.runs for s in every)
