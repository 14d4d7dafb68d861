"""`emotion-converter demo-faces`: faces for the demo scene, each the average of many people's.

For each expression: the training images that most FER+ voters agree on, frontal ones, aligned
by eyes, nose and mouth, the most typical of them averaged together with their mirror images.
Done twice, for people with dark and with light hair, so that a scene can show two actors. No
image of a single person is left in the result.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from converter.data.dataset import LABELS, FaceDataset, load_dataset
from converter.data.ferplus import LABEL_COLUMNS
from converter.demo_faces.landmarks import Landmarks
from converter.errors import DataError, OutputError, UsageError
from converter.output import check_writable, write_together
from converter.progress import progress

Floats = npt.NDArray[np.float32]

TILE_PX = 160
ANCHORS = np.array([(0.35, 0.40), (0.65, 0.40), (0.50, 0.57), (0.50, 0.72)], np.float32) * TILE_PX
"""Where the eyes, nose and mouth of every face come to lie."""

ACTORS = ("dark", "light")
FEWEST_PEOPLE = 100
"""An average of fewer could be recognised."""

POOL_PER_PERSON = 4
"""Candidates for each person needed, over both actors."""

EXAGGERATION = 1.7
"""How far an expression is taken from the actor's mean face; 1 is as averaged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Portrait:
    """One average, uint8 (160, 160). FER2013 has no names: `people` counts different images."""

    name: str
    gray: npt.NDArray[np.uint8]
    people: int


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the `demo-faces` command."""
    parser = subparsers.add_parser("demo-faces", help="average faces into the demo's actors")
    parser.add_argument("--data", type=Path, required=True, help="FER2013 as .npz, with FER+ votes")
    parser.add_argument("--out", type=Path, required=True, help="folder for the portraits")
    parser.add_argument(
        "--people", type=int, default=110, help="people in each average (default: %(default)s)"
    )
    parser.add_argument("--force", action="store_true", help="replace faces that exist")
    parser.set_defaults(func=run)


def run(args: argparse.Namespace) -> int:
    """Write the portraits and people.json into `args.out`; return the exit code."""
    _prepare(args.out, force=args.force)
    faces = load_dataset(args.data).training()
    portraits = average_faces(faces.take(faces.votes[:, 0] >= 0), args.people)
    write_together(files_of(portraits, args.out))
    sys.stdout.write(f"{args.out}: {len(portraits)} portraits, {args.people} people in each\n")
    return 0


def _prepare(folder: Path, *, force: bool) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise OutputError(f"{folder}: cannot make the folder: {exc.strerror}") from exc
    check_writable((folder / "people.json",), force=force)


def average_faces(faces: FaceDataset, people: int) -> list[Portrait]:
    """Return a portrait of every expression for each actor, from images with FER+ votes.

    Raises UsageError when an average would be of fewer than FEWEST_PEOPLE, DataError when the
    dataset has not enough suitable faces.
    """
    if people < FEWEST_PEOPLE:
        raise UsageError(f"--people {people}: an average of fewer than {FEWEST_PEOPLE} is refused")
    landmarks = Landmarks()
    averages: dict[str, list[Floats]] = {actor: [] for actor in ACTORS}
    for label in progress(range(len(LABELS)), "averaging", total=len(LABELS)):
        tiles = aligned(faces, label, landmarks, most=POOL_PER_PERSON * people)
        if len(tiles) < 2 * people:
            raise DataError(
                f"only {len(tiles)} suitable faces are {LABELS[label]!r}, "
                f"{2 * people} are needed; lower --people"
            )
        darkest_first = tiles[np.argsort([hair_brightness(tile) for tile in tiles])]
        halves = np.array_split(darkest_first, len(ACTORS))
        for actor, half in zip(ACTORS, halves, strict=True):
            averages[actor].append(average(typical(half, people)))
    return [
        Portrait(name=f"{actor}-{label}", gray=developed(face), people=people)
        for actor, own in averages.items()
        for label, face in zip(LABELS, exaggerated(np.array(own), EXAGGERATION), strict=True)
    ]


def aligned(faces: FaceDataset, label: int, landmarks: Landmarks, *, most: int) -> Floats:
    """Return at most `most` frontal faces of an expression, the clearest by vote first.

    float32 (N, 160, 160), each of mean 0 and deviation 1 over the face.
    """
    candidates = np.flatnonzero(faces.labels == label)
    clarity = vote_margin(faces.votes[candidates], LABEL_COLUMNS[label])
    tiles: list[Floats] = []
    for index in candidates[np.argsort(-clarity, kind="stable")]:
        if len(tiles) == most:
            break
        score, points = landmarks(faces.images[index])
        if score >= 0.6 and is_frontal(points):
            tiles.append(standardised(warped(faces.images[index], points)))
    return np.array(tiles, np.float32)


def vote_margin(votes: npt.NDArray[np.int8], column: int) -> npt.NDArray[np.int64]:
    """Return, per image, the votes for one expression minus those for the strongest other."""
    votes = votes.astype(np.int64)
    others = np.delete(votes, column, axis=1)
    margin: npt.NDArray[np.int64] = votes[:, column] - others.max(axis=1)
    return margin


def is_frontal(points: Floats) -> bool:
    """Whether a face looks this way: the nose between the eyes, the eyes level and apart."""
    left, right, nose, _ = points
    between = right - left
    apart = float(np.linalg.norm(between))
    turned = abs(float(nose[0] - (left[0] + right[0]) / 2)) / max(apart, 1e-6)
    tilted = abs(float(np.arctan2(between[1], between[0])))
    return turned < 0.25 and tilted < 0.25 and 12 < apart < 26


def warped(gray: npt.NDArray[np.uint8], points: Floats) -> Floats:
    """Return the 48x48 image as a tile, its four points brought nearest to ANCHORS."""
    design = np.column_stack([points, np.ones(4, np.float32)])
    matrix = np.linalg.lstsq(design, ANCHORS, rcond=None)[0].T
    tile = cv2.warpAffine(
        gray.astype(np.float32),
        matrix,
        (TILE_PX, TILE_PX),
        flags=cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return tile.astype(np.float32)


def face_mask() -> npt.NDArray[np.bool_]:
    """Return where the face itself is in a tile: an ellipse from brow to chin."""
    mask = np.zeros((TILE_PX, TILE_PX), np.uint8)
    cv2.ellipse(mask, (80, 88), (52, 66), 0, 0, 360, 1, -1)
    return mask > 0


FACE = face_mask()


def standardised(tile: Floats) -> Floats:
    """Return the tile with mean 0 and deviation 1 over the face."""
    face = tile[FACE]
    result: Floats = (tile - face.mean()) / max(float(face.std()), 1e-6)
    return result


def hair_brightness(tile: Floats) -> float:
    """Return the mean of the band over the forehead and down both temples."""
    return float(
        np.mean([tile[4:28].mean(), tile[28:84, 16:34].mean(), tile[28:84, -34:-16].mean()])
    )


def typical(tiles: Floats, people: int) -> Floats:
    """Return the `people` tiles that are most like the mean of all, inside the face."""
    inside = tiles[:, FACE]
    likeness = inside @ inside.mean(axis=0)
    nearest: Floats = tiles[np.argsort(-likeness)[:people]]
    return nearest


def average(tiles: Floats) -> Floats:
    """Return the symmetric mean of the tiles, each nudged to fit the mean of all.

    The nudge (smoothed optical flow) brings lips and brows into line: without it they blur.
    """
    blurred = symmetric(np.asarray(tiles.mean(axis=0), np.float32))
    target, at_rest = _as_gray(blurred), np.zeros((TILE_PX, TILE_PX, 2), np.float32)
    flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    rows, columns = np.mgrid[0:TILE_PX, 0:TILE_PX].astype(np.float32)
    total = np.zeros_like(blurred)
    for tile in tiles:
        shift = flow.calc(target, _as_gray(tile), at_rest.copy())
        shift = cv2.GaussianBlur(shift, (0, 0), 4)
        fitted = cv2.remap(
            tile,
            columns + shift[..., 0],
            rows + shift[..., 1],
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
        total += standardised(np.asarray(fitted, np.float32))
    return symmetric(np.asarray(total / len(tiles), np.float32))


def symmetric(tile: Floats) -> Floats:
    """Return the mean of the tile and its mirror image."""
    return np.asarray((tile + tile[:, ::-1]) / 2, np.float32)


def exaggerated(averages: Floats, amount: float) -> Floats:
    """Return each face moved away from the mean of all by `amount`: a caricature above 1."""
    mean = averages.mean(axis=0)
    return np.asarray(mean + amount * (averages - mean), np.float32)


def developed(average: Floats) -> npt.NDArray[np.uint8]:
    """Return an average as a grey image, its contrast restored and lightly sharpened."""
    tile = standardised(average)
    tile = standardised(tile + 0.6 * (tile - cv2.GaussianBlur(tile, (0, 0), 3)))
    return _as_gray(tile)


def _as_gray(tile: Floats) -> npt.NDArray[np.uint8]:
    return np.clip(128 + 48 * tile, 0, 255).astype(np.uint8)


def files_of(portraits: list[Portrait], folder: Path) -> dict[Path, bytes]:
    """Return each portrait as a PNG and, last, the numbers of people as people.json."""
    files = {
        folder / f"{portrait.name}.png": bytes(
            cv2.imencode(".png", portrait.gray, [cv2.IMWRITE_PNG_COMPRESSION, 9])[1]
        )
        for portrait in portraits
    }
    people = {f"{portrait.name}.png": portrait.people for portrait in portraits}
    files[folder / "people.json"] = (json.dumps({"people": people}, indent=2) + "\n").encode()
    return files
