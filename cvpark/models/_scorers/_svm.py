"""Linear and radial-basis support vector machines as arrays."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ..._kernels._jit import frozen
from ..._kernels.svm import BLOCK, CHUNK, TILE, linear_scores, rbf_scores
from ...exceptions import ModelFormatError
from ._base import Arrays, check_input
from ._estimators import fold, gaussians, integers, linear, steps_of

# Sizes no model of descriptors comes near to, far below those that memory would not hold.
MAX_FEATURES, MAX_COMPONENTS, MAX_CENTRES = 2**17, 2**12, 2**18

LARGEST_NUMBER = 1e100  # its square, times what comes with it, is finite
CACHE_LINE = 64

Floats = NDArray[np.float64]


class LinearScorer:
    """One weight a column: a linear SVM with the scaling and projection before it.

    Parameters
    ----------
    weights : ndarray of float32, shape (n_features,)
    intercept : ndarray of float64, shape ()
    """

    form = "linear"

    def __init__(self, weights: NDArray[np.float32], intercept: Floats) -> None:
        self.n_features = weights.size
        self._arrays: dict[str, NDArray[Any]] = {"weights": weights, "intercept": intercept}
        self._weights, self._intercept = frozen(_aligned(weights)), float(intercept)

    @classmethod
    def from_estimator(cls, estimator: Any) -> Self:
        """Fold a fitted pipeline of StandardScaler, PCA, both or none, and LinearSVC into one.

        Raises
        ------
        ValueError
            It is not such a pipeline.
        """
        *affine, classifier = steps_of(estimator)
        coefficients, intercept = linear(classifier)
        matrix, offset = fold(affine, coefficients[:, np.newaxis])
        return cls(matrix[:, 0].astype(np.float32), np.array(offset[0] + intercept))

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> Self:
        """Rebuild it from what `arrays` gave, here or elsewhere.

        Raises
        ------
        ModelFormatError
            Arrays missing, of other shapes or dtypes, or not finite.
        """
        expected = {"weights": ("f4", 1), "intercept": ("f8", 0)}
        checked = _checked(arrays, expected)
        _limit("features", checked["weights"].size, MAX_FEATURES)
        return cls(**checked)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Its ``weights`` and ``intercept``."""
        return dict(self._arrays)

    def workspace(self, capacity: int) -> Any:
        """Working memory for one call at a time; the same for any number of rows."""
        return _aligned(np.zeros(TILE))

    def bind(self, X: NDArray[np.float32], workspace: Any) -> Callable[..., None]:
        """A call that fills its argument with the scores of a checked ``X``."""
        return partial(linear_scores, X, self._weights, self._intercept, workspace)

    def __call__(self, X: NDArray[np.float32], workspace: Any, out: Floats) -> None:
        """Fill ``out`` (n,) with the ``decision_function`` of ``X`` (n, n_features).

        A frozen ``X`` spares a microsecond.
        """
        self.bind(check_input(X, self.n_features, out), workspace)(out)


class RbfScorer:
    """Gaussians around centres in a projection: an RBF SVM, exact or approximated by Nystroem.

    With ``z = projection @ x * projection_steps + projection_offset`` the score is
    ``intercept + sum(weights * exp(-gamma * squares))``, ``squares`` being those of the distances
    from ``z`` to ``centres * centre_steps``.

    Projection and centres are 8-bit integers, which is what makes them quick to read. So they must
    be in the pipeline too: see `fit_narrow`.

    Parameters
    ----------
    projection : ndarray of int8, shape (n_components, n_features)
    projection_steps, projection_offset : ndarray of float64, shape (n_components,)
    centres : ndarray of int8, shape (n_centres, n_components)
    centre_steps : ndarray of float64, shape (n_components,)
    weights : ndarray of float64, shape (n_centres,)
    gamma, intercept : ndarray of float64, shape ()
    """

    form = "rbf"

    def __init__(
        self,
        projection: NDArray[np.int8],
        projection_steps: Floats,
        projection_offset: Floats,
        centres: NDArray[np.int8],
        centre_steps: Floats,
        weights: Floats,
        gamma: Floats,
        intercept: Floats,
    ) -> None:
        self.n_features = projection.shape[1]
        self._arrays: dict[str, NDArray[Any]] = {
            "projection": projection,
            "projection_steps": projection_steps,
            "projection_offset": projection_offset,
            "centres": centres,
            "centre_steps": centre_steps,
            "weights": weights,
            "gamma": gamma,
            "intercept": intercept,
        }
        # The kernel takes powers of two.
        self._gamma, self._intercept = float(gamma) / np.log(2.0), float(intercept)
        squares = self._gamma * ((centres * centre_steps) ** 2).sum(axis=1)
        columns = np.stack([projection_steps, projection_offset, centre_steps])
        terms = _padded(np.stack([squares, weights]), 1, TILE).reshape(2, -1, TILE)
        self._projection = frozen(_tiles(projection))
        self._columns = frozen(_aligned(_padded(columns, 1, TILE)))
        self._centres = frozen(_tiles(_padded(centres, 1, TILE)))
        self._terms = frozen(_aligned(terms.transpose(1, 0, 2)))

    @classmethod
    def from_estimator(cls, estimator: Any) -> Self:
        """Compile StandardScaler, PCA and SVC, or StandardScaler, PCA, Nystroem and LinearSVC.

        Raises
        ------
        ValueError
            It is not such a pipeline with an RBF kernel, or its numbers are not those that
            `fit_narrow` leaves.
        """
        *affine, _ = steps = steps_of(estimator)
        if len(steps) > 3:
            affine = affine[:2]
        if [type(step).__name__ for step in affine] != ["StandardScaler", "PCA"]:
            raise ValueError(
                "cannot be compiled: expected StandardScaler and PCA before the kernel, got "
                + ", ".join(type(step).__name__ for step in steps)
            )
        points, weights, gamma, intercept = gaussians(steps[2:])
        matrix, offset = fold(affine, np.eye(affine[1].n_components_))
        projection, projection_steps = integers(matrix, "projection")
        centres, centre_steps = integers(points, "centres")
        return cls(
            projection=np.ascontiguousarray(projection.T),
            projection_steps=projection_steps,
            projection_offset=offset,
            centres=centres,
            centre_steps=centre_steps,
            weights=weights,
            gamma=np.array(gamma),
            intercept=np.array(intercept),
        )

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> Self:
        """Rebuild it from what `arrays` gave, here or elsewhere.

        Raises
        ------
        ModelFormatError
            Arrays missing, of other shapes or dtypes, or not finite.
        """
        expected = {
            "projection": ("i1", 2),
            "projection_steps": ("f8", 1),
            "projection_offset": ("f8", 1),
            "centres": ("i1", 2),
            "centre_steps": ("f8", 1),
            "weights": ("f8", 1),
            "gamma": ("f8", 0),
            "intercept": ("f8", 0),
        }
        checked = _checked(arrays, expected)
        n_components, n_features = checked["projection"].shape
        n_centres = len(checked["centres"])
        _limit("features", n_features, MAX_FEATURES)
        _limit("components", n_components, MAX_COMPONENTS)
        _limit("centres", n_centres, MAX_CENTRES)
        shapes = {
            "projection_steps": (n_components,),
            "projection_offset": (n_components,),
            "centres": (n_centres, n_components),
            "centre_steps": (n_components,),
            "weights": (n_centres,),
        }
        for name, shape in shapes.items():
            if checked[name].shape != shape:
                raise ModelFormatError(
                    f"array {name!r} has shape {checked[name].shape}, expected {shape}"
                )
        return cls(**checked)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The parameters of the class."""
        return dict(self._arrays)

    def workspace(self, capacity: int) -> Any:
        """Working memory for calls with any number of rows, best up to ``capacity``."""
        block = max(1, min(capacity, BLOCK))
        chunks = -(-self.n_features // CHUNK), self._centres.shape[1]
        return (
            *(_aligned(np.zeros((block, n_chunks, 2, CHUNK), np.int16)) for n_chunks in chunks),
            _aligned(np.zeros((block, self._columns.shape[1]))),
            _aligned(np.zeros((block, TILE))),
        )

    def bind(self, X: NDArray[np.float32], workspace: Any) -> Callable[..., None]:
        """A call that fills its argument with the scores of a checked ``X``."""
        numbers = self._gamma, self._intercept
        tables = self._projection, self._columns, self._centres, self._terms
        return partial(rbf_scores, X, *tables, *numbers, *workspace)

    def __call__(self, X: NDArray[np.float32], workspace: Any, out: Floats) -> None:
        """Fill ``out`` (n,) with the ``decision_function`` of ``X`` (n, n_features).

        A frozen ``X`` spares a microsecond.
        """
        self.bind(check_input(X, self.n_features, out), workspace)(out)


def _checked(arrays: Arrays, expected: dict[str, tuple[str, int]]) -> dict[str, NDArray[Any]]:
    """Arrays of just these names, dtypes and numbers of axes, not empty, all numbers sane."""
    if set(arrays) != set(expected):
        raise ModelFormatError(f"arrays {sorted(arrays)}, expected {sorted(expected)}")
    checked = {}
    for name, (dtype, ndim) in expected.items():
        array = np.asarray(arrays[name])
        if array.dtype != np.dtype("<" + dtype) or array.ndim != ndim or not array.size:
            raise ModelFormatError(
                f"array {name!r} is {array.dtype} of shape {array.shape}, "
                f"expected {np.dtype(dtype)} with {ndim} axes"
            )
        if not (np.abs(array.astype(np.float64)) < LARGEST_NUMBER).all():
            raise ModelFormatError(f"array {name!r} holds numbers no model has")
        checked[name] = array
    return checked


def _limit(what: str, size: int, largest: int) -> None:
    if size > largest:
        raise ModelFormatError(f"{size} {what}, expected at most {largest}")


def _padded(array: NDArray[Any], axis: int, multiple: int) -> NDArray[Any]:
    widths = [(0, 0)] * array.ndim
    widths[axis] = (0, -array.shape[axis] % multiple)
    return np.pad(array, widths)


def _tiles(matrix: NDArray[np.int8]) -> NDArray[np.int8]:
    """A matrix in the layout the kernel reads from front to back."""
    padded = _padded(_padded(matrix, 0, TILE), 1, CHUNK)
    n_rows, n_columns = padded.shape
    tiles = padded.reshape(n_rows // TILE, TILE, n_columns // CHUNK, CHUNK)
    return _aligned(tiles.transpose(0, 2, 1, 3))


def _aligned(array: NDArray[Any]) -> NDArray[Any]:
    """A C-contiguous copy that starts with a cache line; a tenth of the time hangs on it."""
    room = np.empty(array.nbytes + CACHE_LINE, np.uint8)
    start = -room.ctypes.data % CACHE_LINE
    copy: NDArray[Any] = room[start : start + array.nbytes].view(array.dtype).reshape(array.shape)
    copy[...] = array
    return copy
