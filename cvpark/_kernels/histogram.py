"""Counts to normalised histograms."""

from __future__ import annotations

import numpy as np

from ._jit import Array, jit


@jit
def write_shares(counts: Array, n_pixels: int, root: bool, out: Array) -> None:
    """Fill ``out`` float32 with ``counts`` as shares of ``n_pixels``, or the square roots."""
    scale = np.float32(1.0 / n_pixels)
    for i in range(counts.size):
        share = np.float32(counts[i]) * scale
        out[i] = np.sqrt(share) if root else share


@jit
def write_cells(
    counts: Array, rows: tuple[int, int], col_edges: Array, root: bool, out: Array
) -> None:
    """Fill ``out`` float32 with the shares of a row of cells, the histograms side by side.

    ``counts`` (cells, bins) holds what lies from row ``rows[0]`` to before ``rows[1]`` and, for
    each cell, between two of ``col_edges``.
    """
    n_bins = counts.shape[1]
    for cell in range(counts.shape[0]):
        n_pixels = (rows[1] - rows[0]) * (col_edges[cell + 1] - col_edges[cell])
        write_shares(counts[cell], n_pixels, root, out[cell * n_bins : (cell + 1) * n_bins])
