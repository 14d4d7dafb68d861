"""Measures how many faces of drawn rooms the detector finds, and how many it invents.

By hand, in minutes: `python tests/edge/measure_rooms.py --rooms 300 --seed 1`; `--video` follows
each room for some frames as the device does. The faces are FER2013's, or the demo's without it.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from faces import FACES
from fer2013 import DATA, stratified
from scenes import EDGES, SIZE, paste, paste_across, room

from edge.config import load_config
from edge.datatypes import BBox, BgrImage, Detection, FloatArray, GrayImage
from edge.vision.blazeface import BlazeFace, find_network
from edge.vision.detector import RoomDetector
from edge.vision.face_verifier import LandmarkFaceVerifier
from edge.vision.tracker import Tracker

Find = Callable[[BgrImage], Sequence[BBox]]
Place = Callable[[BgrImage, GrayImage, np.random.Generator], BBox]

# The median box of a face in a FER2013 image, in shares of the image.
FACE_X, FACE_Y, FACE_SIDE = 0.075, 0.155, 0.85
# A box that overlaps the face's by less is of something else.
SAME_IOU = 0.3
SIZES_PX = ((56, 90), (90, 140), (140, 221))
VIDEO_FRAMES, VIDEO_FPS = 45, 15


class Counted:
    """The detector's networks, and how often they ran."""

    def __init__(self) -> None:
        config = load_config().detector
        self._faces = BlazeFace(
            find_network("face_detection_short_range.tflite"), min_score=config.min_score
        )
        self._verifier = LandmarkFaceVerifier(find_network("face_landmark.tflite"))
        self._runs_per_frame = config.runs_per_frame
        self.runs = 0

    def detect(self, bgr: BgrImage, view: BBox, inset: float = 0.0) -> list[Detection]:
        self.runs += 1
        return self._faces.detect(bgr, view, inset)

    def probability(self, bgr: BgrImage, box: BBox, keypoints: FloatArray) -> float:
        self.runs += 1
        return self._verifier.probability(bgr, box, keypoints)

    def detector(self) -> RoomDetector:
        return RoomDetector(self, self, runs_per_frame=self._runs_per_frame)


@dataclass
class Tally:
    """The portraits by their size, those that were found, and the boxes of no portrait."""

    name: str
    sides_px: list[int] = field(default_factory=list)
    found: list[bool] = field(default_factory=list)
    invented: int = 0
    scenes: int = 0
    runs: int = 0

    @property
    def share(self) -> float:
        return float(np.mean(self.found)) if self.found else float("nan")

    def __str__(self) -> str:
        sides, found = np.array(self.sides_px), np.array(self.found, bool)
        bins = [found[(sides >= low) & (sides < high)] for low, high in SIZES_PX]
        sizes = "  ".join(
            f"{low}-{high - 1} px {hits.sum()}/{len(hits)}"
            for (low, high), hits in zip(SIZES_PX, bins, strict=True)
        )
        share = f"{self.share:6.1%}" if self.found else "     -"
        runs = f"{self.runs / max(self.scenes, 1):.1f} runs a scene"
        return f"{self.name:22} {share}  {sizes}  invented {self.invented} in {self.scenes}  {runs}"


def face_in(portrait: BBox) -> BBox:
    """Return the box of the face in a pasted portrait."""
    side = portrait.width
    x, y = portrait.x1 + FACE_X * side, portrait.y1 + FACE_Y * side
    return BBox(x, y, x + FACE_SIDE * side, y + FACE_SIDE * side)


def shows(box: BBox, portrait: BBox, size: tuple[int, int]) -> bool:
    """Whether `box` is the portrait's face, both clipped to the frame."""
    return box.clip(*size).iou(face_in(portrait).clip(*size)) >= SAME_IOU


def measure(
    name: str,
    faces: Iterator[GrayImage],
    place: Place,
    find: Find,
    *,
    count: int,
    rng: np.random.Generator,
    size: tuple[int, int] = SIZE,
) -> Tally:
    """Return what `find` makes of `count` rooms with one face each, put there by `place`."""
    tally = Tally(name, scenes=count)
    for face in itertools.islice(faces, count):
        scene = room(rng, size)
        portrait = place(scene, face, rng)
        boxes = find(scene)
        tally.sides_px.append(round(portrait.width))
        tally.found.append(any(shows(box, portrait, size) for box in boxes))
        tally.invented += sum(not shows(box, portrait, size) for box in boxes)
    return tally


def measure_empty(find: Find, count: int, rng: np.random.Generator) -> Tally:
    """Return what `find` makes of `count` rooms without a face."""
    return Tally(
        "rooms without a face",
        scenes=count,
        invented=sum(len(find(room(rng))) for _ in range(count)),
    )


def in_still(networks: Counted) -> Find:
    """Return the function that gives the boxes of a still."""
    return lambda scene: [face.box for face in networks.detector().detect_still(scene)]


def in_video(networks: Counted, rng: np.random.Generator) -> Find:
    """Return the function that gives the boxes shown after VIDEO_FRAMES of a noisy scene."""
    noise = rng.normal(0, 3, (8, 64, 64, 3)).astype(np.float32)

    def find(scene: BgrImage) -> list[BBox]:
        detector, tracker = networks.detector(), Tracker(load_config().tracker)
        tracks: Sequence[object] = ()
        for number in range(VIDEO_FRAMES):
            at_s = number / VIDEO_FPS
            noisy = _with_noise(scene, noise[number % len(noise)])
            sighting = detector.detect(noisy, tracker.predict(at_s))
            tracks = tracker.update(sighting, at_s)
        return [track.box for track in tracks]

    return find


def _with_noise(scene: BgrImage, tile: FloatArray) -> BgrImage:
    height, width = scene.shape[:2]
    tiles = np.tile(tile, (-(-height // 64), -(-width // 64), 1))[:height, :width]
    return np.asarray(cv2.add(scene, tiles, dtype=cv2.CV_8U), np.uint8)


def portraits(count: int, seed: int) -> Iterator[GrayImage]:
    """Yield portraits without end: FER2013's PrivateTest where it is here, else the demo's."""
    images = list(stratified(count, seed)[0]) if DATA.is_file() else demo_faces()
    rng = np.random.default_rng(seed)
    while True:
        yield from (images[i] for i in rng.permutation(len(images)))


def demo_faces() -> list[GrayImage]:
    """Return the demo's seven statistical faces."""
    files = (cv2.imread(str(p), cv2.IMREAD_GRAYSCALE) for p in sorted(FACES.glob("*.png")))
    return [np.asarray(image, np.uint8) for image in files]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rooms", type=int, default=300)
    options.add_argument("--empty", type=int, default=500, help="rooms without a face")
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--only", default="", help="places whose names begin so")
    options.add_argument("--video", action="store_true")
    args = options.parse_args()
    networks, rng = Counted(), np.random.default_rng(args.seed)
    find = in_video(networks, rng) if args.video else in_still(networks)
    faces = portraits(args.rooms, args.seed)
    places: dict[str, Place] = {"inside": paste}
    places |= {
        f"{share:.0%} at the {edge}": paste_across(edge, share)
        for share in (0.8, 0.6)
        for edge in EDGES
    }
    tallies: list[Callable[[], Tally]] = [
        lambda name=name, place=place: measure(name, faces, place, find, count=args.rooms, rng=rng)
        for name, place in places.items()
        if name.startswith(args.only)
    ]
    for make in [*tallies, lambda: measure_empty(find, args.empty, rng)]:
        networks.runs = 0
        tally = make()
        tally.runs = networks.runs
        print(tally, flush=True)


if __name__ == "__main__":
    main()
