"""Pixels to Felzenszwalb's histograms of oriented gradients."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._jit import Array, jit
from .directions import USUAL, nearest_directions, usual_directions
from .gradient import CHANNEL_GRAY, fill_planes, new_planes

LIMIT = np.float32(0.2)
EPSILON = np.float32(1e-4)
N_NORMS = 4

INNER, OUTER = np.float32(0.75), np.float32(0.25)  # a bilinear window at the centres of half cells

N_SUMS = 4  # steps between centres of cells that are summed in one go

ZERO, HALF, ONE = np.float32(0), np.float32(0.5), np.float32(1)


@jit
def _shares(n_pixels: int, cell: int) -> tuple[Array, Array, Array]:
    """Return where pixels lie between the centres of the cells around them.

    That is for each pixel the cell before it, its step from the first pixel past that centre,
    and the share of the cell after it. Cells count from 1; cell 0 and the one past the last take
    what falls off the border.
    """
    cells, steps = np.empty(n_pixels, np.int64), np.empty(n_pixels, np.int64)
    shares = np.empty(n_pixels, np.float32)
    for pixel in range(n_pixels):
        position = 2 * pixel + 1 + cell  # in half pixels from the centre of cell 0
        cells[pixel], steps[pixel] = position // (2 * cell), position % (2 * cell) // 2
        shares[pixel] = (position - cells[pixel] * 2 * cell) / (2 * cell)
    return cells, steps, shares


@jit
def _column_shares(n_cols: int, cell: int, n_directions: int) -> tuple[Array, Array]:
    """Return the first counter of each pixel column, int32, and the share of the cell after a step.

    Counters are those of a step side by side, so that `_interpolate` adds steps as a whole. Their
    number is rounded up to whole sums; those too many stay zero.
    """
    cells, steps, shares = _shares(n_cols * cell, cell)
    after = np.zeros((cell + N_SUMS - 1) // N_SUMS * N_SUMS, np.float32)
    first = np.empty(steps.size, np.int32)
    for col in range(steps.size):
        first[col] = (steps[col] * (n_cols + 1) + cells[col]) * n_directions
        after[steps[col]] = shares[col]
    return first, after


@jit
def _count(
    magnitudes: Array, directions: Array, first: Array, share: float, upper: Array, lower: Array
) -> None:
    """Add a row of pixels to the counters of the cell rows above and below it.

    Each pixel column has counters of its own: an addition need not wait for that of the pixel
    before, which often has the same direction.
    """
    rest = ONE - share
    for col in range(magnitudes.size):
        magnitude = magnitudes[col]
        # Unsigned, or every index would be tested for being negative.
        index = np.uint64(first[col]) + np.uint64(directions[col])
        up, down = upper[index] + magnitude * rest, lower[index] + magnitude * share
        upper[index] = up
        lower[index] = down


@jit
def _interpolate(counters: Array, n_directions: int, after: Array, cells: Array) -> None:
    """Fill ``cells`` (n_cols * n_directions) with the sums of their columns' shares."""
    size = cells.size + n_directions
    cells[:] = ZERO
    for step in range(0, after.size, N_SUMS):
        # A cell is the one after for the pixels before its centre, the one before for the others.
        after_0, after_1 = after[step], after[step + 1]
        after_2, after_3 = after[step + 2], after[step + 3]
        before_0, before_1, before_2, before_3 = (
            ONE - after_0,
            ONE - after_1,
            ONE - after_2,
            ONE - after_3,
        )
        left_0, left_1 = counters[step * size :], counters[(step + 1) * size :]
        left_2, left_3 = counters[(step + 2) * size :], counters[(step + 3) * size :]
        right_0, right_1 = left_0[n_directions:], left_1[n_directions:]
        right_2, right_3 = left_2[n_directions:], left_3[n_directions:]
        for i in range(cells.size):
            left = (left_0[i] * after_0 + left_1[i] * after_1) + (
                left_2[i] * after_2 + left_3[i] * after_3
            )
            right = (right_0[i] * before_0 + right_1[i] * before_1) + (
                right_2[i] * before_2 + right_3[i] * before_3
            )
            cells[i] += left + right


@jit
def _vote(
    magnitudes: Array,
    directions: Array,
    cell_rows: int,
    row_shares: Array,
    columns: tuple[Array, Array],
    counters: Array,
    votes: Array,
) -> None:
    """Fill ``votes`` (n_rows, n_cols, 2 * orientations) with magnitudes.

    A pixel gives to the four cells whose centres are around it, bilinearly; those at the border of
    the image give none. ``row_shares`` are those of the cells below, ``columns`` the
    `_column_shares`, ``counters`` room for those of two cell rows.
    """
    height, width = magnitudes.shape
    n_rows, n_cols, n_directions = votes.shape
    first, after = columns
    stop_row, stop_col = min(n_rows * cell_rows, height - 1), min(first.size, width - 1)
    upper, lower = counters[0], counters[1]
    for below in range(n_rows + 1):
        lower[:] = ZERO
        start = cell_rows // 2 + (below - 1) * cell_rows
        for row in range(max(1, start), min(start + cell_rows, stop_row)):
            lengths, indices = magnitudes[row, 1:stop_col], directions[row, 1:stop_col]
            _count(lengths, indices, first[1:stop_col], row_shares[row], upper, lower)
        if below > 0:
            cells = votes[below - 1].reshape(n_cols * n_directions)
            _interpolate(upper, n_directions, after, cells)
        upper, lower = lower, upper


@jit
def _cell_energies(votes: Array, out: Array) -> None:
    """Fill ``out`` (n_rows + 2, n_cols + 2) with the energies of the cells, signs ignored.

    Those at the border are repeated beyond it.
    """
    n_rows, n_cols, n_directions = votes.shape
    orientations = n_directions // 2
    for row in range(n_rows):
        for col in range(n_cols):
            cell, total = votes[row, col], ZERO
            for i in range(orientations):
                both = cell[i] + cell[orientations + i]
                total += both * both
            out[row + 1, col + 1] = total
        out[row + 1, 0], out[row + 1, n_cols + 1] = out[row + 1, 1], out[row + 1, n_cols]
    out[0], out[n_rows + 1] = out[1], out[n_rows]


@jit
def _block_lengths(energies: Array, out: Array) -> None:
    """Fill ``out``, flat, with the lengths of the blocks of four cells, one from each cell on.

    Those from the last cell of a row on are no blocks, but spare the loop its rows.
    """
    pitch, values = energies.shape[1], energies.reshape(energies.size)
    right, lower, opposite = values[1:], values[pitch:], values[pitch + 1 :]
    for i in range(out.size):
        total = (values[i] + right[i]) + (lower[i] + opposite[i])
        out[i] = np.sqrt(total + EPSILON)


@jit
def _normalise(value: float, limits: tuple[Any, ...], scales: tuple[Any, ...]) -> Any:
    """Sum of what a vote is under the four normalisations."""
    return (min(value, limits[0]) * scales[0] + min(value, limits[1]) * scales[1]) + (
        min(value, limits[2]) * scales[2] + min(value, limits[3]) * scales[3]
    )


@jit
def _describe(cell: Array, lengths: tuple[Any, ...], weight: float, out: Array) -> None:
    """Fill ``out`` (3 * orientations + 4) with the columns of a cell, signed votes in ``cell``.

    Votes are clipped before they are scaled, so that a texture is scaled once, not each of its
    votes. ``weight`` is that of textures.
    """
    n_signed, orientations = cell.size, cell.size // 2
    length_0, length_1, length_2, length_3 = lengths
    limits = LIMIT * length_0, LIMIT * length_1, LIMIT * length_2, LIMIT * length_3
    scales = HALF / length_0, HALF / length_1, HALF / length_2, HALF / length_3
    for i in range(n_signed):
        out[i] = _normalise(cell[i], limits, scales)
    for i in range(orientations):
        out[n_signed + i] = _normalise(cell[i] + cell[orientations + i], limits, scales)
    texture_0, texture_1, texture_2, texture_3 = ZERO, ZERO, ZERO, ZERO
    for i in range(n_signed):
        value = cell[i]
        texture_0 += min(value, limits[0])
        texture_1 += min(value, limits[1])
        texture_2 += min(value, limits[2])
        texture_3 += min(value, limits[3])
    textures = out[n_signed + orientations :]
    textures[0], textures[1] = weight * (texture_0 / length_0), weight * (texture_1 / length_1)
    textures[2], textures[3] = weight * (texture_2 / length_2), weight * (texture_3 / length_3)


@jit
def _describe_cells(votes: Array, energies: Array, lengths: Array, out: Array) -> None:
    """Fill ``out`` with the columns of all cells, row after row.

    ``energies`` and ``lengths``, both of (n_rows + 2) * (n_cols + 2), are working memory.
    """
    n_rows, n_cols, n_directions = votes.shape
    pitch = n_cols + 2
    padded = energies.reshape(n_rows + 2, pitch)
    _cell_energies(votes, padded)
    _block_lengths(padded, lengths[: (n_rows + 1) * pitch - 1])
    n_columns = 3 * (n_directions // 2) + N_NORMS
    weight = ONE / np.sqrt(np.float32(n_directions))
    values = votes.reshape(votes.size)
    for cell in range(n_rows * n_cols):
        upper = cell + cell // n_cols * (pitch - n_cols)
        lower = upper + pitch
        around = lengths[lower + 1], lengths[upper + 1], lengths[lower], lengths[upper]
        signed = values[cell * n_directions : (cell + 1) * n_directions]
        _describe(signed, around, weight, out[cell * n_columns : (cell + 1) * n_columns])


@jit
def _mix(before: Array, first: Array, second: Array, after: Array, out: Array) -> None:
    """Fill ``out`` with votes under a window of four cells, sampled at their centres."""
    for i in range(out.size):
        out[i] = (first[i] + second[i]) * INNER + (before[i] + after[i]) * OUTER


@jit
def _pool(votes: Array, line: Array, out: Array) -> None:
    """Fill ``out`` (n_rows // 2, n_cols // 2, n) with the ``votes`` (n_rows, n_cols, n) around.

    The window of a cell twice the size is over four cells in both directions. There are no votes
    beyond the border: ``line`` (2, (n_cols + 2) * n), working memory, is zero there.
    """
    n_rows, n_cols, n = votes.shape
    rows, nothing, mixed = votes.reshape(n_rows, n_cols * n), line[0], line[1]
    mixed[:n], mixed[(n_cols + 1) * n :], nothing[:] = ZERO, ZERO, ZERO
    inside = mixed[n : (n_cols + 1) * n]
    for row in range(out.shape[0]):
        top, bottom = 2 * row - 1, 2 * row + 2
        above = rows[top] if top >= 0 else nothing
        below = rows[bottom] if bottom < n_rows else nothing
        _mix(above, rows[top + 1], rows[top + 2], below, inside)
        for col in range(out.shape[1]):
            before = mixed[2 * col * n :]
            _mix(before, before[n:], before[2 * n :], before[3 * n :], out[row, col])


@jit
def fhog_batch(
    images: Array,
    channel: int,
    bounds: Array,
    cell_rows: int,
    cell_cols: int,
    levels: int,
    out: Array,
) -> None:
    """Fill ``out`` (n, n_features) float32 with descriptors of ``images`` (n, h, w, 3).

    Parameters
    ----------
    images : ndarray
        RGB images, uint8.
    channel : int
        Position in ``CHANNEL_NAMES``.
    bounds : ndarray
        `direction_bounds`, as many as there are orientations.
    cell_rows, cell_cols : int
        Size of a cell in pixels.
    levels : int
        How many grids of cells, each with cells twice the size of the one before.
    out : ndarray
        Grid after grid, cells row after row; of each the signed orientations, the unsigned ones,
        and the energies under the four normalisations: by the blocks to the lower right, upper
        right, lower left and upper left.
    """
    n, height, width, _ = images.shape
    n_rows, n_cols, n_directions = height // cell_rows, width // cell_cols, 2 * bounds.size
    planes = new_planes(height, width, channel)
    magnitudes = np.empty((height, width), np.float32)
    directions = np.empty((height, width), np.int16)
    row_shares = _shares(n_rows * cell_rows, cell_rows)[2]
    columns = _column_shares(n_cols, cell_cols, n_directions)
    counters = np.zeros((2, columns[1].size * (n_cols + 1) * n_directions), np.float32)
    votes = np.empty((n_rows, n_cols, n_directions), np.float32)
    pooled = np.empty((2, (n_rows // 2) * (n_cols // 2) * n_directions), np.float32)
    line = np.empty((2, (n_cols + 2) * n_directions), np.float32)
    energies = np.empty((n_rows + 2) * (n_cols + 2), np.float32)
    lengths = np.empty(energies.size, np.float32)
    n_columns = 3 * bounds.size + N_NORMS
    for i in range(n):
        fill_planes(images[i], planes)
        if channel == CHANNEL_GRAY and bounds.size == USUAL:
            usual_directions(planes[0], magnitudes, directions)
        else:
            nearest_directions(planes, bounds, magnitudes, directions)
        _vote(magnitudes, directions, cell_rows, row_shares, columns, counters, votes)
        grid, start = votes, 0
        for level in range(levels):
            if level > 0:
                rows, cols = grid.shape[0] // 2, grid.shape[1] // 2
                room = pooled[level % 2, : rows * cols * n_directions]
                smaller = room.reshape(rows, cols, n_directions)
                _pool(grid, line[:, : (grid.shape[1] + 2) * n_directions], smaller)
                grid = smaller
            n_cells = grid.shape[0] * grid.shape[1]
            n_padded = (grid.shape[0] + 2) * (grid.shape[1] + 2)
            stop = start + n_cells * n_columns
            _describe_cells(grid, energies[:n_padded], lengths[:n_padded], out[i, start:stop])
            start = stop
