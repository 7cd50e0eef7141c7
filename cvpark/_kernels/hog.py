"""Gray pixels to histograms of oriented gradients."""

from __future__ import annotations

import math

import numpy as np

from ._jit import jit
from .pixels import rgb_to_gray

# Orientations counted in one pass over a row, and columns a pass takes at a time. Constants, because the
# compiler vectorises a pass only if it knows how far apart in memory the nine counters of a column are.
GROUP = 9
TILE = 256

NORM_L1, NORM_L1_SQRT, NORM_L2, NORM_L2_HYS = range(4)
EPSILON = 1e-5
HYS_LIMIT = 0.2

ZERO = np.float32(0)


def orientation_bounds(orientations: int) -> np.ndarray:
    """Return the cotangents of the bin boundaries, float32, nine bins and their ten boundaries a row.

    For a gradient (g_row, g_col) folded into the upper half plane, its angle is below a boundary if
    ``g_col > g_row * cotangent``: one product and one comparison instead of an arc tangent. The first
    boundary (0 degrees, +inf) is above no angle, the last (180 degrees) above all; what fills up the last
    row repeats it, so the surplus bins stay empty.
    """
    n_groups = -(-orientations // GROUP)
    angles = np.pi / orientations * np.arange(1, orientations)
    cotangents = np.full(n_groups * GROUP + 1, -1e6, np.float32)
    cotangents[0] = np.inf
    cotangents[1:orientations] = np.cos(angles) / np.sin(angles)
    return np.stack([cotangents[i * GROUP :][: GROUP + 1] for i in range(n_groups)])


@jit
def _gradient_row(gray, row, g_col, g_row, magnitude):
    """Fill the gradient of one row of ``gray`` uint8, folded into the upper half plane, and its length."""
    height, width = gray.shape
    inner = 0 < row < height - 1
    above, here, below = gray[row - inner], gray[row], gray[row + inner]
    for col in range(g_col.size):
        g_row[col] = np.float32(below[col]) - np.float32(above[col])
    g_col[0] = ZERO
    for col in range(1, min(g_col.size, width - 1)):
        g_col[col] = np.float32(here[col + 1]) - np.float32(here[col - 1])
    if g_col.size == width:
        g_col[width - 1] = ZERO
    for col in range(g_col.size):
        down, right = g_row[col], g_col[col]
        magnitude[col] = np.sqrt(down * down + right * right)
        fold = down < ZERO or (down == ZERO and right < ZERO)
        g_row[col] = abs(down)
        g_col[col] = -right if fold else right


@jit
def _count_span(g_col, g_row, magnitude, bounds, counts):
    """Add ``magnitude`` of pixels side by side to the counter of their bin and column."""
    b0, b1, b2, b3, b4 = bounds[0], bounds[1], bounds[2], bounds[3], bounds[4]
    b5, b6, b7, b8, b9 = bounds[5], bounds[6], bounds[7], bounds[8], bounds[9]
    for col in range(magnitude.size):
        right, down, length = g_col[col], g_row[col], magnitude[col]
        below_0, below_1, below_2 = right > down * b0, right > down * b1, right > down * b2
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
def _cell_histograms(g_col, g_row, magnitude, cell_rows, cell_cols, bounds, counts, out):
    """Fill ``out`` (n_cells, orientations) with the mean magnitude per orientation of one row of cells.

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
                # More than one span only where a cell is wider than a tile: its parts share counters.
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
                for bin in range(min(GROUP, orientations - first_bin)):
                    total = ZERO
                    for i in range(min(cell_cols, TILE)):
                        total += counts[bin * TILE + counter + i]
                    out[cell, first_bin + bin] = total * scale


@jit
def _block_scale(total, norm):
    """Factor that normalises a block, from the sum of its values (L1) or of their squares (L2)."""
    if norm == NORM_L1 or norm == NORM_L1_SQRT:
        return np.float32(1.0 / (total + EPSILON))
    return np.float32(1.0 / np.sqrt(total + EPSILON * EPSILON))


@jit(fastmath={"reassoc"})
def _clip_block(values, start, step, n_rows, length, scale, out):
    """Fill ``out`` with the scaled and clipped rows of a block; return the sum of their squares."""
    limit = np.float32(HYS_LIMIT)
    total = ZERO
    for row in range(n_rows):
        for i in range(length):
            value = min(values[start + row * step + i] * scale, limit)
            out[row * length + i] = value
            total += value * value
    return total


@jit
def _normalise_blocks(cells, block_rows, block_cols, norm, out):
    """Fill ``out`` with the normalised blocks of ``cells`` (n_rows, n_cols, orientations), row after row."""
    n_rows, n_cols, orientations = cells.shape
    values = cells.reshape(cells.size)
    energies = np.zeros((n_rows, n_cols), np.float32)
    for row in range(n_rows):
        for col in range(n_cols):
            for i in range(orientations):
                value = cells[row, col, i]
                energies[row, col] += value * value if norm >= NORM_L2 else value
    step, length = n_cols * orientations, block_cols * orientations
    position = 0
    for row in range(n_rows - block_rows + 1):
        for col in range(n_cols - block_cols + 1):
            total = ZERO
            for i in range(block_rows):
                for j in range(block_cols):
                    total += energies[row + i, col + j]
            scale = _block_scale(total, norm)
            start = row * step + col * orientations
            block = out[position : position + block_rows * length]
            position += block.size
            if norm == NORM_L2_HYS:
                total = _clip_block(values, start, step, block_rows, length, scale, block)
                block *= _block_scale(total, norm)
                continue
            for i in range(block_rows):
                for j in range(length):
                    value = values[start + i * step + j] * scale
                    block[i * length + j] = np.sqrt(value) if norm == NORM_L1_SQRT else value


@jit
def hog(gray, bounds, orientations, cell_rows, cell_cols, block_rows, block_cols, norm, out):
    n_rows, n_cols = gray.shape[0] // cell_rows, gray.shape[1] // cell_cols
    width = n_cols * cell_cols
    cells = np.empty((n_rows, n_cols, orientations), np.float32)
    g_col = np.empty(cell_rows * width, np.float32)
    g_row, magnitude = np.empty_like(g_col), np.empty_like(g_col)
    counts = np.empty(GROUP * TILE, np.float32)
    for cell_row in range(n_rows):
        for i in range(cell_rows):
            start, stop = i*width, (i+1)*width
            _gradient_row(gray, cell_row * cell_rows + i, g_col[start:stop], g_row[start:stop], magnitude[start:stop])
        _cell_histograms(g_col, g_row, magnitude, cell_rows, cell_cols, bounds, counts, cells[cell_row])
    _normalise_blocks(cells, block_rows, block_cols, norm, out)
