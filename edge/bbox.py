"""The box around a face, in pixels. No I/O here."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BBox:
    """An axis-aligned box, half-open: x1 <= x < x2, y1 <= y < y2."""

    x1: float
    y1: float
    x2: float
    y2: float

    @property
    def width(self) -> float:
        """Width in pixels."""
        return self.x2 - self.x1

    @property
    def height(self) -> float:
        """Height in pixels."""
        return self.y2 - self.y1

    @property
    def area(self) -> float:
        """Area in square pixels; 0 for an empty box."""
        width, height = self.x2 - self.x1, self.y2 - self.y1
        return width * height if width > 0 and height > 0 else 0.0

    @property
    def center(self) -> tuple[float, float]:
        """(x, y) of the middle."""
        return (self.x1 + self.x2) / 2, (self.y1 + self.y2) / 2

    def translate(self, dx: float, dy: float) -> BBox:
        """Return the box moved by (dx, dy) pixels."""
        return BBox(self.x1 + dx, self.y1 + dy, self.x2 + dx, self.y2 + dy)

    def expand(self, factor: float) -> BBox:
        """Return the box enlarged by `factor` about its own centre."""
        (cx, cy), w, h = self.center, self.width * factor / 2, self.height * factor / 2
        return BBox(cx - w, cy - h, cx + w, cy + h)

    def clip(self, width: float, height: float) -> BBox:
        """Return the part of the box inside a (width, height) frame."""
        return BBox(
            min(max(self.x1, 0.0), width),
            min(max(self.y1, 0.0), height),
            min(max(self.x2, 0.0), width),
            min(max(self.y2, 0.0), height),
        )

    def intersection(self, other: BBox) -> float:
        """Area shared with `other`, in square pixels."""
        w = min(self.x2, other.x2) - max(self.x1, other.x1)
        if w <= 0:
            return 0.0
        h = min(self.y2, other.y2) - max(self.y1, other.y1)
        return w * h if h > 0 else 0.0

    def overlap(self, other: BBox) -> float:
        """Return the share of the smaller box that both share, 0..1."""
        smaller = min(self.area, other.area)
        return self.intersection(other) / smaller if smaller > 0 else 0.0

    def iou(self, other: BBox) -> float:
        """Intersection over union, 0..1."""
        shared = self.intersection(other)
        union = self.area + other.area - shared
        return shared / union if union > 0 else 0.0

    def contains(self, other: BBox) -> bool:
        """Whether `other` lies wholly inside this box."""
        return (
            self.x1 <= other.x1
            and self.y1 <= other.y1
            and other.x2 <= self.x2
            and other.y2 <= self.y2
        )
