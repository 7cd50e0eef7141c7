"""Fit support vector machines whose numbers are narrow."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._scorers._estimators import fold, grid_steps

SIGNIFICANT_BITS = 16

Floats = NDArray[np.float64]


def fit_narrow(classifier: Any, X: NDArray[np.float32], y: NDArray[Any]) -> Any:
    """Fit a classifier, each step on what the rounded steps before it make of ``X``.

    The time a compiled support vector machine takes, and the size of its file, are those of its
    numbers. They are rounded while the pipeline is fitted and in scikit-learn's own attributes, so
    that what comes later makes up for it, and the compiled form is the same function:

    - means and scales of a StandardScaler, coefficients of a LinearSVC: 16 significant bits.
    - Scaling and PCA before a kernel, as one matrix: 8-bit integers times a power of two for each
      component. The rows of ``components_`` are then orthogonal to some 1 % only.
    - Projected points a kernel machine is fitted on, hence its support vectors or centres: 8-bit
      integers times a power of two for each component. Points it is asked about are not rounded.

    Parameters
    ----------
    classifier : scikit-learn classifier
        Unfitted. One that is no LinearSVC and no pipeline of a StandardScaler and a support vector
        machine is fitted as it is.
    X : ndarray of float32, shape (n, n_features)
    y : ndarray, shape (n,)

    Returns
    -------
    scikit-learn classifier
        The same, fitted.

    Examples
    --------
    >>> from sklearn.svm import LinearSVC
    >>> X = np.array([[0.1], [0.4], [0.7]], np.float32)
    >>> fitted = fit_narrow(LinearSVC(random_state=0), X, np.array([0, 0, 1]))
    >>> float(fitted.coef_[0, 0] * 2**20).is_integer()
    True
    """
    steps = [step for _, step in getattr(classifier, "steps", [("classify", classifier)])]
    kinds = [type(step).__name__ for step in steps]
    if kinds[0] != "StandardScaler" or kinds[-1] not in {"SVC", "LinearSVC"}:
        classifier.fit(X, y)
    else:
        _round_attributes(steps[0].fit(X), "mean_", "var_", "scale_")
        scaled = steps[0].transform(X)
        if kinds[1] == "PCA" and kinds[2:] != ["LinearSVC"]:
            _round_projection(steps[0], steps[1].fit(scaled))
            points = steps[1].transform(scaled).astype(np.float64)
            classifier[2:].fit(_on_grid(points), y)
        else:
            classifier[1:].fit(scaled, y)
    if kinds[-1] == "LinearSVC":
        _round_attributes(steps[-1], "coef_")
    return classifier


def _on_grid(matrix: Floats) -> Floats:
    steps = grid_steps(matrix)
    rounded: Floats = np.rint(matrix / steps) * steps
    return rounded


def _round_projection(scale: Any, project: Any) -> None:
    """Change ``components_`` so that scaling and projection in one are on a grid."""
    folded, _ = fold([scale, project], np.eye(project.n_components_))
    change = np.divide(_on_grid(folded), folded, out=np.zeros_like(folded), where=folded != 0)
    # With a scale of 16 significant bits, and without whitening, float32 holds them exactly.
    project.components_ = (project.components_ * change.T).astype(project.components_.dtype)


def _round_attributes(step: Any, *names: str) -> None:
    for name in names:
        values = getattr(step, name)
        if values is not None:
            fractions, exponents = np.frexp(values)
            whole = np.rint(np.ldexp(fractions, SIGNIFICANT_BITS))
            setattr(step, name, np.ldexp(whole, exponents - SIGNIFICANT_BITS))
