import numpy as np
import pytest

from edge.config import SmootherConfig
from edge.datatypes import BBox, EmotionScores, FaceState, Track
from edge.vision.smoother import Smoother

LABELS = ("angry", "happy", "sad")
CONFIG = SmootherConfig(time_constant_s=0.5, min_confidence=0.4, switch_margin=0.1, min_dwell_s=0.6)
TRACK = Track(track_id=1, box=BBox(0, 0, 10, 10), keypoints=None, hits=3, missed=0)
HAPPY, SAD = (0.1, 0.8, 0.1), (0.1, 0.1, 0.8)


def scores(probs: tuple[float, ...]) -> EmotionScores:
    return EmotionScores(track_id=1, probs=np.array(probs, np.float32))


def fed(
    smoother: Smoother, probs: tuple[float, ...], from_s: float, to_s: float, fps: float
) -> FaceState:
    for at_s in np.arange(from_s, to_s, 1 / fps):
        smoother.update(scores(probs), float(at_s))
    return smoother.state(TRACK)


@pytest.mark.parametrize("fps", [4.0, 30.0, 100.0])
def test_after_one_time_constant_a_change_is_63_percent_through_at_any_frame_rate(
    fps: float,
) -> None:
    smoother = Smoother(CONFIG, LABELS)
    smoother.update(scores((0.0, 1.0, 0.0)), 0.0)
    state = fed(smoother, (0.0, 0.0, 1.0), 1 / fps, 0.5 + 0.5 / fps, fps)
    assert state.probs["sad"] == pytest.approx(1 - np.exp(-1), abs=0.01)


def test_no_time_constant_means_no_smoothing() -> None:
    raw = SmootherConfig(time_constant_s=0, min_confidence=0, switch_margin=0, min_dwell_s=0)
    smoother = Smoother(raw, LABELS)
    smoother.update(scores(HAPPY), 0.0)
    smoother.update(scores(SAD), 0.01)
    assert smoother.state(TRACK).label == "sad"


def test_a_flicker_between_two_labels_is_not_shown() -> None:
    smoother = Smoother(CONFIG, LABELS)
    shown = set()
    for i in range(300):
        smoother.update(scores((0.1, 0.5, 0.4) if i % 2 else (0.1, 0.4, 0.5)), i / 15)
        shown.add(smoother.state(TRACK).label)
    assert len(shown) == 1


def test_a_label_dwells_even_when_the_expression_jumps() -> None:
    quick = SmootherConfig(
        time_constant_s=0, min_confidence=0.4, switch_margin=0.1, min_dwell_s=0.6
    )
    smoother = Smoother(quick, LABELS)
    smoother.update(scores(HAPPY), 0.0)
    smoother.update(scores(SAD), 0.3)
    assert smoother.state(TRACK).label == "happy"
    smoother.update(scores(SAD), 0.7)
    assert smoother.state(TRACK).label == "sad"


def test_an_unclear_face_is_uncertain_and_says_how_likely_its_best_guess_is() -> None:
    smoother = Smoother(CONFIG, LABELS)
    state = fed(smoother, (0.34, 0.33, 0.33), 0, 1, 15)
    assert state.label is None
    assert state.confidence == pytest.approx(0.34, abs=0.01)


def test_a_shown_label_that_fades_gives_way_to_uncertain() -> None:
    smoother = Smoother(CONFIG, LABELS)
    assert fed(smoother, HAPPY, 0, 1, 15).label == "happy"
    assert fed(smoother, (0.34, 0.33, 0.33), 1, 5, 15).label is None


def test_an_unclassified_face_has_no_probabilities() -> None:
    state = Smoother(CONFIG, LABELS).state(TRACK)
    assert (state.label, state.confidence, dict(state.probs)) == (None, 0.0, {})


def test_forgotten_tracks_start_afresh() -> None:
    smoother = Smoother(CONFIG, LABELS)
    fed(smoother, HAPPY, 0, 1, 15)
    smoother.keep_only(set())
    assert smoother.state(TRACK).probs == {}
    assert smoother.updated_s(1) == float("-inf")


def test_a_label_does_not_freeze_when_time_goes_back() -> None:
    smoother = Smoother(CONFIG, LABELS)
    assert fed(smoother, HAPPY, 5.0, 10.0, 25).label == "happy"
    state = fed(smoother, SAD, 0.0, 3.0, 25)
    assert state.label == "sad"
    assert state.confidence == pytest.approx(0.8, abs=0.01)
    smoother.reset()
    assert smoother.state(TRACK).probs == {}


def test_an_expression_changes_until_the_smoothed_probabilities_follow() -> None:
    smoother = Smoother(CONFIG, LABELS)
    assert not smoother.is_changing(1)
    fed(smoother, HAPPY, 0.0, 1.0, 10)
    assert not smoother.is_changing(1)
    fed(smoother, SAD, 1.0, 1.1, 10)
    assert smoother.is_changing(1)
    fed(smoother, SAD, 1.1, 3.0, 10)
    assert not smoother.is_changing(1)
