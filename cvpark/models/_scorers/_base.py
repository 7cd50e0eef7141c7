"""What every scorer is: descriptors in, scores out, arrays that make it again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from ..._kernels._jit import frozen

Arrays = Mapping[str, NDArray[Any]]


class Scorer(Protocol):
    """A fitted scikit-learn classifier in the form the kernels take.

    Attributes
    ----------
    form : str
        Which scorer it is, as manifests name it.
    n_features : int
        Columns it takes.
    """

    form: str
    n_features: int

    @classmethod
    def from_estimator(cls, estimator: Any) -> Self:
        """The arrays of a fitted scikit-learn classifier, laid out for the kernels."""

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> Self:
        """Rebuild it from what `arrays` gave, here or elsewhere; every index is checked.

        Raises
        ------
        ModelFormatError
            Arrays missing, of other shapes or dtypes, not finite, or pointing outside.
        """

    def arrays(self) -> dict[str, NDArray[Any]]:
        """All it knows."""

    def workspace(self, capacity: int) -> Any:
        """Working memory for calls with up to ``capacity`` rows, used by one call at a time."""

    def bind(self, X: NDArray[np.float32], workspace: Any) -> Callable[..., None]:
        """What fills its argument, float64 (n,), with the scores of what ``X`` then holds.

        Nothing is checked any more: ``X`` is what `check_input` gives.
        """

    def __call__(self, X: NDArray[np.float32], workspace: Any, out: NDArray[np.float64]) -> None:
        """Fill ``out`` (n,) with the ``decision_function`` of ``X`` (n, n_features)."""


def check_input(
    X: NDArray[np.float32], n_features: int, out: NDArray[np.float64]
) -> NDArray[np.float32]:
    """``X`` as the kernels take it, which do not look whether they read or write outside."""
    if X.dtype != np.float32 or X.ndim != 2 or X.shape[1] != n_features:
        raise ValueError(
            f"descriptors are {X.dtype} of shape {X.shape}, expected float32 (n, {n_features})"
        )
    if out.shape != X.shape[:1]:
        raise ValueError(f"out has shape {out.shape}, expected {X.shape[:1]}")
    return X if X.flags.c_contiguous and not X.flags.writeable else frozen(X)
