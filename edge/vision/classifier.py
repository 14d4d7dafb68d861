"""Classifies the expressions of faces: one network, with the manifest's pre- and postprocessing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from edge.datatypes import BgrImage, EmotionScores, FloatArray, Track
from edge.vision.align import face_transform
from edge.vision.geometry import warp
from edge.vision.manifest import Manifest
from edge.vision.runtime import Network
from edge.vision.tensors import dequantize, quantize, softmax


class EmotionClassifier:
    """Classifies aligned faces with the network that a manifest describes."""

    def __init__(self, network: Network, manifest: Manifest) -> None:
        self._network = network
        self._manifest = manifest
        self._inputs = self._input_of_each_level()
        self.labels = tuple(manifest.labels)

    def classify(self, bgr: BgrImage, tracks: Sequence[Track]) -> list[EmotionScores]:
        """Return the probabilities of each track's expression in the frame `bgr`."""
        return scores_of(tracks, self.probabilities([self.aligned(bgr, t) for t in tracks]))

    def aligned(self, bgr: BgrImage, track: Track) -> BgrImage:
        """Return the track's face, framed as in training, uint8 (S, S, 3)."""
        side = self._manifest.input.shape[1]
        crop = self._manifest.face_crop
        return warp(bgr, face_transform(track.box, track.keypoints, crop, side), side)

    def probabilities(self, faces_bgr: Sequence[BgrImage]) -> FloatArray:
        """Return float32 (N, 7) for N crops framed as in training, each uint8 (S, S, 3)."""
        if not faces_bgr:
            return np.empty((0, len(self.labels)), np.float32)
        if self._manifest.input.colour == "gray":
            pixels = [cv2.cvtColor(face, cv2.COLOR_BGR2GRAY)[..., None] for face in faces_bgr]
        else:
            pixels = [cv2.cvtColor(face, cv2.COLOR_BGR2RGB) for face in faces_bgr]
        return self._as_probabilities(self._network.run_batch(self._inputs[np.stack(pixels)]))

    def _input_of_each_level(self) -> npt.NDArray[Any]:
        """Return the network's input for each of the 256 levels of a pixel."""
        spec = self._manifest.input
        levels = np.arange(256, dtype=np.float32)
        real = (levels - np.float32(spec.mean)) / np.float32(spec.std)
        if spec.dtype == "float32":
            return real
        return quantize(real, scale=spec.scale, zero_point=spec.zero_point, dtype=spec.dtype)

    def _as_probabilities(self, output: npt.NDArray[Any]) -> FloatArray:
        spec = self._manifest.output
        if spec.dtype != "float32":
            output = dequantize(output, scale=spec.scale, zero_point=spec.zero_point)
        if spec.activation == "probabilities":
            return output
        return softmax(np.divide(output, spec.temperature, dtype=np.float32))


def scores_of(tracks: Sequence[Track], probs: FloatArray) -> list[EmotionScores]:
    """Return the rows of `probs` (N, 7) as the scores of N tracks."""
    return [
        EmotionScores(track_id=track.track_id, probs=of_one)
        for track, of_one in zip(tracks, probs, strict=True)
    ]
