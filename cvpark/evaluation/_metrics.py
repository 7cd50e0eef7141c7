"""How good P(busy) is: figures of a split and of resamples of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..models import expected_calibration_error
from ._statistics import Floats, Resampling, Scale

# What each figure is, see `Resampling.interval`.
SCALES: dict[str, Scale] = {
    "accuracy": "share",
    "balanced_accuracy": "share",
    "f1": "share",
    "mcc": "correlation",
    "auc": "share",
    "pr_auc": "share",
    "brier": "share",
    "ece": "share",
}
METRICS = tuple(SCALES)
N_BINS = 15  # of the calibration error

Labels = NDArray[np.uint8]
Figures = dict[str, float | None]
Progress = Callable[[Iterable[Any], int], Iterable[Any]]


def figures(labels: Labels, busy: Floats, threshold: float) -> Figures:
    """All figures of probabilities and of the answers that a threshold makes of them.

    Parameters
    ----------
    labels : ndarray of uint8, shape (n,)
        0 free, 1 busy.
    busy : ndarray of float64, shape (n,)
        Probabilities.
    threshold : float
        Busy from this probability on.

    Returns
    -------
    dict of float or None
        ``accuracy``, ``balanced_accuracy``, ``f1`` of busy and ``mcc`` (Matthews' correlation) of
        the answers; ``auc``, ``pr_auc`` (average precision), ``brier`` and ``ece``
        (`expected_calibration_error`) of the probabilities. None is what one class leaves
        undefined: all but accuracy, Brier score and calibration error.

    Examples
    --------
    >>> figures(np.array([0, 1, 1], np.uint8), np.array([0.2, 0.3, 0.9]), 0.5)["f1"]
    0.666...
    """
    from sklearn import metrics

    answers = (busy >= threshold).astype(np.uint8)
    found: Figures = dict.fromkeys(METRICS)
    found["accuracy"] = float(metrics.accuracy_score(labels, answers))
    found["brier"] = float(np.mean((busy - labels) ** 2))
    found["ece"] = expected_calibration_error(labels, busy, n_bins=N_BINS)
    if len(np.unique(labels)) == 2:
        found["balanced_accuracy"] = float(metrics.balanced_accuracy_score(labels, answers))
        found["f1"] = float(metrics.f1_score(labels, answers))
        found["mcc"] = float(metrics.matthews_corrcoef(labels, answers))
        found["auc"] = float(metrics.roc_auc_score(labels, busy))
        found["pr_auc"] = float(metrics.average_precision_score(labels, busy))
    return found


class WeightedFigures:
    """`figures` of resamples, each given by how often it holds each patch.

    Parameters
    ----------
    labels, busy, threshold
        As for `figures`.

    Examples
    --------
    >>> labels, busy = np.array([0, 1, 1], np.uint8), np.array([0.2, 0.3, 0.9])
    >>> weighted = WeightedFigures(labels, busy, 0.5)
    >>> weighted(np.array([[1, 1, 1], [1, 2, 0]], np.float32))["accuracy"].round(3)
    array([0.667, 0.333])
    """

    def __init__(self, labels: Labels, busy: Floats, threshold: float) -> None:
        positive, answers = labels == 1, busy >= threshold
        cells = [positive & answers, ~positive & answers, ~positive & ~answers, positive & ~answers]
        bins = np.minimum((busy * N_BINS).astype(int), N_BINS - 1)
        off = np.zeros((len(busy), N_BINS))
        off[np.arange(len(busy)), bins] = busy - labels
        self._columns = np.column_stack([*cells, (busy - labels) ** 2, off]).astype(np.float32)
        self._order = np.argsort(-busy, kind="stable")
        falling = busy[self._order]
        # Patches of equal probability pass a threshold together.
        self._starts = np.flatnonzero(np.append(True, falling[1:] != falling[:-1]))
        self._positive = positive[self._order].astype(np.float32)

    def __call__(self, weights: NDArray[np.float32]) -> dict[str, Floats]:
        """Figures by name, each of shape (n_resamples,), nan where undefined.

        Parameters
        ----------
        weights : ndarray of float32, shape (n_resamples, n)
            Whole numbers, of which float32 holds sums up to 16 million exactly.
        """
        sums = (weights @ self._columns).astype(np.float64)
        tp, fp, tn, fn = sums[:, :4].T
        n = sums[:, :4].sum(axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            two = (tp + fn > 0) & (tn + fp > 0)
            margins = (tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)
            mcc = (tp * tn - fp * fn) / np.sqrt(margins)
            return {
                "accuracy": (tp + tn) / n,
                "balanced_accuracy": (tp / (tp + fn) + tn / (tn + fp)) / 2,
                "f1": 2 * tp / (2 * tp + fp + fn),
                "mcc": np.where(two & (margins == 0), 0.0, mcc),
                **self._areas(weights),
                "brier": sums[:, 4] / n,
                "ece": np.abs(sums[:, 5:]).sum(axis=1) / n,
            }

    def _areas(self, weights: NDArray[np.float32]) -> dict[str, Floats]:
        """Areas under the ROC and the precision-recall curve."""
        free = np.take(weights, self._order, axis=1)
        busy = free * self._positive
        free -= busy
        if len(self._starts) < free.shape[1]:
            free, busy = (np.add.reduceat(each, self._starts, axis=1) for each in (free, busy))
        fp, tp = free.cumsum(axis=1), busy.cumsum(axis=1)
        n_free, n_busy = fp[:, -1], tp[:, -1]
        precision = tp / np.maximum(tp + fp, 1)  # where no patch has passed, none is gained
        # Each busy patch is rated above the free ones below it and half of those beside it.
        free *= 0.5
        free += n_free[:, np.newaxis]
        free -= fp
        won = np.einsum("ij,ij->i", busy, free, dtype=np.float64)
        gained = np.einsum("ij,ij->i", busy, precision, dtype=np.float64)
        return {"auc": won / n_free / n_busy, "pr_auc": gained / n_busy}


def resampled_figures(
    rated: list[WeightedFigures],
    resampling: Resampling,
    progress: Progress = lambda batches, total: batches,
) -> list[dict[str, Floats]]:
    """Figures of each model on the samples of a bootstrap, the same samples for all.

    Parameters
    ----------
    rated : list of WeightedFigures
        Of each model.
    resampling : Resampling
    progress : callable
        Called with batches of samples and their number; passes them through.

    Returns
    -------
    list of dict
        Of each model: figures by name, shape (n_resamples,).

    Examples
    --------
    >>> labels = np.array([0, 1] * 5, np.uint8)
    >>> weighted = WeightedFigures(labels, np.linspace(0, 1, 10), 0.5)
    >>> (found,) = resampled_figures([weighted], Resampling(np.arange(10), n_resamples=100))
    >>> found["auc"].shape
    (100,)
    """
    parts: list[list[dict[str, Floats]]] = [[] for _ in rated]
    for counts in progress(resampling.batches(), resampling.n_batches):
        weights = counts[:, resampling.groups]
        for part, one in zip(parts, rated, strict=True):
            part.append(one(weights))
    return [
        {name: np.concatenate([batch[name] for batch in part]) for name in METRICS}
        for part in parts
    ]
