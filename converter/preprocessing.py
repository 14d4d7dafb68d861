"""Converts a face image to the input of a network: size, colours, range of values."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from converter.data.dataset import Images

Floats = npt.NDArray[np.float32]

CHANNELS = {"gray": 1, "rgb": 3}


@dataclass(frozen=True, slots=True, kw_only=True)
class Preparation:
    """Square images of (pixel - mean) / std, as the manifest tells the device to make them.

    The defaults are those of our own network.
    """

    side_px: int = 48
    colour: str = "gray"
    mean: float = 127.5
    std: float = 127.5

    def __call__(self, image: Images) -> Floats:
        """Return float32 (1, S, S, C) of one grey image, uint8 (H, W).

        FER2013 has grey samples only: a network for colours gets the grey channel three times.
        """
        # Smoothly up, as the device warps a face; by areas down, where that would skip pixels.
        smaller = self.side_px < max(image.shape)
        method = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
        sized = cv2.resize(image, (self.side_px, self.side_px), interpolation=method)
        real = (sized.astype(np.float32) - np.float32(self.mean)) / np.float32(self.std)
        return np.repeat(real[None, :, :, None], CHANNELS[self.colour], axis=3)
