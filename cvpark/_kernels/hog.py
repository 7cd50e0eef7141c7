"""Pixels to histograms of oriented gradients, of any kind."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ._jit import Array, jit
from .gradient import fill_planes, fold_row, gradient_row, new_planes, root_gradient_row
from .hog_blocks import normalise_blocks

# Orientations counted in one pass over a row, and columns a pass takes at a time. Constants,
# because the compiler vectorises a pass only if it knows how far apart in memory the nine counters
# of a column are.
GROUP = 9
TILE = 256

# What takes the place of the cotangent of 0 degrees, and of a gradient's vertical part if that is
# 0: their product is longer than any gradient, as no gradient is below that boundary.
FAR, NEAR = np.float32(1e30), np.float32(1e-20)

ZERO = np.float32(0)


def orientation_bounds(orientations: int) -> Array:
    """Return the cotangents of the bin boundaries, float32, ten a row for nine bins.

    For a gradient (g_row, g_col) folded into the upper half plane, its angle is below a boundary
    if ``g_col > g_row * cotangent``: one product and one comparison instead of an arc tangent.
    The first boundary (0 degrees, `FAR`) is above no angle, the last (180 degrees) above all; what
    fills up the last row repeats it, so the surplus bins stay empty.
    """
    n_groups = -(-orientations // GROUP)
    angles = np.pi / orientations * np.arange(1, orientations)
    cotangents = np.full(n_groups * GROUP + 1, -1e6, np.float32)
    cotangents[0] = FAR
    cotangents[1:orientations] = np.cos(angles) / np.sin(angles)
    return np.stack([cotangents[i * GROUP :][: GROUP + 1] for i in range(n_groups)])


def root_table(wanted: bool) -> NDArray[np.float64]:
    """Return the square roots of the gray values, float64; none if they are not ``wanted``."""
    return np.array(np.sqrt(np.arange(256 if wanted else 0)), np.float64)


@jit
def _count_span(g_col: Array, g_row: Array, magnitude: Array, bounds: Array, counts: Array) -> None:
    """Add ``magnitude`` of pixels side by side to the counter of their bin and column."""
    b0, b1, b2, b3, b4 = bounds[0], bounds[1], bounds[2], bounds[3], bounds[4]
    b5, b6, b7, b8, b9 = bounds[5], bounds[6], bounds[7], bounds[8], bounds[9]
    for col in range(magnitude.size):
        right, down, length = g_col[col], g_row[col], magnitude[col]
        below_0 = right > max(down, NEAR) * b0
        below_1, below_2 = right > down * b1, right > down * b2
        below_3, below_4, below_5 = right > down * b3, right > down * b4, right > down * b5
        below_6, below_7, below_8 = right > down * b6, right > down * b7, right > down * b8
        below_9 = right > down * b9
        counts[col] += length if below_1 and not below_0 else ZERO
        counts[TILE + col] += length if below_2 and not below_1 else ZERO
        counts[2 * TILE + col] += length if below_3 and not below_2 else ZERO
        counts[3 * TILE + col] += length if below_4 and not below_3 else ZERO
        counts[4 * TILE + col] += length if below_5 and not below_4 else ZERO
        counts[5 * TILE + col] += length if below_6 and not below_5 else ZERO
        counts[6 * TILE + col] += length if below_7 and not below_6 else ZERO
        counts[7 * TILE + col] += length if below_8 and not below_7 else ZERO
        counts[8 * TILE + col] += length if below_9 and not below_8 else ZERO


@jit
def _cell_histograms(
    g_col: Array,
    g_row: Array,
    magnitude: Array,
    cell_rows: int,
    cell_cols: int,
    bounds: Array,
    counts: Array,
    out: Array,
) -> None:
    """Fill ``out`` (n_cells, orientations) with the mean magnitudes of one row of cells.

    The gradient arrays hold the pixels of the cells, row after row; ``counts`` is scratch.
    """
    n_cells, orientations = out.shape
    width = n_cells * cell_cols
    scale = np.float32(1.0 / (cell_rows * cell_cols))
    tile_cells = max(1, TILE // cell_cols)
    for group in range(bounds.shape[0]):
        first_bin = group * GROUP
        for left in range(0, n_cells, tile_cells):
            right = min(left + tile_cells, n_cells)
            counts[:] = ZERO
            for row in range(0, cell_rows * width, width):
                # More than one span only where a cell is wider than a tile: its parts share
                # counters.
                for start in range(row + left * cell_cols, row + right * cell_cols, TILE):
                    stop = min(start + TILE, row + right * cell_cols)
                    _count_span(
                        g_col[start:stop],
                        g_row[start:stop],
                        magnitude[start:stop],
                        bounds[group],
                        counts,
                    )
            for cell in range(left, right):
                counter = (cell - left) * cell_cols
                for index in range(min(GROUP, orientations - first_bin)):
                    total = ZERO
                    for i in range(min(cell_cols, TILE)):
                        total += counts[index * TILE + counter + i]
                    out[cell, first_bin + index] = total * scale


@jit
def _hog(
    planes: Array,
    bounds: Array,
    orientations: int,
    roots: Array,
    cell_rows: int,
    cell_cols: int,
    cells: Array,
) -> None:
    """Fill ``cells`` (n_rows, n_cols, orientations) with the mean magnitudes of ``planes``."""
    n_rows, n_cols, _ = cells.shape
    width = n_cols * cell_cols
    g_col = np.empty(cell_rows * width, np.float32)
    g_row, magnitude = np.empty_like(g_col), np.empty_like(g_col)
    counts = np.empty(GROUP * TILE, np.float32)
    spare = np.empty((3, width), np.float32)
    for cell_row in range(n_rows):
        for i in range(cell_rows):
            row, line = cell_row * cell_rows + i, slice(i * width, (i + 1) * width)
            if roots.size:
                root_gradient_row(
                    planes, row, roots, orientations, g_col[line], g_row[line], magnitude[line]
                )
            else:
                gradient_row(planes, row, spare, g_col[line], g_row[line], magnitude[line])
                fold_row(g_col[line], g_row[line])
        _cell_histograms(
            g_col, g_row, magnitude, cell_rows, cell_cols, bounds, counts, cells[cell_row]
        )


@jit
def hog_batch(
    images: Array,
    channel: int,
    bounds: Array,
    orientations: int,
    roots: Array,
    cell_rows: int,
    cell_cols: int,
    block_rows: int,
    block_cols: int,
    norm: int,
    out: Array,
) -> None:
    """Fill ``out`` (n, n_features) float32 with descriptors of ``images`` (n, h, w, 3).

    Parameters
    ----------
    images : ndarray
        RGB images, uint8.
    channel : int
        Position in ``CHANNEL_NAMES``: whether their BT.601 gray counts, or of each pixel the
        colour with the longest gradient.
    bounds : ndarray
        `orientation_bounds` of ``orientations``.
    roots : ndarray
        `root_table`; empty for gradients of the values themselves.
    cell_rows, cell_cols : int
        Size of a cell in pixels.
    block_rows, block_cols : int
        Size of a block in cells.
    norm : int
        Position in ``NORM_NAMES``.
    out : ndarray
        Blocks row after row, within a block its cells row after row.
    """
    _, height, width, _ = images.shape
    planes = new_planes(height, width, channel)
    cells = np.empty((height // cell_rows, width // cell_cols, orientations), np.float32)
    for i in range(images.shape[0]):
        fill_planes(images[i], planes)
        _hog(planes, bounds, orientations, roots, cell_rows, cell_cols, cells)
        normalise_blocks(cells, block_rows, block_cols, norm, out[i])
