"""Gray pixels to histograms of oriented gradients."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ._jit import Array, jit
from .pixels import rgb_to_gray

# Orientations counted in one pass over a row, and columns a pass takes at a time. Constants,
# because the compiler vectorises a pass only if it knows how far apart in memory the nine counters
# of a column are.
GROUP = 9
TILE = 256

NORM_NAMES = ("L1", "L1-sqrt", "L2", "L2-Hys")
NORM_L1, NORM_L1_SQRT, NORM_L2, NORM_L2_HYS = range(4)
EPSILON = 1e-5
HYS_LIMIT = 0.2

ZERO = np.float32(0)


def orientation_bounds(orientations: int) -> Array:
    """Return the cotangents of the bin boundaries, float32, ten a row for nine bins.

    For a gradient (g_row, g_col) folded into the upper half plane, its angle is below a boundary
    if ``g_col > g_row * cotangent``: one product and one comparison instead of an arc tangent.
    The first boundary (0 degrees, +inf) is above no angle, the last (180 degrees) above all; what
    fills up the last row repeats it, so the surplus bins stay empty.
    """
    n_groups = -(-orientations // GROUP)
    angles = np.pi / orientations * np.arange(1, orientations)
    cotangents = np.full(n_groups * GROUP + 1, -1e6, np.float32)
    cotangents[0] = np.inf
    cotangents[1:orientations] = np.cos(angles) / np.sin(angles)
    return np.stack([cotangents[i * GROUP :][: GROUP + 1] for i in range(n_groups)])


def root_table(wanted: bool) -> NDArray[np.float64]:
    """Return the square roots of the gray values, float64; none if they are not ``wanted``."""
    return np.array(np.sqrt(np.arange(256 if wanted else 0)), np.float64)


@jit
def _gradient_row(gray: Array, row: int, g_col: Array, g_row: Array, magnitude: Array) -> None:
    """Fill the gradient of a row of ``gray``, folded into the upper half plane, and its length."""
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
def _root_gradient_row(
    gray: Array,
    row: int,
    roots: Array,
    orientations: int,
    g_col: Array,
    g_row: Array,
    magnitude: Array,
) -> None:
    """As `_gradient_row`, with ``roots[gray]`` for the gray values.

    Roots meet bin boundaries exactly (sqrt(3) is the tangent of 60 degrees), and there the bin
    hangs on the last bit. So the angle is computed in float64, step by step as scikit-image does,
    and the gradient stored is one that points to the middle of its bin.
    """
    height, width = gray.shape
    inner = 0 < row < height - 1
    for col in range(g_col.size):
        down = roots[gray[row + inner, col]] - roots[gray[row - inner, col]]
        right = 0.0
        if 0 < col < width - 1:
            right = roots[gray[row, col + 1]] - roots[gray[row, col - 1]]
        magnitude[col] = math.hypot(down, right)
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


@jit
def _count_span(g_col: Array, g_row: Array, magnitude: Array, bounds: Array, counts: Array) -> None:
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
def _block_scale(total: float, norm: int) -> np.float32:
    """Factor that normalises a block, from the sum of its values (L1) or of their squares (L2)."""
    if norm < NORM_L2:
        return np.float32(1.0 / (total + EPSILON))
    return np.float32(1.0 / np.sqrt(total + EPSILON * EPSILON))


@jit
def _clip_block(
    values: Array, start: int, step: int, n_rows: int, length: int, scale: float, block: Array
) -> None:
    """Fill ``block`` with the rows of a block, scaled, clipped and scaled to length one."""
    limit = np.float32(HYS_LIMIT)
    total = ZERO
    for row in range(n_rows):
        source = values[start + row * step : start + row * step + length]
        target = block[row * length : (row + 1) * length]
        for i in range(length):
            value = min(source[i] * scale, limit)
            target[i] = value
            total += value * value
    scale = _block_scale(total, NORM_L2)
    for i in range(block.size):
        block[i] *= scale


@jit
def _cell_totals(cells: Array, norm: int, out: Array) -> None:
    """Fill ``out`` with the sum of the values of each cell (L1) or of their squares (L2)."""
    for row in range(out.shape[0]):
        for col in range(out.shape[1]):
            total = ZERO
            for value in cells[row, col]:
                total += value * value if norm >= NORM_L2 else value
            out[row, col] = total


@jit
def _normalise_blocks(
    cells: Array, block_rows: int, block_cols: int, norm: int, out: Array
) -> None:
    """Fill ``out`` with the normalised blocks of ``cells`` (n_rows, n_cols, orientations)."""
    n_rows, n_cols, orientations = cells.shape
    values = cells.reshape(cells.size)
    totals = np.empty((n_rows, n_cols), np.float32)
    _cell_totals(cells, norm, totals)
    step, length = n_cols * orientations, block_cols * orientations
    size = block_rows * length
    position = 0
    for row in range(n_rows - block_rows + 1):
        for col in range(n_cols - block_cols + 1):
            total = ZERO
            for i in range(block_rows):
                for j in range(block_cols):
                    total += totals[row + i, col + j]
            scale = _block_scale(total, norm)
            start = row * step + col * orientations
            block = out[position : position + size]
            position += size
            if norm == NORM_L2_HYS:
                _clip_block(values, start, step, block_rows, length, scale, block)
                continue
            for i in range(block_rows):
                for j in range(length):
                    value = values[start + i * step + j] * scale
                    block[i * length + j] = np.sqrt(value) if norm == NORM_L1_SQRT else value


@jit
def hog(
    gray: Array,
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
    """Fill ``out`` float32 with the descriptor of ``gray`` (h, w) uint8 as `hog_batch` does."""
    n_rows, n_cols = gray.shape[0] // cell_rows, gray.shape[1] // cell_cols
    width = n_cols * cell_cols
    cells = np.empty((n_rows, n_cols, orientations), np.float32)
    g_col = np.empty(cell_rows * width, np.float32)
    g_row, magnitude = np.empty_like(g_col), np.empty_like(g_col)
    counts = np.empty(GROUP * TILE, np.float32)
    for cell_row in range(n_rows):
        for i in range(cell_rows):
            row, line = cell_row * cell_rows + i, slice(i * width, (i + 1) * width)
            if roots.size:
                _root_gradient_row(
                    gray, row, roots, orientations, g_col[line], g_row[line], magnitude[line]
                )
            else:
                _gradient_row(gray, row, g_col[line], g_row[line], magnitude[line])
        _cell_histograms(
            g_col, g_row, magnitude, cell_rows, cell_cols, bounds, counts, cells[cell_row]
        )
    _normalise_blocks(cells, block_rows, block_cols, norm, out)


@jit
def hog_batch(
    images: Array,
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
        RGB images, uint8; their BT.601 gray counts.
    bounds : ndarray
        `orientation_bounds` of ``orientations``.
    roots : ndarray
        `root_table`; empty for gradients of the gray values themselves.
    cell_rows, cell_cols : int
        Size of a cell in pixels.
    block_rows, block_cols : int
        Size of a block in cells.
    norm : int
        Position in ``NORM_NAMES``.
    out : ndarray
        Blocks row after row, within a block its cells row after row.
    """
    gray = np.empty(images.shape[1:3], np.uint8)
    for i in range(images.shape[0]):
        rgb_to_gray(images[i], gray)
        hog(
            gray,
            bounds,
            orientations,
            roots,
            cell_rows,
            cell_cols,
            block_rows,
            block_cols,
            norm,
            out[i],
        )
