"""Accuracy of a classifier over folds of whole days."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..datasets import Split
from ..exceptions import DatasetError
from ..models import FACTORIES, Sigmoid, fit_narrow, rate

Rows = NDArray[np.intp]


@dataclass(frozen=True)
class FoldFigures:
    """What the folds measured so far tell.

    Parameters
    ----------
    accuracy, auc, brier : float
        Of all patches held out so far.
    fit_seconds : float
        All fits together.
    folds : tuple of float
        Accuracy of each fold.

    Examples
    --------
    >>> FoldFigures(0.97, 0.99, 0.02, 1.5, (0.96, 0.98)).folds
    (0.96, 0.98)
    """

    accuracy: float
    auc: float
    brier: float
    fit_seconds: float
    folds: tuple[float, ...]


def day_folds(split: Split, n_folds: int, *, seed: int = 0) -> list[tuple[Rows, Rows]]:
    """Rows to fit on and rows held out: each day is on one side, whatever the camera.

    The same parked car is in neighbouring captures, and all cameras of a day share its weather:
    figures of random folds flatter.

    Parameters
    ----------
    split : Split
    n_folds : int
    seed : int

    Raises
    ------
    DatasetError
        Too few days, or a fold of one class only.

    Examples
    --------
    >>> names = [f"A/busy/2015070{day}_1410_{slot}.jpg" for day in (3, 4, 5) for slot in (1, 2)]
    >>> split = Split("mine", tuple(names), np.array([0, 1, 0, 1, 0, 1], np.uint8))
    >>> sorted(held.tolist() for _, held in day_folds(split, 3))
    [[0, 1], [2, 3], [4, 5]]
    """
    from sklearn.model_selection import StratifiedGroupKFold

    days = split.metadata().day.to_numpy()
    n_days = len(set(days))
    if n_days < n_folds:
        raise DatasetError(
            f"{split.name}: its patches are of {n_days} days, too few for {n_folds} folds of whole "
            "days" + (f"; --folds {n_days} would do" if n_days > 1 else "")
        )
    splitter = StratifiedGroupKFold(n_splits=n_folds, shuffle=True, random_state=seed)
    folds = list(splitter.split(split.labels, split.labels, days))
    if any(np.unique(split.labels[held]).size < 2 for _, held in folds):
        raise DatasetError(
            f"{split.name}: one of {n_folds} folds of whole days has patches of one class only; "
            "choose fewer with --folds"
        )
    return folds


def thin_out(split: Split, n_patches: int, *, seed: int = 0) -> Split:
    """At most that many patches, drawn so that days and classes keep their shares.

    Parameters
    ----------
    split : Split
    n_patches : int
    seed : int

    Examples
    --------
    >>> names = [f"A/free/2015070{day}_1410_{slot}.jpg" for day in (3, 4) for slot in range(10)]
    >>> thinned = thin_out(Split("mine", tuple(names), np.zeros(20, np.uint8)), 4)
    >>> thinned.metadata().day.tolist()
    ['2015-07-03', '2015-07-03', '2015-07-04', '2015-07-04']
    """
    if n_patches >= len(split):
        return split
    days = split.metadata().day.to_numpy()
    chance = np.random.default_rng(seed).random(len(split))
    order = np.lexsort((chance, split.labels, days))  # by day, in it by class, in that by chance
    keep = np.zeros(len(split), bool)
    keep[order[np.arange(n_patches) * len(split) // n_patches]] = True
    return split.select(keep, name=f"{n_patches} of {split.name}")


def cross_validate(
    kind: str,
    X: NDArray[np.float32],
    y: NDArray[np.uint8],
    folds: list[tuple[Rows, Rows]],
    *,
    parameters: Mapping[str, Any] | None = None,
    seed: int = 0,
) -> Iterator[FoldFigures]:
    """Figures of one kind of classifier over folds, fitted as for a shipped model.

    Scores become probabilities by the sigmoid that is best on the other folds, and busy is what
    has one of 0.5 or more: so a model is calibrated on days it was not fitted on, and rated on
    days it was neither fitted nor calibrated on.

    Parameters
    ----------
    kind : {"svm", "svm-linear", "gbdt"}
    X : ndarray of float32, shape (n, n_features)
    y : ndarray of uint8, shape (n,)
    folds : list of (fit, held)
        See `day_folds`.
    parameters : mapping, optional
        Of the classifier.
    seed : int

    Yields
    ------
    FoldFigures
        After the second fold and each that follows.

    Examples
    --------
    >>> y = np.tile(np.array([0, 1], np.uint8), 30)
    >>> X = (y[:, None] + np.random.default_rng(0).normal(0, 0.1, (60, 3))).astype(np.float32)
    >>> halves = np.arange(30), np.arange(30, 60)
    >>> *_, last = cross_validate("svm-linear", X, y, [halves, halves[::-1]])
    >>> last.folds
    (1.0, 1.0)
    """
    scores = np.empty(len(y))
    seconds = 0.0
    for number, (fit, held) in enumerate(folds, 1):
        classifier = FACTORIES[kind](seed, **(parameters or {}))
        start = perf_counter()
        fit_narrow(classifier, X[fit], y[fit])
        seconds += perf_counter() - start
        scores[held] = classifier.decision_function(X[held])
        if number > 1:
            yield _rate(scores, y, [rows for _, rows in folds[:number]], seconds)


def _rate(
    scores: NDArray[np.float64], y: NDArray[np.uint8], parts: list[Rows], seconds: float
) -> FoldFigures:
    busy = np.empty(len(y))
    for part in parts:
        others = np.concatenate([other for other in parts if other is not part])
        busy[part] = Sigmoid.fit(scores[others], y[others])(scores[part])[:, 1]
    known = np.concatenate(parts)
    rated = rate(y[known], busy[known], 0.5)
    folds = tuple(float(((busy[part] >= 0.5) == y[part]).mean()) for part in parts)
    return FoldFigures(rated["accuracy"], rated["auc"], rated["brier"], seconds, folds)
