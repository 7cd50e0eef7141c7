"""Anti-aliased polygons and strokes in a window."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from .camera import Window

_SHIFT = 4
_FARTHEST = 2**24

Box = tuple[float, float, float, float]
"""Left, top, right and bottom in full-frame pixels."""


def bounds(*pixels: NDArray[np.float64]) -> Box:
    """Box of all these points (..., 2 or more)."""
    flat = np.concatenate([points[..., :2].reshape(-1, 2) for points in pixels])
    left, top = flat.min(axis=0).tolist()
    right, bottom = flat.max(axis=0).tolist()
    return left, top, right, bottom


def overlap(box: Box, window: Window) -> bool:
    """Whether something in a box may show in a window."""
    left, top, right, bottom = box
    return (
        left < window.left + window.span_x
        and right > window.left
        and top < window.top + window.span_y
        and bottom > window.top
    )


def convex(pixels: NDArray[np.float64]) -> NDArray[np.float64]:
    """Convex hull of points, to a sixteenth of a pixel."""
    hull = cv2.convexHull(np.floor(pixels * 16).astype(np.int32))
    return np.asarray(hull[:, 0] / 16.0, np.float64)


def fixed(window: Window, pixels: NDArray[np.float64]) -> NDArray[np.int32]:
    """Full-frame pixels to OpenCV's fixed point."""
    places = np.floor(window.place(pixels) * (1 << _SHIFT) + 0.5)
    return np.clip(places, -_FARTHEST, _FARTHEST).astype(np.int32)


def fill(
    image: NDArray[np.uint8], window: Window, outline: NDArray[np.float64], value: int
) -> None:
    """A convex polygon in a mask."""
    cv2.fillConvexPoly(image, fixed(window, outline), (value,), cv2.LINE_AA, _SHIFT)


def fill_faces(
    image: NDArray[np.uint8],
    window: Window,
    faces: NDArray[np.float64],
    colours: NDArray[np.uint8],
) -> None:
    """Convex polygons (n, m, 2), each in its colour (n, 3), the last on top."""
    corners = fixed(window, faces)
    size = np.array([window.width, window.height]) << _SHIFT
    shown = (corners.min(axis=1) < size).all(axis=1) & (corners.max(axis=1) > 0).all(axis=1)
    for face, colour in zip(corners[shown], colours[shown].tolist(), strict=True):
        cv2.fillConvexPoly(image, face, colour, cv2.LINE_AA, _SHIFT)


def fill_all(
    image: NDArray[np.uint8],
    window: Window,
    polygons: NDArray[np.float64],
    colour: tuple[int, ...],
) -> None:
    """Polygons (n, m, 2) in one colour."""
    if len(polygons):
        cv2.fillPoly(image, list(fixed(window, polygons)), colour, cv2.LINE_AA, _SHIFT)


def strokes(
    image: NDArray[np.uint8],
    window: Window,
    lines: NDArray[np.float64],
    thickness: NDArray[np.float64],
    colour: tuple[int, ...],
) -> None:
    """Line segments (n, 2, 2), each as thick as it says in full-frame pixels."""
    widths = np.clip(np.floor(thickness * window.scale + 0.5), 1, 60).astype(np.int32)
    ends = fixed(window, lines)
    for width in np.unique(widths).tolist():
        chosen = list(ends[widths == width])
        cv2.polylines(image, chosen, False, colour, width, cv2.LINE_AA, _SHIFT)


def disc(
    image: NDArray[np.uint8],
    window: Window,
    middle: NDArray[np.float64],
    radius: float,
    colour: tuple[int, ...],
) -> None:
    """A disc; middle and radius in full-frame pixels."""
    reach = int(radius * window.scale * (1 << _SHIFT))
    place = fixed(window, middle).tolist()
    cv2.circle(image, place, reach, colour, cv2.FILLED, cv2.LINE_AA, _SHIFT)


def soften(image: NDArray[np.uint8], window: Window, spread: float) -> NDArray[np.uint8]:
    """Blur by a standard deviation in full-frame pixels."""
    deviation = max(0.6, spread * window.scale)
    return np.asarray(cv2.GaussianBlur(image, (0, 0), round(deviation, 1)), np.uint8)


def coarse(window: Window) -> Window:
    """The same view in a quarter of the width and height, for what is soft anyway."""
    return replace(window, width=window.width // 4, height=window.height // 4)


def enlarge(image: NDArray[np.uint8], window: Window) -> NDArray[np.uint8]:
    """A picture of the coarse window at the size of the window."""
    size = (window.width, window.height)
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_LINEAR_EXACT), np.uint8)
