"""Fitted scikit-learn steps read as matrices."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

LARGEST = 127  # of int8, the same on both sides of zero

Floats = NDArray[np.float64]


def fold(affine: list[Any], matrix: Floats) -> tuple[Floats, Floats]:
    """Fitted StandardScalers and PCAs in a row, and a matrix after them, as one matrix.

    Parameters
    ----------
    affine : list of scikit-learn transformers
    matrix : ndarray of float64, shape (n_components, n_columns)
        What comes after them.

    Returns
    -------
    matrix : ndarray of float64, shape (n_features, n_columns)
    offset : ndarray of float64, shape (n_columns,)
        Applied one after the other they are ``X @ matrix + offset``.

    Raises
    ------
    ValueError
        Another kind of step.
    """
    offset = np.zeros(matrix.shape[1])
    for step in reversed(affine):
        kind = type(step).__name__
        if kind == "StandardScaler":
            if step.scale_ is not None:
                matrix = matrix / step.scale_[:, np.newaxis]
        elif kind == "PCA":
            if step.whiten:
                deviations = np.sqrt(step.explained_variance_)
                floor = np.finfo(deviations.dtype).eps
                matrix = matrix / np.maximum(deviations, floor)[:, np.newaxis]
            matrix = step.components_.T.astype(np.float64) @ matrix
        else:
            raise ValueError(f"cannot be compiled: {kind} is neither StandardScaler nor PCA")
        if kind == "PCA" or step.with_mean:
            offset = offset - step.mean_ @ matrix
    return matrix, offset


def grid_steps(matrix: Floats) -> Floats:
    """For each column the power of two of which its numbers are to be -127 to 127 times.

    Examples
    --------
    >>> grid_steps(np.array([[127.0, 0.3], [0.0, -0.5]]))
    array([1.       , 0.0078125])
    """
    largest = np.abs(matrix).max(axis=0)
    # The slack keeps what lies on a grid on it, a rounding error above the largest number.
    _, exponents = np.frexp(largest * (1 - 1e-6) / LARGEST)
    return np.where(largest > 0, np.ldexp(1.0, exponents), 1.0)


def steps_of(estimator: Any) -> list[Any]:
    steps = [estimator]
    if type(estimator).__name__ == "Pipeline":
        steps = [step for _, step in estimator.steps]
    if not hasattr(steps[-1], "classes_"):
        raise ValueError(f"cannot be compiled: {type(steps[-1]).__name__} is no fitted classifier")
    if len(steps[-1].classes_) != 2:
        raise ValueError(f"cannot be compiled: {len(steps[-1].classes_)} classes, expected 2")
    return steps


def linear(classifier: Any) -> tuple[Floats, float]:
    if type(classifier).__name__ != "LinearSVC":
        raise ValueError(f"cannot be compiled: expected LinearSVC, got {type(classifier).__name__}")
    coefficients = np.asarray(classifier.coef_[0], np.float64)
    return coefficients, float(np.ravel(classifier.intercept_)[0])


def gaussians(machine: list[Any]) -> tuple[Floats, Floats, float, float]:
    """Centres, weights, gamma and intercept of a kernel machine."""
    kernel, kind = machine[0], [type(step).__name__ for step in machine]
    if kind not in (["SVC"], ["Nystroem", "LinearSVC"]):
        raise ValueError(
            "cannot be compiled: expected SVC or Nystroem and LinearSVC after the projection, got "
            + ", ".join(kind)
        )
    if kernel.kernel != "rbf":
        raise ValueError(f"cannot be compiled: kernel {kernel.kernel!r}, expected 'rbf'")
    if kind == ["SVC"]:
        # gamma="scale" is resolved in fit, and kept nowhere else.
        gamma, intercept = float(kernel._gamma), float(kernel.intercept_[0])
        return kernel.support_vectors_, kernel.dual_coef_[0], gamma, intercept
    coefficients, intercept = linear(machine[1])
    gamma = 1.0 / kernel.n_features_in_ if kernel.gamma is None else float(kernel.gamma)
    weights = kernel.normalization_.T.astype(np.float64) @ coefficients
    return kernel.components_, weights, gamma, intercept


def integers(matrix: Floats, what: str) -> tuple[NDArray[np.int8], Floats]:
    """``matrix`` as integers, and the step of each column."""
    steps = grid_steps(matrix)
    integers = np.rint(matrix / steps)
    if np.abs(matrix / steps - integers).max() > 1e-3:
        raise ValueError(
            f"cannot be compiled: the {what} are no multiples of 8-bit integers; "
            "fit the pipeline with fit_narrow"
        )
    return integers.astype(np.int8), steps
