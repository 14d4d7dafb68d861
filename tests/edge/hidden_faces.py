"""Scenes with faces to hide, and a measure of what is still seen of them."""

import numpy as np

from edge.datatypes import BBox, BgrImage, FaceState, Frame, Scene, Snapshot

FACE = BBox(260, 180, 360, 280)
NOISE = np.random.default_rng(3).integers(0, 255, (480, 640, 3), np.uint8)
ROUND = 12


def scene_of(
    seq: int,
    *,
    faces: tuple[BBox, ...] = (),
    unshown: dict[int, BBox] | None = None,
    at_s: float | None = None,
    bgr: BgrImage = NOISE,
    candidates: tuple[BBox, ...] = (),
    opening: int = 0,
) -> Scene:
    at_s = seq / 15 if at_s is None else at_s
    states = tuple(
        FaceState(track_id=i, box=box, label="happy", confidence=0.9, probs={})
        for i, box in enumerate(faces)
    )
    snapshot = Snapshot(
        seq=seq,
        captured_at_s=at_s,
        faces=states,
        dominant=None,
        stage_ms={},
        unshown=unshown or {},
        candidates=candidates,
    )
    frame = Frame(bgr=bgr, seq=seq, captured_at_s=at_s, opening=opening)
    return Scene(frame=frame, snapshot=snapshot)


def detail(bgr: BgrImage, box: BBox) -> float:
    """How much neighbouring pixels differ inside the box: noise much, blocks hardly."""
    inner = bgr[round(box.y1) + 4 : round(box.y2) - 4, round(box.x1) + 4 : round(box.x2) - 4]
    return float(np.abs(np.diff(inner.astype(float), axis=1)).mean())


EMPTY = np.full_like(NOISE, 128)
