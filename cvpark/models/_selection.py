"""Calibration and threshold, chosen on validation data."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..exceptions import DatasetError
from ._calibration import CALIBRATIONS, Calibration, Isotonic, Sigmoid
from ._card import expected_calibration_error

_N_FOLDS = 5
_MIN_PATCHES = 1000


def choose_calibration(
    scores: ArrayLike, labels: ArrayLike, groups: ArrayLike | None = None
) -> tuple[Calibration, dict[str, Any]]:
    """Platt's sigmoid, or isotonic regression where it measures better.

    Both are fitted on four fifths of the data and measured on the fifth held out, in turn. What
    decides is the Brier score, a proper one; the calibration error is told and does not decide,
    as a function that ignores the score has none.

    The sigmoid has but two parameters and tells any two scores apart. It stays unless isotonic
    regression is better by more than noise, two standard errors of the difference between groups.
    It also stays where the classes do not overlap, whose isotonic regression is a single step,
    and on fewer than 1,000 patches, which isotonic regression overfits (Niculescu-Mizil and
    Caruana, "Predicting good probabilities with supervised learning", ICML 2005,
    https://doi.org/10.1145/1102351.1102430).

    Parameters
    ----------
    scores : array of float, shape (n,)
        Decision scores of the validation data.
    labels : array of int, shape (n,)
        0 free, 1 busy; both must occur.
    groups : array of int, shape (n,), optional
        What is held out whole, such as the camera-day: its patches show the same cars. Without
        it folds are stretches of the given order, and the standard error takes patches to be
        independent.

    Returns
    -------
    calibration : Sigmoid or Isotonic
        Fitted on all of the data.
    measured : dict
        ``brier`` and ``ece`` of each on data held out, the latter a mean over the parts, so that
        errors of different days do not cancel out; with ``n_folds`` and what was ``held_out``.
        Empty where the data are too few to hold any out. Then it is the sigmoid.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> scores = rng.normal(size=500)
    >>> labels = rng.random(500) < Sigmoid(3.0, 0.0)(scores)[:, 1]
    >>> choose_calibration(scores, labels)[1]["held_out"]
    'patches'
    """
    scores, labels = np.asarray(scores, float), np.asarray(labels, np.uint8)
    folds = list(calibration_folds(labels, groups))
    if not folds:
        return Sigmoid.fit(scores, labels), {}
    busy = {kind: np.empty(scores.size) for kind in CALIBRATIONS}
    for fit, held in folds:
        for kind, calibration in CALIBRATIONS.items():
            busy[kind][held] = calibration.fit(scores[fit], labels[fit])(scores[held])[:, 1]
    squared = {kind: (labels - held_out) ** 2 for kind, held_out in busy.items()}
    gain = squared["sigmoid"] - squared["isotonic"]
    is_better = gain.mean() > 2 * _standard_error(gain, groups)
    chosen = Isotonic if is_better and _is_enough(scores, labels) else Sigmoid
    measured = {
        kind: {
            "brier": float(squared[kind].mean()),
            "ece": float(
                np.mean([expected_calibration_error(labels[i], busy[kind][i]) for _, i in folds])
            ),
        }
        for kind in CALIBRATIONS
    }
    facts = {"n_folds": len(folds), "held_out": "patches" if groups is None else "groups"}
    return chosen.fit(scores, labels), facts | measured


def _is_enough(scores: NDArray[np.float64], labels: NDArray[np.uint8]) -> bool:
    """Whether isotonic regression has something to go by."""
    overlap = scores[labels == 0].max() > scores[labels == 1].min()
    return bool(overlap and labels.size >= _MIN_PATCHES)


def calibration_folds(
    labels: NDArray[np.uint8], groups: ArrayLike | None
) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Rows to fit on and rows held out, five times at most, groups whole.

    Nothing where a part to fit on would lack a class.

    Parameters
    ----------
    labels : ndarray of uint8, shape (n,)
    groups : array of int, shape (n,), or None
        None: folds are stretches of the given order.

    Examples
    --------
    >>> labels = np.array([0, 1, 0, 1], np.uint8)
    >>> [held.tolist() for _, held in calibration_folds(labels, [1, 1, 2, 2])]
    [[0, 1], [2, 3]]
    """
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    n_folds = min(_N_FOLDS, np.bincount(labels, minlength=2).min())
    if groups is not None:
        n_folds = min(n_folds, np.unique(groups).size)
    if n_folds < 2:
        return
    splitter = StratifiedKFold if groups is None else StratifiedGroupKFold
    folds = list(splitter(n_folds).split(labels, labels, groups))
    if all(np.unique(labels[fit]).size == 2 for fit, _ in folds):
        yield from folds


def _standard_error(values: NDArray[np.float64], groups: ArrayLike | None) -> float:
    """Of the mean, where values of one group hang together."""
    if groups is None:
        return float(values.std(ddof=1) / math.sqrt(values.size))
    rows = np.unique(groups, return_inverse=True)[1]
    sums = np.bincount(rows, values - values.mean())
    return float(math.sqrt(sums.size / (sums.size - 1) * (sums**2).sum()) / values.size)


def choose_threshold(
    labels: ArrayLike,
    busy: ArrayLike,
    *,
    target_precision: float | None = None,
    target_recall: float | None = None,
) -> float:
    """The probability from which on a slot counts as busy.

    Without a target it is 0.5, where both answers are as likely. The threshold of highest
    accuracy on the validation data is not taken: what it gained there did not carry over to days
    held out.

    Parameters
    ----------
    labels : array of int, shape (n,)
        0 free, 1 busy; both must occur.
    busy : array of float, shape (n,)
        Calibrated probabilities.
    target_precision : float, optional
        Above 0 and at most 1. Of the patches called busy at least this share is to be busy: the
        lowest threshold that does it here, for the highest recall.
    target_recall : float, optional
        Above 0 and at most 1. Of the busy patches at least this share is to be called busy: the
        highest threshold that does it here.

    Returns
    -------
    float
        Half-way between two probabilities that occur, so that rounding changes no answer.

    Raises
    ------
    ValueError
        Two targets, or one that is no share.
    DatasetError
        No threshold reaches the precision.

    Examples
    --------
    >>> labels, busy = [0, 0, 1, 0, 1, 1], [0.1, 0.2, 0.3, 0.4, 0.8, 0.9]
    >>> round(choose_threshold(labels, busy, target_precision=0.9), 3)
    0.6
    >>> round(choose_threshold(labels, busy, target_recall=0.9), 3)
    0.25
    """
    check_targets(target_precision, target_recall)
    if target_precision is None and target_recall is None:
        return 0.5
    labels, busy = np.asarray(labels), np.asarray(busy, float)
    # Of each distinct probability, taken as the threshold: patches called busy, and rightly so.
    candidates, where = np.unique(busy, return_inverse=True)
    called = np.bincount(where)[::-1].cumsum()[::-1]
    right = np.bincount(where, labels)[::-1].cumsum()[::-1]
    if target_precision is not None:
        precise = np.flatnonzero(right / called >= target_precision)
        if not precise.size:
            raise DatasetError(
                f"no threshold has a precision of {target_precision:g} on the validation data; the "
                f"highest is {(right / called).max():.4f}"
            )
        chosen = precise[0]
    else:
        chosen = np.flatnonzero(right / right[0] >= target_recall)[-1]
    below = candidates[chosen - 1] if chosen else 0.0
    between = float(below + candidates[chosen]) / 2
    return between if between > below else float(candidates[chosen])


def check_targets(target_precision: float | None, target_recall: float | None) -> None:
    """Refuse two targets, or one that is no share.

    Raises
    ------
    ValueError
        They are not what `choose_threshold` takes.

    Examples
    --------
    >>> check_targets(0.99, None)
    """
    if target_precision is not None and target_recall is not None:
        raise ValueError("target_precision or target_recall: a threshold can meet one of them")
    for name, target in (("target_precision", target_precision), ("target_recall", target_recall)):
        if target is not None and not 0 < target <= 1:
            raise ValueError(f"{name} {target}: it is above 0 and at most 1")
