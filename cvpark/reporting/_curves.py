"""Curves that follow from the score of each patch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Labels = NDArray[np.uint8]
Scores = NDArray[np.float64]

_FEWEST = 10  # patches in a bin, below which its share says nothing


@dataclass(frozen=True)
class Roc:
    """Receiver operating characteristic of one model, and where its threshold puts it."""

    name: str
    false_rates: list[float]
    hit_rates: list[float]
    threshold: float
    false_rate: float
    hit_rate: float


@dataclass(frozen=True)
class Reliability:
    """Mean P(busy) and share of busy slots of the patches in each bin of equal width."""

    name: str
    predicted: list[float]
    observed: list[float]
    intervals: list[tuple[float, float]]
    counts: list[int]


def roc_curve(name: str, labels: Labels, busy: Scores, threshold: float) -> Roc:
    """The curve over all thresholds; both classes must occur.

    Examples
    --------
    >>> curve = roc_curve("svm", np.array([0, 1], np.uint8), np.array([0.2, 0.7]), 0.5)
    >>> curve.false_rate, curve.hit_rate
    (0.0, 1.0)
    """
    from sklearn import metrics

    false_rates, hit_rates, _ = metrics.roc_curve(labels, busy)
    answers = busy >= threshold
    return Roc(
        name,
        false_rates.tolist(),
        hit_rates.tolist(),
        threshold,
        float(answers[labels == 0].mean()),
        float(answers[labels == 1].mean()),
    )


def reliability_curve(name: str, labels: Labels, busy: Scores, *, n_bins: int = 10) -> Reliability:
    """Predicted against observed shares, bins of fewer than ten patches left out.

    The intervals are Wilson's (1927), doi:10.1080/01621459.1927.10502953, of the bin's patches as
    if independent.

    Examples
    --------
    >>> curve = reliability_curve("svm", np.tile([0, 1], 10).astype(np.uint8), np.full(20, 0.5))
    >>> curve.predicted, curve.observed, curve.counts
    ([0.5], [0.5], [20])
    """
    bins = np.minimum((busy * n_bins).astype(int), n_bins - 1)
    counts = np.bincount(bins, minlength=n_bins)
    kept = np.flatnonzero(counts >= _FEWEST)
    sizes = counts[kept]
    predicted = np.bincount(bins, busy, n_bins)[kept] / sizes
    observed = np.bincount(bins, labels, n_bins)[kept] / sizes
    intervals = [wilson(share, n) for share, n in zip(observed, sizes, strict=True)]
    return Reliability(name, predicted.tolist(), observed.tolist(), intervals, sizes.tolist())


def wilson(share: float, n: int, z: float = 1.959964) -> tuple[float, float]:
    """Wilson's 95 % interval of a share of ``n``.

    Examples
    --------
    >>> low, high = wilson(0.5, 100)
    >>> round(low, 3), round(high, 3)
    (0.404, 0.596)
    """
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return float(max(0.0, middle - half)), float(min(1.0, middle + half))
