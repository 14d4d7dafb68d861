"""Draws a box and a label for each face on a frame."""

from __future__ import annotations

from collections.abc import Sequence

import cv2

from edge.datatypes import BBox, BgrImage, FaceState, Scene
from edge.palette import Rgb, colour_of
from edge.web.text_drawing import INK, Rectangle, ink_on, rounded, shorten, width_px, write


def annotate(scene: Scene) -> BgrImage:
    """Return a copy of the frame, uint8 (H, W, 3), with the boxes and labels of its faces."""
    return draw_faces(scene.frame.bgr.copy(), scene.snapshot.faces)


def draw_faces(bgr: BgrImage, faces: Sequence[FaceState]) -> BgrImage:
    """Draw a box and a label for each face on `bgr`, uint8 (H, W, 3) of the frame's size.

    Labels are drawn after all boxes, so that no box runs through the text of a neighbour.
    """
    for face in faces:
        _draw_box(bgr, face.box, colour_of(face.label))
    for face in faces:
        _draw_label(bgr, face)
    return bgr


def caption(face: FaceState) -> str:
    """Return the text of a face's label: its number, its expression and the confidence."""
    if face.label is None:
        return f"{face.track_id} uncertain"
    return f"{face.track_id} {face.label} {face.confidence:.0%}"


def label_place(box: BBox, width: int, height: int, frame_size: tuple[int, int]) -> Rectangle:
    """Return the place of a label: above the box, else just inside it, always in the frame."""
    frame_width, frame_height = frame_size
    left, top = round(box.x1), round(box.y1)
    y = top - height if top >= height else top
    x = min(max(left, 0), max(frame_width - width, 0))
    return x, min(max(y, 0), max(frame_height - height, 0)), width, height


def _draw_box(bgr: BgrImage, box: BBox, colour: Rgb) -> None:
    height, width = bgr.shape[:2]
    seen = box.clip(width, height)
    if seen.area < 4:
        return
    stroke_px = max(2, round(height / 240))
    place = (round(seen.x1), round(seen.y1), round(seen.width), round(seen.height))
    outline = [rounded(place, 4 * stroke_px)]
    # A dark line under the coloured one keeps yellow visible on a white wall. Without antialiasing,
    # which shows only in the corners and takes four times as long.
    cv2.polylines(bgr, outline, True, INK[::-1], stroke_px + 2, cv2.LINE_8)
    cv2.polylines(bgr, outline, True, colour[::-1], stroke_px, cv2.LINE_AA)


def _draw_label(bgr: BgrImage, face: FaceState) -> None:
    frame_height, frame_width = bgr.shape[:2]
    cap_px = max(9.0, frame_height / 36)
    pad_px = round(cap_px * 0.6)
    text = shorten(caption(face), frame_width - 2 * pad_px, cap_px)
    size = (width_px(text, cap_px) + 2 * pad_px, round(cap_px) + 2 * pad_px)
    place = label_place(face.box, *size, (frame_width, frame_height))
    colour = colour_of(face.label)
    cv2.fillPoly(bgr, [rounded(place, pad_px)], colour[::-1], cv2.LINE_AA)
    baseline = (place[0] + pad_px, place[1] + pad_px + round(cap_px))
    write(bgr, text, baseline, cap_px, ink_on(colour))
