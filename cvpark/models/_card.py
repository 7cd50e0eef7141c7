"""What is recorded of a model's making."""

from __future__ import annotations

import platform
from importlib.metadata import version

import numpy as np
from numpy.typing import NDArray

from .. import __version__


def describe_split(name: str, fingerprint: str, n_patches: int) -> dict[str, object]:
    """A split as cards tell of it.

    Examples
    --------
    >>> describe_split("val", "a5e2", 18647)["n_patches"]
    18647
    """
    return {"split": name, "fingerprint": fingerprint, "n_patches": n_patches}


def rate(
    labels: NDArray[np.uint8], busy: NDArray[np.floating], threshold: float
) -> dict[str, float]:
    """Accuracy, AUC and Brier score of P(busy).

    Parameters
    ----------
    labels : ndarray of uint8, shape (n,)
        0 free, 1 busy; both must occur.
    busy : ndarray of float, shape (n,)
        Probabilities.
    threshold : float
        Busy from this probability on.

    Examples
    --------
    >>> rate(np.array([0, 1], np.uint8), np.array([0.25, 0.75]), 0.5)["accuracy"]
    1.0
    """
    from sklearn.metrics import accuracy_score, brier_score_loss, roc_auc_score

    return {
        "accuracy": float(accuracy_score(labels, busy >= threshold)),
        "auc": float(roc_auc_score(labels, busy)),
        "brier": float(brier_score_loss(labels, busy)),
    }


def versions(*packages: str) -> dict[str, str]:
    """Versions of Python, of cvpark and of the packages a model is made with.

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
