"""The animation: the level of each LED at a given time. No I/O here: time is an argument."""

from __future__ import annotations

import math
from typing import Literal

from edge.datatypes import CameraState, LedState, Report
from edge.leds import turns
from edge.leds.mood import per_emotion_levels, rgb_mood

STATUS, PRIVACY = "status", "privacy"
RGB_NAMES = ("red", "green", "blue")

EASE_S = 0.12  # a change reaches 63% after this long: no flicker, and no visible lag
SILENCE_S = 1.2  # without a report for this long the camera counts as lost
_PRIVACY_LEVEL = 0.3  # at least: a low brightness must not hide that the camera is on
_TEST_LEVEL = 0.3  # at least: a low brightness must not look like a broken wire
_STEP = 1 / 255  # the least visible difference


class Animation:
    """The levels of all LEDs over time, eased between reports; see mood.py for "level".

    `brightness` 0..1 is the level of the brightest LED. Without reports the expressions turn off
    and the status LED shows "lost". The privacy LED keeps its state, since the camera may still be
    on.
    """

    def __init__(
        self, mode: Literal["per_emotion", "rgb"], labels: tuple[str, ...], brightness: float
    ) -> None:
        self._mode = mode
        self._labels = labels
        self.brightness = brightness
        self._mood_names = labels if mode == "per_emotion" else RGB_NAMES
        self._moods = dict.fromkeys(self._mood_names, 0.0)
        self._targets = dict(self._moods)
        self._camera = CameraState.STARTING
        self._camera_on = True
        self._told_at_s: float | None = None
        self._eased_at_s = -math.inf
        self._status = 0.0
        self._test_began_s: float | None = None
        self._test_levels: dict[str, float] | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The LEDs in the order of display: the mood, then status and privacy."""
        return (*self._mood_names, STATUS, PRIVACY)

    @property
    def tested_names(self) -> tuple[str, ...]:
        """The LEDs that the test lights: all but privacy, which tells the truth during it, too."""
        return (*self._mood_names, STATUS)

    def begin_test(self, now_s: float) -> None:
        """Light each LED in turn from now on; one that runs begins again."""
        self._test_began_s = now_s
        self._test_levels = turns.levels_at(self.tested_names, 0.0)

    def tell(self, report: Report, now_s: float) -> None:
        """Set the report as the target."""
        self._camera, self._camera_on = report.health.camera, report.health.camera_on
        self._told_at_s = now_s
        self._targets = self._target_levels(report)

    def advance(self, now_s: float) -> LedState:
        """Advance to `now_s` and return the levels; a time that goes back restarts the easing."""
        if now_s < self._eased_at_s:
            self._eased_at_s = now_s
            self._told_at_s = None if self._told_at_s is None else now_s
        silent = self._told_at_s is not None and now_s - self._told_at_s > SILENCE_S
        if silent:
            self._targets = dict.fromkeys(self._mood_names, 0.0)
        share = -math.expm1((self._eased_at_s - now_s) / EASE_S)
        self._moods = {k: _eased(v, self._targets[k], share) for k, v in self._moods.items()}
        self._eased_at_s = now_s
        self._status = status_level(CameraState.LOST if silent else self._camera, now_s)
        if self._test_began_s is not None:
            self._test_levels = turns.levels_at(self.tested_names, now_s - self._test_began_s)
            if self._test_levels is None:
                self._test_began_s = None
        return self.state()

    def state(self) -> LedState:
        """Return the latest levels."""
        brightness = self.brightness
        levels = {**self._moods, STATUS: self._status}
        if self._test_levels is not None:
            levels, brightness = self._test_levels, max(brightness, _TEST_LEVEL)
        levels = {name: level * brightness for name, level in levels.items()}
        levels[PRIVACY] = max(self.brightness, _PRIVACY_LEVEL) if self._camera_on else 0.0
        return LedState(mode=self._mode, levels=levels)

    def _target_levels(self, report: Report) -> dict[str, float]:
        if report.snapshot is None or not report.health.healthy:
            return dict.fromkeys(self._mood_names, 0.0)
        if self._mode == "per_emotion":
            return per_emotion_levels(report.snapshot, self._labels)
        colour = rgb_mood(report.snapshot)
        return {name: code / 255 for name, code in zip(RGB_NAMES, colour, strict=True)}


def status_level(camera: CameraState, now_s: float) -> float:
    """Return the status LED's level: a pulse every two seconds while live, 4 Hz when lost.

    It is steady while starting, and faint while pausing and paused.
    """
    if camera is CameraState.LIVE:
        return 0.05 + 0.95 * (0.5 - 0.5 * math.cos(math.pi * now_s))
    if camera is CameraState.LOST:
        return float(now_s * 4 % 1 < 0.5)
    return 1.0 if camera is CameraState.STARTING else 0.3


def _eased(level: float, target: float, share: float) -> float:
    return target if abs(target - level) < _STEP else level + (target - level) * share
