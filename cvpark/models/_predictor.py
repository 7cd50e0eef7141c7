"""The compiled path: one call from patch to probability."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._kernels._jit import frozen
from ..exceptions import ModelFormatError
from ..features import (
    KernelCall,
    Patches,
    check_patches,
    descriptor_calls,
    for_each_slice,
    resize_checked,
)
from ._calibration import Calibration
from ._model import CalibratedModel
from ._scorers import Scorer

# Patches that go through each step together: what a scorer reads is read once for all of them,
# and what one step leaves is still in the cache for the next.
_CHUNK = 32


class Predictor(CalibratedModel):
    """A classical model as compiled code: resize, descriptor, classifier, calibration.

    Nothing of it is scikit-learn's, and no Python runs per patch of an array. One patch takes one
    thread, a batch `n_jobs` of them; it may be called from several threads at once.

    Parameters
    ----------
    kind : str
        ``svm``, ``svm-linear`` or ``gbdt``.
    descriptor : mapping
        What `Descriptor.to_config` gave.
    scorer : Scorer
        Takes the columns that descriptor makes.
    calibration : Sigmoid or Isotonic
        Scores to probabilities.
    threshold : float
        Busy from this probability on.
    name : str, optional
        Name in tables; by default the kind.
    card : dict, optional
        What is known of its making.
    n_jobs : int or None
        Threads for a batch; None is one, -1 one for each core.
    model_bytes : int
        Size of the file it came from, 0 when it never was in one.

    Attributes
    ----------
    classes_ : ndarray, [0, 1]
        Free and busy.
    threshold_ : float

    Raises
    ------
    ModelFormatError
        Descriptor and scorer do not fit.

    Examples
    --------
    >>> from cvpark.models import load_model
    >>> model = load_model("svm-linear")
    >>> model.predict(np.zeros((5, 150, 150, 3), np.uint8)).shape
    (5,)
    """

    def __init__(
        self,
        *,
        kind: str,
        descriptor: Mapping[str, Any],
        scorer: Scorer,
        calibration: Calibration,
        threshold: float = 0.5,
        name: str | None = None,
        card: dict[str, Any] | None = None,
        n_jobs: int | None = 1,
        model_bytes: int = 0,
    ) -> None:
        self.name = name or kind
        self.kind = kind
        self.card = card or {}
        self.threshold_ = threshold
        self.n_jobs = n_jobs
        self.model_bytes = model_bytes
        self.scorer = scorer
        self.calibration = calibration
        self._size, self._calls = descriptor_calls(descriptor)
        n_columns = sum(call.n_features for call in self._calls)
        if n_columns != scorer.n_features:
            raise ModelFormatError(
                f"the classifier takes {scorer.n_features} columns, its descriptor makes "
                f"{n_columns}"
            )
        # Working memory between calls. Taking from a list and giving back is atomic, so each call
        # in progress has one of its own.
        self._idle: dict[int, list[_Workspace]] = {1: [], _CHUNK: []}

    def decision_function(self, patches: Patches) -> NDArray[np.float64]:
        """Score of each patch before calibration, positive towards busy; shape (n,)."""
        checked = check_patches(patches)
        scores = np.empty(len(checked))
        if len(checked) == 1:
            self._score(1, checked, scores)
        else:
            for_each_slice(
                lambda part: self._score(_CHUNK, checked[part], scores[part]),
                len(scores),
                self.n_jobs,
            )
        return scores

    def _score(self, capacity: int, checked: Any, out: NDArray[np.float64]) -> None:
        idle = self._idle[capacity]
        try:
            workspace = idle.pop()
        except IndexError:
            workspace = _Workspace(capacity, self._size, self._calls, self.scorer)
        try:
            for start in range(0, len(out), capacity):
                part = slice(start, start + capacity)
                workspace.score(checked[part], out[part])
        finally:
            idle.append(workspace)


class _Workspace:
    """Working memory of one call at a time, for up to ``capacity`` patches together."""

    def __init__(self, capacity: int, size: int, calls: list[KernelCall], scorer: Scorer) -> None:
        stops = np.cumsum([0, *(call.n_features for call in calls)])
        self._capacity = capacity
        self._scorer = scorer
        self._calls = calls
        self._resized = np.empty((capacity, size, size, 3), np.uint8)
        self._images = frozen(self._resized)
        self._X = np.empty((capacity, stops[-1]), np.float32)
        self._descriptors = frozen(self._X)
        self._columns = [self._X[:, start:stop] for start, stop in pairwise(stops)]
        # Kernels fill arrays without gaps: of a single row its columns already are some.
        self._blocks = [
            columns if columns.flags.c_contiguous else np.empty(columns.shape, np.float32)
            for columns in self._columns
        ]
        self._scratch = scorer.workspace(capacity)
        # A single patch, or as many as there is room for, spares the slicing: a tenth of its time.
        self._describe = [
            partial(call.kernel, self._images, *call.arguments, block)
            for call, block in zip(calls, self._blocks, strict=True)
        ]

    def score(self, patches: Any, out: NDArray[np.float64]) -> None:
        """Fill ``out`` with the scores of at most ``capacity`` checked patches."""
        n = len(out)
        if n == self._capacity:
            resize_checked(patches, self._resized)
            for describe in self._describe:
                describe()
        else:
            resize_checked(patches, self._resized[:n])
            for call, block in zip(self._calls, self._blocks, strict=True):
                call(self._images[:n], block[:n])
        if self._capacity > 1:
            for columns, block in zip(self._columns, self._blocks, strict=True):
                columns[:n] = block[:n]
        self._scorer(self._descriptors[:n], self._scratch, out)
