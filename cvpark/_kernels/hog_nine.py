"""Gray pixels to cell histograms of nine orientations: the usual kind, on a path of its own."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ._jit import Array, jit
from .hog_blocks import normalise_blocks
from .pixels import rgb_to_gray

ORIENTATIONS = 9

# Columns a pass takes, in every pass the same number: the compiler then knows every trip count and
# how far apart in memory the nine counters of a column are.
TILE = 64
SPAN = TILE + 2  # with the neighbours left and right

USUAL_COLS = 8  # columns of a cell that are added without a loop

# Cotangents of the bin boundaries of the first quadrant.
COT_20, COT_40, COT_60, COT_80 = (
    np.float32(1 / math.tan(math.radians(angle))) for angle in (20, 40, 60, 80)
)

ZERO = np.float32(0)


@jit
def _bins(down: float, right: float) -> tuple[Any, ...]:
    """Length of a gradient in the place of its bin among nine, zeros in the others.

    Mirrored at the axes, an angle lies in the first quadrant, where it is below a boundary if
    ``right > down * cotangent``: four products and comparisons instead of an arc tangent. Nothing
    branches, so that the caller's loop over columns is vectorised.
    """
    length = np.sqrt(down * down + right * right)
    mirrored = down * right < ZERO
    ahead, behind = ZERO if mirrored else length, length if mirrored else ZERO
    down, right = abs(down), abs(right)
    below_20, below_40 = right > down * COT_20, right > down * COT_40
    below_60, below_80 = right > down * COT_60, right > down * COT_80
    second, third, fourth = below_40 != below_20, below_60 != below_40, below_80 != below_60
    return (
        ahead if below_20 else ZERO,
        ahead if second else ZERO,
        ahead if third else ZERO,
        ahead if fourth else ZERO,
        ZERO if below_80 else length,
        behind if fourth else ZERO,
        behind if third else ZERO,
        behind if second else ZERO,
        behind if below_20 else ZERO,
    )


@jit
def _count_two_rows(
    row_0: Array,
    row_1: Array,
    row_2: Array,
    row_3: Array,
    inner_1: float,
    inner_2: float,
    inner_cols: Array,
    counts: Array,
) -> None:
    """Add the gradients of rows 1 and 2, a tile wide, to the counters of their bin and column.

    The factors ``inner`` are 0 where a neighbour would lie outside the image, elsewhere 1. Two
    rows at a time halve the traffic of the counters.
    """
    for col in range(TILE):
        down_1 = inner_1 * (np.float32(row_2[col + 1]) - np.float32(row_0[col + 1]))
        down_2 = inner_2 * (np.float32(row_3[col + 1]) - np.float32(row_1[col + 1]))
        right_1 = inner_cols[col] * (np.float32(row_1[col + 2]) - np.float32(row_1[col]))
        right_2 = inner_cols[col] * (np.float32(row_2[col + 2]) - np.float32(row_2[col]))
        first, second = _bins(down_1, right_1), _bins(down_2, right_2)
        counts[col] += first[0] + second[0]
        counts[TILE + col] += first[1] + second[1]
        counts[2 * TILE + col] += first[2] + second[2]
        counts[3 * TILE + col] += first[3] + second[3]
        counts[4 * TILE + col] += first[4] + second[4]
        counts[5 * TILE + col] += first[5] + second[5]
        counts[6 * TILE + col] += first[6] + second[6]
        counts[7 * TILE + col] += first[7] + second[7]
        counts[8 * TILE + col] += first[8] + second[8]


@jit
def _add_columns(counts: Array, cell_cols: int, out: Array) -> None:
    """Fill ``out`` (9 * cells of a tile) with the sums over the columns of each cell."""
    if cell_cols == USUAL_COLS:
        for i in range(ORIENTATIONS * TILE // USUAL_COLS):
            out[i] = (
                (counts[8 * i] + counts[8 * i + 1]) + (counts[8 * i + 2] + counts[8 * i + 3])
            ) + ((counts[8 * i + 4] + counts[8 * i + 5]) + (counts[8 * i + 6] + counts[8 * i + 7]))
        return
    tile_cells = TILE // cell_cols
    for index in range(ORIENTATIONS):
        for cell in range(tile_cells):
            first = index * TILE + cell * cell_cols
            total = ZERO
            for i in range(first, first + cell_cols):
                total += counts[i]
            out[index * tile_cells + cell] = total


@jit
def _cells(
    pixels: Array, inner_rows: Array, inner_cols: Array, cell_rows: int, cell_cols: int, out: Array
) -> None:
    """Fill ``out`` (n_rows, n_cols, 9) with mean magnitudes.

    ``pixels`` is the gray image with a row and a pixel before it and more than a tile after it.
    """
    n_rows, n_cols, _ = out.shape
    pitch = inner_cols.size - TILE
    tile_cells = TILE // cell_cols
    scale = np.float32(1.0 / (cell_rows * cell_cols))
    counts = np.empty(ORIENTATIONS * TILE, np.float32)
    sums = np.empty(ORIENTATIONS * tile_cells, np.float32)
    for cell_row in range(n_rows):
        for first in range(0, n_cols, tile_cells):
            counts[:] = ZERO
            left = first * cell_cols
            for row in range(cell_row * cell_rows, (cell_row + 1) * cell_rows, 2):
                at = row * pitch + left
                _count_two_rows(
                    pixels[at : at + SPAN],
                    pixels[at + pitch : at + pitch + SPAN],
                    pixels[at + 2 * pitch : at + 2 * pitch + SPAN],
                    pixels[at + 3 * pitch : at + 3 * pitch + SPAN],
                    inner_rows[row],
                    inner_rows[row + 1],
                    inner_cols[left : left + TILE],
                    counts,
                )
            _add_columns(counts, cell_cols, sums)
            for cell in range(min(tile_cells, n_cols - first)):
                for index in range(ORIENTATIONS):
                    out[cell_row, first + cell, index] = sums[index * tile_cells + cell] * scale


@jit
def hog_nine_batch(
    images: Array,
    cell_rows: int,
    cell_cols: int,
    block_rows: int,
    block_cols: int,
    norm: int,
    out: Array,
) -> None:
    """Fill ``out`` as `hog_batch` does, with nine orientations of the gray values.

    The rows of a cell must be even in number, its columns `TILE` at most.
    """
    _, height, width, _ = images.shape
    pixels = np.zeros((height + 3) * width + SPAN, np.uint8)
    gray = pixels[1 + width : 1 + width + height * width].reshape((height, width))
    inner_rows, inner_cols = np.zeros(height, np.float32), np.zeros(width + TILE, np.float32)
    inner_rows[1 : height - 1] = np.float32(1)
    inner_cols[1 : width - 1] = np.float32(1)
    cells = np.empty((height // cell_rows, width // cell_cols, ORIENTATIONS), np.float32)
    for i in range(images.shape[0]):
        rgb_to_gray(images[i], gray)
        _cells(pixels, inner_rows, inner_cols, cell_rows, cell_cols, cells)
        normalise_blocks(cells, block_rows, block_cols, norm, out[i])
