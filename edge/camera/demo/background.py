"""The demo's background: a stage at dusk, floating lights and two spotlights that sway."""

from __future__ import annotations

import math

import cv2
import numpy as np
import numpy.typing as npt

from edge.datatypes import BgrImage
from edge.palette import Rgb

COARSE = 4
"""Everything here is soft, so it is drawn this many times smaller and enlarged."""

TOP: Rgb = (32, 24, 68)
HORIZON: Rgb = (150, 74, 106)
FLOOR: Rgb = (44, 26, 50)
LIGHT_COLOURS: tuple[Rgb, ...] = (
    (255, 190, 120),
    (255, 120, 130),
    (140, 190, 255),
    (190, 150, 255),
)
SPOTLIGHTS: tuple[tuple[float, Rgb], ...] = ((0.14, (255, 214, 160)), (0.86, (170, 190, 255)))
"""Where each hangs, as a share of the width, and its colour."""

LIGHTS = 18
GOLDEN = 0.618034
"""Multiples of the golden ratio spread evenly without a pattern: no random numbers needed."""


class Stage:
    """Draws the background of a (width, height) frame at any moment."""

    def __init__(self, size: tuple[int, int]) -> None:
        self._size = size
        self._coarse = (max(size[0] // COARSE, 1), max(size[1] // COARSE, 1))
        self._softness = (max(size[0] // COARSE // 14, 1),) * 2
        self._sky = _sky(self._coarse)

    def render(self, t_s: float) -> BgrImage:
        """Return the background at `t_s` seconds, uint8 (H, W, 3)."""
        frame = self._sky.copy()
        self._add_spotlights(frame, t_s)
        self._add_lights(frame, t_s)
        soft = cv2.GaussianBlur(frame, (0, 0), self._coarse[0] / 110)
        return np.asarray(cv2.resize(soft, self._size, interpolation=cv2.INTER_LINEAR), np.uint8)

    def _add_spotlights(self, frame: BgrImage, t_s: float) -> None:
        width, height = self._coarse
        beams = np.zeros_like(frame)
        for side, colour in SPOTLIGHTS:
            foot = width * (0.5 + (side - 0.5) * 0.55 + 0.10 * math.sin(t_s / 2.3 + 6 * side))
            spread = width * 0.17
            corners = [(width * side, -2), (foot - spread, height), (foot + spread, height)]
            beam = np.zeros_like(frame)
            strength = 0.26 + 0.06 * math.sin(t_s * 1.1 + side)
            shade = [c * strength for c in colour[::-1]]
            cv2.fillConvexPoly(beam, np.array(corners, np.int32), shade)
            cv2.add(beams, beam, dst=beams)
        cv2.add(frame, cv2.blur(cv2.blur(beams, self._softness), self._softness), dst=frame)

    def _add_lights(self, frame: BgrImage, t_s: float) -> None:
        width, height = self._coarse
        glow = np.zeros_like(frame)
        for i in range(LIGHTS):
            drift = t_s * (0.006 + 0.004 * (i % 3))
            x = (i * GOLDEN + 0.02 * math.sin(t_s / 3 + i)) % 1
            y = (i * GOLDEN * GOLDEN * 2.7 - drift) % 1.1 - 0.05
            radius = width * (0.010 + 0.016 * (i * GOLDEN * 5 % 1))
            strength = 0.30 + 0.25 * math.sin(t_s * 0.9 + 2.1 * i)
            colour = [c * max(strength, 0.05) for c in LIGHT_COLOURS[i % 4][::-1]]
            cv2.circle(glow, (round(x * width), round(y * height * 0.8)), round(radius), colour, -1)
        cv2.add(frame, glow, dst=frame)


def _sky(size: tuple[int, int]) -> BgrImage:
    """Return dusk over a dark floor, uint8 (H, W, 3)."""
    width, height = size
    heights = np.linspace(0, 1, height)
    stops, colours = (0, 0.72, 0.80, 1), (TOP, HORIZON, FLOOR, FLOOR)
    channels = [np.interp(heights, stops, [c[k] for c in colours]) for k in (2, 1, 0)]
    column: npt.NDArray[np.float64] = np.stack(channels, axis=1)
    x = np.linspace(-1, 1, width)
    vignette = 1 - 0.35 * x**2
    return (column[:, None, :] * vignette[None, :, None]).astype(np.uint8)
