"""Slow oracles of the local binary patterns that the other oracles do not cover."""

from __future__ import annotations

import numpy as np

from .reference import lbp_code

# Row and column of the neighbours, counterclockwise from the right.
AROUND = [(0, 1), (-1, 1), (-1, 0), (-1, -1), (0, -1), (1, -1), (1, 0), (1, 1)]


def pixel_codes(image, method):
    """Codes of a gray image, a pixel being compared with the eight around it; outside lies 0."""
    framed = np.pad(image.astype(int), 1)
    codes = np.empty(image.shape)
    for row, col in np.ndindex(*image.shape):
        around = [int(framed[row + 1 + down, col + 1 + right]) for down, right in AROUND]
        if method == "var":
            variance = (sum(v * v for v in around) - sum(around) ** 2 / 8) / 8
            codes[row, col] = variance or np.nan
        else:
            bits = tuple(int(value >= image[row, col]) for value in around)
            codes[row, col] = lbp_code(bits, method)
    return codes


def tied(size, value, step):
    """A plane that falls by ``step`` along one diagonal and is level along the other.

    Interpolated in exact arithmetic, two corners of each neighbourhood equal its centre.
    """
    rows, cols = np.indices(size)
    return np.clip(value + step * (rows - cols), 0, 255).astype(np.uint8)
