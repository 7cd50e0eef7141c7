"""Anti-aliased polygons and strokes in a window."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from .camera import Window

_SHIFT = 4


def boxes(points: NDArray[np.float64], margin: float = 0.0) -> NDArray[np.float64]:
    """Left, top, right and bottom (n, 4) of groups of points (n, m, 2 or more)."""
    low = high = points[:, 0, :2]
    for k in range(1, points.shape[1]):
        low = np.minimum(low, points[:, k, :2])
        high = np.maximum(high, points[:, k, :2])
    return np.concatenate([low - margin, high + margin], axis=1)


def seen(boxes: NDArray[np.float64], window: Window) -> NDArray[np.bool_]:
    """Which of these boxes (n, 4) of full-frame pixels overlap a window."""
    left, top, right, bottom = boxes.T
    across = (left < window.left + window.span_x) & (right > window.left)
    return np.asarray(across & (top < window.top + window.span_y) & (bottom > window.top))


def convex(pixels: NDArray[np.float64]) -> NDArray[np.float64]:
    """Convex hull of points, to a sixteenth of a pixel."""
    hull = cv2.convexHull(np.floor(pixels * 16).astype(np.int32))
    return np.asarray(hull[:, 0] / 16.0, np.float64)


def fixed(window: Window, pixels: NDArray[np.float64]) -> NDArray[np.int32]:
    """Full-frame pixels to OpenCV's fixed point."""
    places = window.place(pixels)
    places *= 1 << _SHIFT
    return np.asarray(np.rint(places, out=places).astype(np.int32))


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
    boxes: NDArray[np.float64],
) -> None:
    """Convex polygons (n, m, 2), each in its colour (n, 3) and box (n, 4), the last on top."""
    shown = np.flatnonzero(seen(boxes, window))
    corners = fixed(window, faces.take(shown, 0))
    for face, colour in zip(corners, colours.take(shown, 0).tolist(), strict=True):
        cv2.fillConvexPoly(image, face, colour, cv2.LINE_AA, _SHIFT)


def fill_all(
    image: NDArray[np.uint8], polygons: Sequence[NDArray[np.int32]], colour: tuple[int, ...]
) -> None:
    """Polygons in fixed point, all in one colour."""
    if len(polygons):
        cv2.fillPoly(image, polygons, colour, cv2.LINE_AA, _SHIFT)


def strokes(
    image: NDArray[np.uint8],
    lines: Sequence[NDArray[np.int32]],
    width: int,
    colour: tuple[int, ...],
) -> None:
    """Line segments in fixed point, so many pixels wide."""
    cv2.polylines(image, lines, False, colour, width, cv2.LINE_AA, _SHIFT)


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


def coarse(window: Window, times: int) -> Window:
    """The same view in fewer pixels, for what is soft anyway; `enlarge` undoes it."""
    width, height = -(-window.width // times), -(-window.height // times)
    # Every so manyth pixel stays where it is.
    shift = (times - 1) / (2 * window.scale)
    return Window(
        window.left - shift,
        window.top - shift,
        width * times / window.scale,
        height * times / window.scale,
        width,
        height,
    )


def enlarge(image: NDArray[np.uint8], window: Window, times: int) -> NDArray[np.uint8]:
    """A picture of a window's coarse view at the window's size."""
    while times > 1:
        times //= 2
        size = -(-window.width // times), -(-window.height // times)
        image = np.asarray(cv2.pyrUp(image, dstsize=size), np.uint8)
    return image
