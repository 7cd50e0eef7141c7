"""Slow NumPy oracles of the HOG of colour gradients and of Felzenszwalb's HOG."""

from __future__ import annotations

import math

import numpy as np

from . import reference


def gradients(image):
    """Vertical and horizontal differences of the channel of an image (h, w, c) that has most."""
    values = image.astype(float)
    down, right = np.zeros_like(values), np.zeros_like(values)
    down[1:-1] = values[2:] - values[:-2]
    right[:, 1:-1] = values[:, 2:] - values[:, :-2]
    chosen = (down**2 + right**2).argmax(axis=2)[..., np.newaxis]
    return (np.take_along_axis(part, chosen, 2)[..., 0] for part in (down, right))


def hog(image, orientations, cell, block, norm):
    """Histograms of oriented gradients of an image (h, w, c), pixel by pixel."""
    down, right = gradients(image)
    n_rows, n_cols = image.shape[0] // cell[0], image.shape[1] // cell[1]
    cells = np.zeros((n_rows, n_cols, orientations))
    for row, col in np.ndindex(n_rows * cell[0], n_cols * cell[1]):
        angle = round(math.degrees(math.atan2(down[row, col], right[row, col])), 9) % 180
        index = math.floor(round(angle * orientations / 180, 9)) % orientations
        length = math.hypot(down[row, col], right[row, col])
        cells[row // cell[0], col // cell[1], index] += length / (cell[0] * cell[1])
    blocks = [
        reference.normalise(cells[row : row + block[0], col : col + block[1]].ravel(), norm)
        for row in range(n_rows - block[0] + 1)
        for col in range(n_cols - block[1] + 1)
    ]
    return np.concatenate(blocks)


def direction(down, right, orientations):
    """Nearest of twice as many directions over the full circle, the lower of two as near.

    A gradient of the lower half plane has the direction opposite to that of its opposite.
    """
    turned = down < 0 or (down == 0 and right < 0)
    angle = math.degrees(math.atan2(abs(down), -right if turned else right))
    index = math.ceil(round(angle * orientations / 180, 9) - 0.5)
    return (index + orientations * turned) % (2 * orientations)


def share(pixel, index, size):
    """Bilinear weight of a pixel in a cell: one at its centre, zero at that of the next."""
    return max(0.0, 1 - abs((pixel + 0.5) - (index + 0.5) * size) / size)


def fhog_votes(image, orientations, cell):
    """Signed orientation histograms of the cells of an image (h, w, c)."""
    (height, width), (down, right) = image.shape[:2], gradients(image)
    n_rows, n_cols = height // cell[0], width // cell[1]
    votes = np.zeros((n_rows, n_cols, 2 * orientations))
    for row in range(1, min(height - 1, n_rows * cell[0])):
        for col in range(1, min(width - 1, n_cols * cell[1])):
            index = direction(down[row, col], right[row, col], orientations)
            length = math.hypot(down[row, col], right[row, col])
            shares = np.outer(
                [share(row, i, cell[0]) for i in range(n_rows)],
                [share(col, i, cell[1]) for i in range(n_cols)],
            )
            votes[:, :, index] += length * shares
    return votes


def fhog_clipped(votes):
    """Signed and unsigned histograms of each cell, normalised four times and clipped.

    Shape (4, n_rows, n_cols, 3 * orientations).
    """
    orientations = votes.shape[2] // 2
    unsigned = votes[..., :orientations] + votes[..., orientations:]
    energy = np.pad((unsigned**2).sum(axis=2), 1, mode="edge")
    blocks = energy[1:, 1:] + energy[1:, :-1] + energy[:-1, 1:] + energy[:-1, :-1]
    both = np.concatenate([votes, unsigned], axis=2)
    lower_right, upper_right = blocks[1:, 1:], blocks[:-1, 1:]
    lower_left, upper_left = blocks[1:, :-1], blocks[:-1, :-1]
    around = np.stack([lower_right, upper_right, lower_left, upper_left])
    return np.minimum(both / np.sqrt(around + 1e-4)[..., np.newaxis], 0.2)


def fhog(image, orientations, cell):
    """Felzenszwalb's HOG of an image (h, w, c), shape (n_rows, n_cols, 3 * orientations + 4)."""
    return fhog_columns(fhog_votes(image, orientations, cell))


def fhog_columns(votes):
    """Columns of cells with signed orientation histograms (n_rows, n_cols, 2 * orientations)."""
    clipped, n_signed = fhog_clipped(votes), votes.shape[2]
    textures = clipped[..., :n_signed].sum(axis=3) / math.sqrt(n_signed)
    return np.concatenate([clipped.sum(axis=0) / 2, np.moveaxis(textures, 0, 2)], axis=2)


def pooled(votes):
    """Votes of cells twice the size: 4x4 cells around each centre under a bilinear window."""
    window = np.outer([1, 3, 3, 1], [1, 3, 3, 1]) / 16
    around = np.pad(votes, ((1, 1), (1, 1), (0, 0)))
    n_rows, n_cols = votes.shape[0] // 2, votes.shape[1] // 2
    return np.array(
        [
            [
                np.einsum("ij,ijk", window, around[2 * row : 2 * row + 4, 2 * col : 2 * col + 4])
                for col in range(n_cols)
            ]
            for row in range(n_rows)
        ]
    )
