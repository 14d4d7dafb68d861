"""The ignored regions as their owner draws them on the page: checked, kept in the state folder."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

from edge.datatypes import BBox
from edge.errors import EdgeError, StateError
from edge.state import KeptFile, open_folder
from edge.vision.ignored_regions import IgnoredRegions

log = logging.getLogger(__name__)

MOST_REGIONS = 16
_LEAST_SHARE = 0.01  # of the frame's width and height
_DIGITS = 4
_NAME = "ignored-regions"


class KeptRegions:
    """The regions of one device. Without a folder they last until the next restart."""

    def __init__(self, regions: IgnoredRegions, folder: Path | None) -> None:
        """Read the regions. A file that cannot be read is logged, and no region is ignored."""
        self._regions = regions
        self._file = None if folder is None else KeptFile(folder / _NAME)
        if self._file is not None:
            regions.boxes = _read(self._file)

    def get(self) -> list[list[float]]:
        """Return each region as [x1, y1, x2, y2] in shares of the frame."""
        return [[b.x1, b.y1, b.x2, b.y2] for b in self._regions.boxes]

    def set(self, values: Any) -> None:
        """Replace all regions. Raises ValueError for wrong ones, EdgeError if not written."""
        boxes = _checked(values)
        if self._file is not None:
            open_folder(self._file.path.parent)
            self._file.write(json.dumps([[b.x1, b.y1, b.x2, b.y2] for b in boxes]).encode())
        self._regions.boxes = boxes
        log.info("detector: %d regions are ignored", len(boxes))


def _read(file: KeptFile) -> tuple[BBox, ...]:
    try:
        return _checked(json.loads(file.read() or b"[]"))
    except StateError as exc:
        reason: EdgeError | str = exc
    except (ValueError, RecursionError):
        reason = f"{file.path}: not what the page writes; draw the regions again"
    log.warning("detector: no region is ignored: %s", reason)
    return ()


def _checked(values: Any) -> tuple[BBox, ...]:
    """Return the boxes. Raises ValueError, whose message says what was expected."""
    if not isinstance(values, list) or len(values) > MOST_REGIONS:
        raise ValueError(f"expected a list of at most {MOST_REGIONS} regions")
    return tuple(_box(value, number) for number, value in enumerate(values, 1))


def _box(value: Any, number: int) -> BBox:
    expected = f"region {number}: expected [x1, y1, x2, y2], shares of the frame from 0 to 1"
    if not isinstance(value, list) or len(value) != 4:
        raise ValueError(expected)
    if not all(
        isinstance(v, int | float) and not isinstance(v, bool) and 0 <= v <= 1 for v in value
    ):
        raise ValueError(expected)
    x1, y1, x2, y2 = (round(float(v), _DIGITS) for v in value)
    if x2 - x1 < _LEAST_SHARE or y2 - y1 < _LEAST_SHARE:
        raise ValueError(
            f"region {number}: expected x1 < x2 and y1 < y2, by {_LEAST_SHARE} or more"
        )
    return BBox(x1, y1, x2, y2)
