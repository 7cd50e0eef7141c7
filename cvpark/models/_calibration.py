"""Decision scores to probabilities."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._kernels._jit import frozen
from .._kernels.probability import piecewise_linear, sigmoid

_MAX_KNOTS = 4096  # tens of thousands of patches give some tens


@dataclass(frozen=True)
class Sigmoid:
    """Platt's sigmoid: ``P(busy) = 1 / (1 + exp(-(slope * score + intercept)))``.

    Platt, "Probabilistic outputs for support vector machines", Advances in Large Margin
    Classifiers, 1999.

    Parameters
    ----------
    slope, intercept : float
        What `fit` finds.

    Raises
    ------
    ValueError
        One of them is not finite.

    Examples
    --------
    >>> Sigmoid(2.0, 0.0)(np.zeros(1))
    array([[0.5, 0.5]])
    >>> Sigmoid.from_config(Sigmoid(2.0, 0.0).to_config())
    Sigmoid(slope=2.0, intercept=0.0)
    """

    slope: float
    intercept: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.slope) and math.isfinite(self.intercept)):
            raise ValueError("slope and intercept of a sigmoid are finite")

    @classmethod
    def fit(cls, scores: ArrayLike, labels: ArrayLike) -> Sigmoid:
        """The sigmoid of highest likelihood.

        As Platt does, its targets are not 0 and 1 but what Bayes' rule makes of them: classes
        that do not overlap would have an infinite slope.

        Parameters
        ----------
        scores : array of float, shape (n,)
            Decision scores.
        labels : array of int, shape (n,)
            0 free, 1 busy; both must occur.

        Examples
        --------
        >>> round(Sigmoid.fit([-2, -1, 1, 2], [0, 0, 1, 1]).slope, 3)
        0.674
        """
        from sklearn.linear_model import LogisticRegression

        labels = np.asarray(labels, bool)
        lowest, highest = _bayes_bounds(labels)
        targets = np.where(labels, highest, lowest)
        # Each patch is busy to a part and free to the rest.
        X = np.tile(np.asarray(scores, float), 2).reshape(-1, 1)
        fitted = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-9).fit(
            X, np.repeat([1, 0], labels.size), np.concatenate([targets, 1 - targets])
        )
        return cls(float(fitted.coef_[0, 0]), float(fitted.intercept_[0]))

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Sigmoid:
        """What `to_config` described.

        Parameters
        ----------
        config : mapping
        """
        return cls(float(config["slope"]), float(config["intercept"]))

    def to_config(self) -> dict[str, Any]:
        """A JSON-able description."""
        return {"kind": "sigmoid", "slope": self.slope, "intercept": self.intercept}

    def __call__(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """Probabilities of free and busy, shape (n, 2), for scores of shape (n,)."""
        proba = np.empty((scores.size, 2))
        sigmoid(scores, self.slope, self.intercept, proba)
        return proba


@dataclass(frozen=True, eq=False)
class Isotonic:
    """Isotonic regression: P(busy) is any function of the score that never descends.

    Zadrozny and Elkan, "Transforming classifier scores into accurate multiclass probability
    estimates", KDD 2002, https://doi.org/10.1145/775047.775151. Steps become straight lines
    between the scores they were seen at, and no probability is 0 or 1: the ends are those that
    Platt's targets have.

    Parameters
    ----------
    scores : array of float, shape (n_knots,)
        Strictly ascending.
    probabilities : array of float, shape (n_knots,)
        P(busy) there, never descending; straight between two knots, level outside.

    Raises
    ------
    ValueError
        Not such a function, or one of more than 4,096 knots.

    Examples
    --------
    >>> Isotonic([-1, 0, 2], [0.125, 0.25, 0.75])(np.array([-7.0, 1.0]))
    array([[0.875, 0.125],
           [0.5  , 0.5  ]])
    >>> Isotonic.from_config(Isotonic([0, 1], [0.25, 0.75]).to_config()).scores
    array([0., 1.])
    """

    scores: NDArray[np.float64]
    probabilities: NDArray[np.float64]

    def __post_init__(self) -> None:
        for name in ("scores", "probabilities"):
            values = np.array(getattr(self, name), np.float64)
            object.__setattr__(self, name, frozen(values))
        scores, probabilities = self.scores, self.probabilities
        if scores.shape != probabilities.shape or scores.ndim != 1:
            raise ValueError("isotonic: as many scores as probabilities, in two plain lists")
        if not 2 <= scores.size <= _MAX_KNOTS:
            raise ValueError(f"isotonic: 2 to {_MAX_KNOTS} knots, not {scores.size}")
        # Written so that NaN fails; a range that overflows would be no line.
        if not (np.all(scores[1:] > scores[:-1]) and math.isfinite(scores[-1] - scores[0])):
            raise ValueError("isotonic: finite scores that ascend strictly")
        ascend = np.all(probabilities[1:] >= probabilities[:-1])
        if not (ascend and probabilities[0] >= 0 and probabilities[-1] <= 1):
            raise ValueError("isotonic: probabilities from 0 to 1 that never descend")

    @classmethod
    def fit(cls, scores: ArrayLike, labels: ArrayLike) -> Isotonic:
        """The function of least squared error.

        Parameters
        ----------
        scores : array of float, shape (n,)
            Decision scores.
        labels : array of int, shape (n,)
            0 free, 1 busy; both must occur.

        Examples
        --------
        >>> Isotonic.fit([1, 2, 3, 4, 5, 6], [0, 0, 1, 0, 1, 1]).probabilities
        array([0.2, 0.2, 0.5, 0.5, 0.8, 0.8])
        """
        from sklearn.isotonic import IsotonicRegression

        labels = np.asarray(labels, bool)
        lowest, highest = _bayes_bounds(labels)
        fitted = IsotonicRegression(y_min=lowest, y_max=highest).fit(scores, labels)
        knots, heights = fitted.X_thresholds_, fitted.y_thresholds_
        if knots.size == 1:  # all scores are the same
            knots, heights = np.append(knots, np.nextafter(knots, np.inf)), np.repeat(heights, 2)
        return cls(knots, heights)

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Isotonic:
        """What `to_config` described.

        Parameters
        ----------
        config : mapping
        """
        return cls(config["scores"], config["probabilities"])

    def to_config(self) -> dict[str, Any]:
        """A JSON-able description."""
        return {
            "kind": "isotonic",
            "scores": self.scores.tolist(),
            "probabilities": self.probabilities.tolist(),
        }

    def __call__(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """Probabilities of free and busy, shape (n, 2), for scores of shape (n,)."""
        proba = np.empty((scores.size, 2))
        piecewise_linear(scores, self.scores, self.probabilities, proba)
        return proba


Calibration = Sigmoid | Isotonic
CALIBRATIONS: dict[str, type[Calibration]] = {"sigmoid": Sigmoid, "isotonic": Isotonic}


def make_calibration(config: Mapping[str, Any]) -> Calibration:
    """The calibration that `to_config` described.

    Parameters
    ----------
    config : mapping
        With its ``kind``.

    Returns
    -------
    Sigmoid or Isotonic

    Raises
    ------
    KeyError, TypeError, ValueError
        Of no or an unknown kind, or not what that kind takes.

    Examples
    --------
    >>> make_calibration(Sigmoid(2.0, 0.5).to_config())
    Sigmoid(slope=2.0, intercept=0.5)
    """
    kind = config["kind"]
    if kind not in CALIBRATIONS:
        raise ValueError(f"unknown calibration {str(kind)[:80]!r}")
    return CALIBRATIONS[kind].from_config(config)


def _bayes_bounds(labels: NDArray[np.bool_]) -> tuple[float, float]:
    """P(busy) of a free and of a busy patch by Laplace's rule: so sure one may be of n of them."""
    n_busy = int(labels.sum())
    return 1 / (labels.size - n_busy + 2), (n_busy + 1) / (n_busy + 2)
