"""Smooths probabilities and stabilises labels. No I/O, no clock: times come with the frames."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from edge.config import SmootherConfig
from edge.datatypes import EmotionScores, FaceState, FloatArray, Track

# An input that differs this much from the smoothed probabilities is a change of expression: half
# the sum of the absolute differences, 0..1.
_CHANGING = 0.25


@dataclass(slots=True)
class _Smoothed:
    """One track's smoothed probabilities, and the label shown since `since_s`.

    `distance` is how far the newest input was from them.
    """

    probs: FloatArray
    updated_s: float
    label: int | None
    since_s: float
    distance: float = 0.0


class Smoother:
    """Exponential smoothing by time, then hysteresis and a minimum dwell, for each track.

    A probability follows its input with the time constant, whatever the frame rate. The label
    changes only when another one leads by the margin and the shown one has been up for the
    dwell. It is None, "uncertain", while no probability reaches the minimum.
    """

    def __init__(self, config: SmootherConfig, labels: Sequence[str]) -> None:
        self.config = config
        """May be replaced while it runs, from any thread."""
        self._labels = tuple(labels)
        self._tracks: dict[int, _Smoothed] = {}

    def update(self, scores: EmotionScores, at_s: float) -> None:
        """Add the new probabilities of one face, from the frame at `at_s`.

        When the time of a face goes back, its smoothing restarts.
        """
        known = self._tracks.get(scores.track_id)
        if known is None or at_s < known.updated_s:
            label = self._choice(scores.probs, None)
            self._tracks[scores.track_id] = _Smoothed(scores.probs, at_s, label, at_s)
            return
        # The exact response of a first-order low-pass filter to an input held for dt.
        dt, tau = at_s - known.updated_s, self.config.time_constant_s
        weight = 1.0 if tau == 0 else 1.0 - math.exp(-dt / tau)
        known.distance = float(np.abs(scores.probs - known.probs).sum()) / 2
        known.probs = known.probs + (scores.probs - known.probs) * weight
        known.updated_s = at_s
        label = self._choice(known.probs, known.label)
        if label != known.label and at_s - known.since_s >= self.config.min_dwell_s:
            known.label, known.since_s = label, at_s

    def state(self, track: Track) -> FaceState:
        """Return the state to show; uncertain, without probabilities, before the first update."""
        known = self._tracks.get(track.track_id)
        probs = {} if known is None else dict(zip(self._labels, known.probs.tolist(), strict=True))
        label = None if known is None or known.label is None else self._labels[known.label]
        confidence = max(probs.values(), default=0.0) if label is None else probs[label]
        return FaceState(
            track_id=track.track_id, box=track.box, label=label, confidence=confidence, probs=probs
        )

    def updated_s(self, track_id: int) -> float:
        """Return when a track was last classified, minus infinity if never."""
        known = self._tracks.get(track_id)
        return -math.inf if known is None else known.updated_s

    def is_changing(self, track_id: int) -> bool:
        """Whether the newest probabilities of a track differ from its smoothed ones."""
        known = self._tracks.get(track_id)
        return known is not None and known.distance >= _CHANGING

    def keep_only(self, track_ids: Collection[int]) -> None:
        """Forget every track that is not in `track_ids`."""
        self._tracks = {i: known for i, known in self._tracks.items() if i in track_ids}

    def reset(self) -> None:
        """Forget every track."""
        self._tracks = {}

    def _choice(self, probs: FloatArray, shown: int | None) -> int | None:
        best = int(probs.argmax())
        if probs[best] < self.config.min_confidence:
            return None
        if shown is not None and probs[best] < probs[shown] + self.config.switch_margin:
            stays_clear = probs[shown] >= self.config.min_confidence
            return shown if stays_clear else best
        return best
