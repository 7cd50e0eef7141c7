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
