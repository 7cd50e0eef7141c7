"""Decision scores to probabilities, fitted on validation data."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._kernels.probability import sigmoid


@dataclass(frozen=True)
class Sigmoid:
    """Platt's sigmoid: ``P(busy) = 1 / (1 + exp(-(slope * score + intercept)))``.

    Platt, "Probabilistic outputs for support vector machines", Advances in Large Margin
    Classifiers, 1999. His smoothed targets are left out: they matter for dozens of patches, not
    for thousands.

    Parameters
    ----------
    slope, intercept : float
        What `fit` finds.

    Examples
    --------
    >>> Sigmoid(2.0, 0.0)(np.zeros(1))
    array([[0.5, 0.5]])
    """

    slope: float
    intercept: float

    @classmethod
    def fit(cls, scores: ArrayLike, labels: ArrayLike) -> Sigmoid:
        """The sigmoid of highest likelihood.

        Parameters
        ----------
        scores : array of float, shape (n,)
            Decision scores.
        labels : array of int, shape (n,)
            0 free, 1 busy; both must occur.

        Examples
        --------
        >>> Sigmoid.fit([-2, -1, 0.5, -0.5, 1, 2], [0, 0, 0, 1, 1, 1]).slope > 0
        True
        """
        from sklearn.linear_model import LogisticRegression

        fitted = LogisticRegression(C=np.inf).fit(np.asarray(scores, float).reshape(-1, 1), labels)
        return cls(float(fitted.coef_[0, 0]), float(fitted.intercept_[0]))

    def __call__(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """Probabilities of free and busy, shape (n, 2), for scores of shape (n,)."""
        proba = np.empty((scores.size, 2))
        sigmoid(scores, self.slope, self.intercept, proba)
        return proba
