"""Pixels to lengths and nearest directions of gradients."""

from __future__ import annotations

import math

import numpy as np

from ._jit import Array, jit
from .gradient import fold_row, gradient_row

USUAL = 9  # orientations of gray values that have a path of their own

# Tangents of 10 and 30 degrees and cotangents of 50 and 70, the boundaries of the first quadrant,
# in units of 2**-16: for factors up to 255 products then have the right integer part.
TAN_10, TAN_30 = (np.uint32(round(65536 * math.tan(math.radians(a)))) for a in (10, 30))
COT_50, COT_70 = (np.uint32(round(65536 / math.tan(math.radians(a)))) for a in (50, 70))
SHIFT = np.uint32(16)

NONE, HALF_TURN, FULL_TURN = np.int16(0), np.int16(USUAL), np.int16(2 * USUAL)

ZERO = np.float32(0)


def direction_bounds(orientations: int) -> Array:
    """Return the cotangents, float32, of the angles halfway between directions next to each other.

    The directions are 0, 180 / orientations, ... degrees.
    """
    angles = np.pi / orientations * (np.arange(orientations) + 0.5)
    # Rounded, so that at 90 degrees it is 0: vertical gradients lie exactly on that boundary.
    return np.array(np.round(np.cos(angles) / np.sin(angles), 12), np.float32)


@jit
def _nearest(g_col: Array, g_row: Array, bounds: Array, out: Array) -> None:
    """Fill ``out`` int16 with the nearest directions of a row, whose gradients are folded."""
    n_directions = np.int16(2 * bounds.size)
    for col in range(out.size):
        down, right = g_row[col], g_col[col]
        turned = (down < ZERO) | ((down == ZERO) & (right < ZERO))
        out[col] = np.int16(bounds.size) if turned else np.int16(0)
    fold_row(g_col, g_row)
    for bound in bounds:
        for col in range(out.size):
            out[col] += np.int16(g_col[col] < g_row[col] * bound)
    for col in range(out.size):
        out[col] = np.int16(0) if out[col] == n_directions else out[col]


@jit
def nearest_directions(planes: Array, bounds: Array, magnitudes: Array, out: Array) -> None:
    """Fill ``magnitudes`` float32 and ``out`` int16, both (h, w), but for the first and last row.

    The directions are 0 to ``2 * bounds.size`` - 1 over the full circle, the lower one of two as
    near. ``planes`` is what `gradient_row` takes.
    """
    _, height, width = planes.shape
    g_col, g_row = np.empty(width, np.float32), np.empty(width, np.float32)
    spare = np.empty((3, width), np.float32)
    for row in range(1, height - 1):
        gradient_row(planes, row, spare, g_col, g_row, magnitudes[row])
        _nearest(g_col, g_row, bounds, out[row])


@jit
def _whole_part(value: int, factor: int) -> np.int16:
    """Whole part of a product with one of the factors above."""
    return np.int16(np.uint32(np.uint32(np.uint16(value)) * factor) >> SHIFT)


@jit
def usual_directions(gray: Array, magnitudes: Array, out: Array) -> None:
    """Fill ``magnitudes`` and ``out`` as `nearest_directions` does, for nine orientations.

    Of the first and last column the values are wrong. Mirrored at the axes, an angle lies in the
    first quadrant, where 16 bits are enough to compare it with the boundaries: of such small
    numbers the compiler takes twice as many at a time, in one flat loop over the image.
    """
    height, width = gray.shape
    pixels, inner = gray.reshape(height * width), slice(width, (height - 1) * width)
    lengths = magnitudes.reshape(height * width)[inner]
    directions = out.reshape(height * width)[inner]
    above, below = pixels, pixels[2 * width :]
    before, after = pixels[width - 1 :], pixels[width + 1 :]
    for i in range(directions.size):
        down = np.int16(np.int16(below[i]) - np.int16(above[i]))
        right = np.int16(np.int16(after[i]) - np.int16(before[i]))
        turned = (down < NONE) | ((down == NONE) & (right < NONE))
        mirrored = ((down < NONE) & (right > NONE)) | ((down > NONE) & (right < NONE))
        down, right = np.int16(abs(down)), np.int16(abs(right))
        steep_10, steep_30 = down > _whole_part(right, TAN_10), down > _whole_part(right, TAN_30)
        steep_50, steep_70 = right <= _whole_part(down, COT_50), right <= _whole_part(down, COT_70)
        low = np.int16(np.int16(steep_10) + np.int16(steep_30))
        high = np.int16(np.int16(steep_50) + np.int16(steep_70))
        index = np.int16(low + high)
        index = np.int16(HALF_TURN - index) if mirrored else index
        index = np.int16(index + HALF_TURN) if turned else index
        directions[i] = NONE if index == FULL_TURN else index
        down_length, right_length = np.float32(down), np.float32(right)
        lengths[i] = np.sqrt(down_length * down_length + right_length * right_length)
