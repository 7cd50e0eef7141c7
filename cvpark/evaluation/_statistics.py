"""Intervals that respect which patches belong together."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def clustered_interval(
    correct: NDArray[np.bool_],
    groups: NDArray[np.int64],
    *,
    n_resamples: int = 4000,
    level: float = 0.95,
    seed: int = 0,
) -> tuple[float, float]:
    """Percentile bootstrap interval of a share, resampling whole groups.

    The same parked car is in neighbouring captures, so the patches of one camera and day err
    together; resampling single patches would give an interval that is too narrow. Davison and
    Hinkley, "Bootstrap Methods and their Application", 1997, section 3.8,
    doi:10.1017/CBO9780511802843.

    Parameters
    ----------
    correct : ndarray of bool, shape (n,)
    groups : ndarray of int, shape (n,)
        Group of each patch, numbered from 0.
    n_resamples : int
    level : float
        Nominal coverage.
    seed : int

    Returns
    -------
    tuple of float
        Lower and upper bound.

    Examples
    --------
    >>> correct = np.array([True, True, True, False])
    >>> clustered_interval(correct, np.array([0, 0, 1, 1]))
    (0.5, 1.0)
    """
    sizes = np.bincount(groups).astype(float)
    right = np.bincount(groups, weights=correct)
    n_groups = len(sizes)
    draws = np.random.default_rng(seed).multinomial(
        n_groups, np.full(n_groups, 1 / n_groups), n_resamples
    )
    shares = (draws @ right) / (draws @ sizes)
    tail = (1 - level) / 2
    low, high = np.quantile(shares, [tail, 1 - tail])
    return float(low), float(high)
