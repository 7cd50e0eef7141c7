"""Gray or colour planes to gradients."""

from __future__ import annotations

import math

import numpy as np

from ._jit import Array, jit
from .pixels import rgb_to_gray

CHANNEL_NAMES = ("gray", "max")
CHANNEL_GRAY, CHANNEL_MAX = range(2)

ZERO = np.float32(0)


@jit
def new_planes(height: int, width: int, channel: int) -> Array:
    """Return room for the planes of an image, uint8 of shape (1 or 3, height, width)."""
    return np.empty((1 if channel == CHANNEL_GRAY else 3, height, width), np.uint8)


@jit
def fill_planes(image: Array, out: Array) -> None:
    """Fill ``out`` with the gray of ``image`` (h, w, 3), or, if it is three planes, its colours."""
    n_planes, height, width = out.shape
    if n_planes == 1:
        rgb_to_gray(image, out[0])
        return
    values = image.reshape(3 * height * width)
    colours = out.reshape((3, height * width))
    red, green, blue = colours[0], colours[1], colours[2]
    for i in range(red.size):
        red[i], green[i], blue[i] = values[3 * i], values[3 * i + 1], values[3 * i + 2]


@jit
def _differences(values: Array, row: int, g_col: Array, g_row: Array) -> None:
    height, width = values.shape
    inner = 0 < row < height - 1
    above, here, below = values[row - inner], values[row], values[row + inner]
    for col in range(g_col.size):
        g_row[col] = np.float32(below[col]) - np.float32(above[col])
    g_col[0] = ZERO
    for col in range(1, min(g_col.size, width - 1)):
        g_col[col] = np.float32(here[col + 1]) - np.float32(here[col - 1])
    if g_col.size == width:
        g_col[width - 1] = ZERO


@jit
def _squares(g_col: Array, g_row: Array, out: Array) -> None:
    for col in range(out.size):
        out[col] = g_row[col] * g_row[col] + g_col[col] * g_col[col]


@jit
def _keep_longer(part: Array, square: Array, other_part: Array, other_square: Array) -> None:
    for col in range(part.size):
        longer = other_square[col] > square[col]
        part[col] = other_part[col] if longer else part[col]


@jit
def gradient_row(
    planes: Array, row: int, spare: Array, g_col: Array, g_row: Array, magnitude: Array
) -> None:
    """Fill the central differences of a row, and their length, from its left end on.

    Of several planes the one with the longest gradient counts, the first among equals. Across
    the border of the image the difference is 0. ``spare`` is three more such rows. Every loop
    fills one array: the compiler vectorises none that would have to be proof of more overlaps.
    """
    _differences(planes[0], row, g_col, g_row)
    other_col, other_row, other_square = spare[0], spare[1], spare[2]
    for plane in range(1, planes.shape[0]):
        _squares(g_col, g_row, magnitude)
        _differences(planes[plane], row, other_col, other_row)
        _squares(other_col, other_row, other_square)
        _keep_longer(g_col, magnitude, other_col, other_square)
        _keep_longer(g_row, magnitude, other_row, other_square)
    for col in range(magnitude.size):
        magnitude[col] = np.sqrt(g_row[col] * g_row[col] + g_col[col] * g_col[col])


@jit
def fold_row(g_col: Array, g_row: Array) -> None:
    """Turn the gradients of the lower half plane round, so that angles are 0 to below 180."""
    for col in range(g_col.size):
        down, right = g_row[col], g_col[col]
        turned = (down < ZERO) | ((down == ZERO) & (right < ZERO))
        g_row[col] = abs(down)
        g_col[col] = -right if turned else right


@jit
def root_gradient_row(
    planes: Array,
    row: int,
    roots: Array,
    orientations: int,
    g_col: Array,
    g_row: Array,
    magnitude: Array,
) -> None:
    """As `gradient_row` and `fold_row`, with ``roots[value]`` for the values.

    Roots meet bin boundaries exactly (sqrt(3) is the tangent of 60 degrees), and there the bin
    hangs on the last bit. So the angle is computed in float64, step by step as scikit-image does,
    and the gradient stored is one that points to the middle of its bin.
    """
    n_planes, height, width = planes.shape
    inner = 0 < row < height - 1
    for col in range(g_col.size):
        down, right, length = 0.0, 0.0, -1.0
        reach = 0 < col < width - 1
        for plane in range(n_planes):
            values = planes[plane]
            vertical = roots[values[row + inner, col]] - roots[values[row - inner, col]]
            along = roots[values[row, col + reach]] - roots[values[row, col - reach]]
            candidate = math.hypot(vertical, along)
            if candidate > length:
                down, right, length = vertical, along, candidate
        magnitude[col] = length
        angle = math.atan2(down, right) * (180.0 / math.pi) % 180.0
        index = int(angle * orientations / 180.0)
        # The quotient may be a rounding error off the boundaries, which scikit-image holds in
        # float32.
        if angle < np.float64(np.float32(180.0 / orientations * index)):
            index -= 1
        elif angle >= np.float64(np.float32(180.0 / orientations * (index + 1))):
            index += 1
        middle = math.pi * (index + 0.5) / orientations
        g_row[col], g_col[col] = math.sin(middle), math.cos(middle)
