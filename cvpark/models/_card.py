"""What is recorded of a model's making."""

from __future__ import annotations

import platform
from importlib.metadata import version

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import __version__


def describe_split(name: str, fingerprint: str, n_patches: int) -> dict[str, object]:
    """A split as cards tell of it.

    Parameters
    ----------
    name, fingerprint : str
        See `cvpark.datasets.Split`.
    n_patches : int
        How many of it were used.

    Examples
    --------
    >>> describe_split("val", "a5e2", 18647)["n_patches"]
    18647
    """
    return {"split": name, "fingerprint": fingerprint, "n_patches": n_patches}


def rate(
    labels: NDArray[np.uint8], busy: NDArray[np.floating], threshold: float
) -> dict[str, float]:
    """How good P(busy) is, and the answers that a threshold makes of it.

    Parameters
    ----------
    labels : ndarray of uint8, shape (n,)
        0 free, 1 busy; both must occur.
    busy : ndarray of float, shape (n,)
        Probabilities.
    threshold : float
        Busy from this probability on.

    Returns
    -------
    dict of float
        ``accuracy``, and ``precision`` and ``recall`` of busy, of the answers (precision 0 where
        none is busy); ``auc``, ``brier`` and ``ece`` (`expected_calibration_error`) of the
        probabilities.

    Examples
    --------
    >>> rate(np.array([0, 1], np.uint8), np.array([0.25, 0.75]), 0.5)["accuracy"]
    1.0
    """
    from sklearn.metrics import brier_score_loss, precision_score, recall_score, roc_auc_score

    answers = busy >= threshold
    return {
        "accuracy": float((answers == labels).mean()),
        "precision": float(precision_score(labels, answers, zero_division=0.0)),
        "recall": float(recall_score(labels, answers)),
        "auc": float(roc_auc_score(labels, busy)),
        "brier": float(brier_score_loss(labels, busy)),
        "ece": expected_calibration_error(labels, busy),
    }


def expected_calibration_error(labels: ArrayLike, busy: ArrayLike, *, n_bins: int = 15) -> float:
    """How far probabilities lie from what comes true, on average.

    Patches are binned by P(busy) into bins of equal width. In each, the mean probability is
    compared with the share of busy patches; the differences are averaged, weighted by patches
    (Naeini, Cooper and Hauskrecht, "Obtaining well calibrated probabilities using Bayesian
    binning", AAAI 2015, https://doi.org/10.1609/aaai.v29i1.9602). Guo et al., "On calibration of
    modern neural networks", ICML 2017, https://doi.org/10.48550/arXiv.1706.04599, bin by the
    probability of the answer instead, where errors of free and of busy may cancel out.

    Parameters
    ----------
    labels : array of int, shape (n,)
        0 free, 1 busy.
    busy : array of float, shape (n,)
        Probabilities, from 0 to 1.
    n_bins : int

    Returns
    -------
    float
        From 0 to 1. Chance alone keeps it above 0: some 0.002 of perfect probabilities on the
        18,647 patches of the official validation split.

    Raises
    ------
    ValueError
        No patches, shapes that differ, or what is no probability.

    Examples
    --------
    >>> round(expected_calibration_error([0, 1, 1, 1], [0.7, 0.7, 0.7, 0.9]), 3)
    0.05
    """
    labels, busy = np.asarray(labels, float), np.asarray(busy, float)
    if labels.shape != busy.shape or busy.ndim != 1 or not busy.size:
        raise ValueError(f"labels {labels.shape} and probabilities {busy.shape}: not one of each")
    if not (busy.min() >= 0 and busy.max() <= 1):
        raise ValueError("probabilities lie from 0 to 1")
    bins = np.minimum((busy * n_bins).astype(int), n_bins - 1)
    return float(np.abs(np.bincount(bins, busy - labels)).sum() / busy.size)


def versions(*packages: str) -> dict[str, str]:
    """Versions of Python, of cvpark and of the packages a model is made with.

    Parameters
    ----------
    *packages : str
        Names of distributions.

    Examples
    --------
    >>> list(versions("numpy"))
    ['python', 'cvpark', 'numpy']
    """
    return {
        "python": platform.python_version(),
        "cvpark": __version__,
        **{name: version(name) for name in packages},
    }
