"""Cell histograms to normalised blocks."""

from __future__ import annotations

import numpy as np

from ._jit import Array, jit

NORM_NAMES = ("L1", "L1-sqrt", "L2", "L2-Hys")
NORM_L1, NORM_L1_SQRT, NORM_L2, NORM_L2_HYS = range(4)
EPSILON = 1e-5
HYS_LIMIT = 0.2

ZERO = np.float32(0)


@jit
def _block_scale(total: float, norm: int) -> np.float32:
    """Factor that normalises a block, from the sum of its values (L1) or of their squares (L2)."""
    if norm < NORM_L2:
        return np.float32(1.0 / (total + EPSILON))
    return np.float32(1.0 / np.sqrt(total + EPSILON * EPSILON))


@jit
def _sum_of_squares(values: Array) -> np.float32:
    """Sum of the squares, in four sums side by side: one alone waits for each of its additions."""
    total_0, total_1, total_2, total_3 = ZERO, ZERO, ZERO, ZERO
    whole = values.size - values.size % 4
    for i in range(0, whole, 4):
        quad = values[i : i + 4]
        total_0 += quad[0] * quad[0]
        total_1 += quad[1] * quad[1]
        total_2 += quad[2] * quad[2]
        total_3 += quad[3] * quad[3]
    for i in range(whole, values.size):
        total_0 += values[i] * values[i]
    return (total_0 + total_1) + (total_2 + total_3)


@jit
def _clip_rows(
    values: Array, step: int, n_rows: int, length: int, scale: float, limit: float, block: Array
) -> None:
    """Fill ``block`` with rows of ``length`` values, ``step`` apart, scaled and clipped."""
    for row in range(n_rows):
        source = values[row * step : row * step + length]
        target = block[row * length : (row + 1) * length]
        for i in range(length):
            target[i] = min(source[i] * scale, limit)


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
def _stretch_blocks(blocks: Array) -> None:
    """Scale ``blocks`` (n, size) to length one."""
    for index in range(blocks.shape[0]):
        block = blocks[index]
        scale = _block_scale(_sum_of_squares(block), NORM_L2)
        for i in range(block.size):
            block[i] *= scale


@jit
def normalise_blocks(cells: Array, block_rows: int, block_cols: int, norm: int, out: Array) -> None:
    """Fill ``out`` with the normalised blocks of ``cells`` (n_rows, n_cols, orientations).

    Both are float32; ``norm`` is a position in ``NORM_NAMES``.
    """
    n_rows, n_cols, orientations = cells.shape
    values = cells.reshape(cells.size)
    totals = np.empty((n_rows, n_cols), np.float32)
    _cell_totals(cells, norm, totals)
    step, length = n_cols * orientations, block_cols * orientations
    blocks = out.reshape((n_rows - block_rows + 1, n_cols - block_cols + 1, block_rows * length))
    limit = np.float32(HYS_LIMIT if norm == NORM_L2_HYS else np.inf)
    for row in range(blocks.shape[0]):
        for col in range(blocks.shape[1]):
            total = ZERO
            for i in range(block_rows):
                for j in range(block_cols):
                    total += totals[row + i, col + j]
            source = values[row * step + col * orientations :]
            scale = _block_scale(total, norm)
            _clip_rows(source, step, block_rows, length, scale, limit, blocks[row, col])
        if norm == NORM_L2_HYS:
            _stretch_blocks(blocks[row])
    if norm == NORM_L1_SQRT:
        for i in range(out.size):
            out[i] = np.sqrt(out[i])
