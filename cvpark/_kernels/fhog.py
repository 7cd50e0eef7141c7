"""Pixels to Felzenszwalb's histograms of oriented gradients."""

from __future__ import annotations

import numpy as np

from ._jit import Array, jit
from .gradient import fill_planes, fold_row, gradient_row, new_planes

LIMIT = np.float32(0.2)
EPSILON = np.float32(1e-4)
N_NORMS = 4

ZERO, HALF, ONE = np.float32(0), np.float32(0.5), np.float32(1)


def direction_bounds(orientations: int) -> Array:
    """Return the cotangents, float32, of the angles halfway between directions next to each other.

    The directions are 0, 180 / orientations, ... degrees.
    """
    angles = np.pi / orientations * (np.arange(orientations) + 0.5)
    # Rounded, so that at 90 degrees it is 0: vertical gradients lie exactly on that boundary.
    return np.array(np.round(np.cos(angles) / np.sin(angles), 12), np.float32)


@jit
def _nearest_directions(g_col: Array, g_row: Array, bounds: Array, out: Array) -> None:
    """Fill ``out`` int32 with the nearest of the directions, the lower one of two as near.

    They are numbered 0 to ``2 * bounds.size`` over the full circle, its end being a number of its
    own. The gradients are folded on the way.
    """
    for col in range(out.size):
        down, right = g_row[col], g_col[col]
        turned = (down < ZERO) | ((down == ZERO) & (right < ZERO))
        out[col] = np.int32(bounds.size) if turned else np.int32(0)
    fold_row(g_col, g_row)
    for bound in bounds:
        for col in range(out.size):
            out[col] += np.int32(g_col[col] < g_row[col] * bound)


@jit
def _shares(n_pixels: int, cell: int) -> tuple[Array, Array]:
    """Return for each pixel the cell before its centre, and the share of the cell after that.

    Cells count from 1; cell 0 and the one past the last take what falls off the border.
    """
    cells, shares = np.empty(n_pixels, np.int64), np.empty(n_pixels, np.float32)
    for pixel in range(n_pixels):
        position = 2 * pixel + 1 + cell  # in half pixels from the centre of cell 0
        cells[pixel] = position // (2 * cell)
        shares[pixel] = (position - cells[pixel] * 2 * cell) / (2 * cell)
    return cells, shares


@jit
def _vote(planes: Array, bounds: Array, cell_rows: int, cell_cols: int, votes: Array) -> None:
    """Fill ``votes`` (n_rows + 2, n_cols + 2, 2 * orientations) with magnitudes.

    A pixel gives to the four cells whose centres are around it, bilinearly.
    """
    _, height, width = planes.shape
    n_directions = votes.shape[2]
    n_rows, n_cols = (votes.shape[0] - 2) * cell_rows, (votes.shape[1] - 2) * cell_cols
    above, below_shares = _shares(n_rows, cell_rows)
    before, after_shares = _shares(n_cols, cell_cols)
    g_col, g_row = np.empty(n_cols, np.float32), np.empty(n_cols, np.float32)
    magnitude, directions = np.empty(n_cols, np.float32), np.empty(n_cols, np.int32)
    spare = np.empty((3, n_cols), np.float32)
    votes[:] = ZERO
    for row in range(1, min(n_rows, height - 1)):
        gradient_row(planes, row, spare, g_col, g_row, magnitude)
        _nearest_directions(g_col, g_row, bounds, directions)
        upper, lower = votes[above[row]], votes[above[row] + 1]
        for col in range(1, min(n_cols, width - 1)):
            direction = directions[col] if directions[col] < n_directions else 0
            down = magnitude[col] * below_shares[row]
            up = magnitude[col] - down
            cell, share = before[col], after_shares[col]
            upper[cell, direction] += up * (ONE - share)
            upper[cell + 1, direction] += up * share
            lower[cell, direction] += down * (ONE - share)
            lower[cell + 1, direction] += down * share


@jit
def _cell_energies(votes: Array, out: Array) -> None:
    """Fill ``out`` (n_rows, n_cols) with the energies of the cells, signs of gradients ignored."""
    orientations = votes.shape[2] // 2
    for row in range(out.shape[0]):
        for col in range(out.shape[1]):
            cell, total = votes[row + 1, col + 1], ZERO
            for i in range(orientations):
                both = cell[i] + cell[orientations + i]
                total += both * both
            out[row, col] = total


@jit
def _scale(energies: Array, row: int, col: int, down: int, right: int) -> np.float32:
    """Factor that normalises a cell by a block of four, it and those ``down`` and ``right`` of it.

    A block that reaches over the border repeats the cells at the border.
    """
    other_row = min(max(row + down, 0), energies.shape[0] - 1)
    other_col = min(max(col + right, 0), energies.shape[1] - 1)
    upper = energies[row, col] + energies[row, other_col]
    lower = energies[other_row, col] + energies[other_row, other_col]
    return np.float32(ONE / np.sqrt(upper + lower + EPSILON))


@jit
def _describe(cell: Array, scales: tuple[float, float, float, float], out: Array) -> None:
    """Fill ``out`` (3 * orientations + 4) with the columns of a cell, signed votes in ``cell``."""
    n_signed, orientations = cell.size, cell.size // 2
    scale_0, scale_1, scale_2, scale_3 = scales
    texture_0, texture_1, texture_2, texture_3 = ZERO, ZERO, ZERO, ZERO
    for i in range(n_signed):
        value = cell[i]
        value_0, value_1 = min(value * scale_0, LIMIT), min(value * scale_1, LIMIT)
        value_2, value_3 = min(value * scale_2, LIMIT), min(value * scale_3, LIMIT)
        out[i] = HALF * ((value_0 + value_1) + (value_2 + value_3))
        texture_0 += value_0
        texture_1 += value_1
        texture_2 += value_2
        texture_3 += value_3
    for i in range(orientations):
        value = cell[i] + cell[orientations + i]
        value_0, value_1 = min(value * scale_0, LIMIT), min(value * scale_1, LIMIT)
        value_2, value_3 = min(value * scale_2, LIMIT), min(value * scale_3, LIMIT)
        out[n_signed + i] = HALF * ((value_0 + value_1) + (value_2 + value_3))
    weight = ONE / np.sqrt(np.float32(n_signed))
    textures = out[n_signed + orientations :]
    textures[0], textures[1] = weight * texture_0, weight * texture_1
    textures[2], textures[3] = weight * texture_2, weight * texture_3


@jit
def fhog_batch(
    images: Array, channel: int, bounds: Array, cell_rows: int, cell_cols: int, out: Array
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
    out : ndarray
        Cells row after row; of each the signed orientations, the unsigned ones, and the energies
        under the four normalisations: by the blocks to the lower right, upper right, lower left
        and upper left.
    """
    n, height, width, _ = images.shape
    n_rows, n_cols, n_columns = height // cell_rows, width // cell_cols, 3 * bounds.size + N_NORMS
    planes = new_planes(height, width, channel)
    votes = np.empty((n_rows + 2, n_cols + 2, 2 * bounds.size), np.float32)
    energies = np.empty((n_rows, n_cols), np.float32)
    cells = out.reshape((n, n_rows, n_cols, n_columns))
    for i in range(n):
        fill_planes(images[i], planes)
        _vote(planes, bounds, cell_rows, cell_cols, votes)
        _cell_energies(votes, energies)
        for row in range(n_rows):
            for col in range(n_cols):
                scales = (
                    _scale(energies, row, col, 1, 1),
                    _scale(energies, row, col, -1, 1),
                    _scale(energies, row, col, 1, -1),
                    _scale(energies, row, col, -1, -1),
                )
                _describe(votes[row + 1, col + 1], scales, cells[i, row, col])
