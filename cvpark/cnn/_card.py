"""What is recorded of a trained CNN."""

from __future__ import annotations

import platform
from importlib.metadata import packages_distributions, version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import __version__
from ..datasets import Split


def split_facts(split: Split) -> dict[str, Any]:
    """Name, fingerprint and size of a split."""
    return {"split": split.name, "fingerprint": split.fingerprint, "n_patches": len(split)}


def rate(labels: NDArray[np.uint8], busy: NDArray[np.floating], threshold: float) -> dict[str, Any]:
    """Accuracy, AUC and Brier score of P(busy).

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


def versions() -> dict[str, str]:
    """Of Python and of the packages a CNN is made with."""
    packages = ("numpy", "keras", _tensorflow_package(), "ai-edge-litert")
    return {
        "python": platform.python_version(),
        "cvpark": __version__,
        **{name: version(name) for name in packages},
    }


def _tensorflow_package() -> str:
    """TensorFlow comes as a package for processors only or as one for graphics cards too."""
    return packages_distributions()["tensorflow"][0]
