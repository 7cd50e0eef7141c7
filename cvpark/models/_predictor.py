"""The compiled path: one call from patch to probability."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from functools import partial
from itertools import pairwise
from pathlib import Path
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
    path : Path, optional
        The file it came from.

    Attributes
    ----------
    classes_ : ndarray, [0, 1]
        Free and busy.
    threshold_ : float
    model_bytes : int
        Size of that file, 0 when it never was in one.

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
    >>> patch = np.zeros((150, 150, 3), np.uint8)
    >>> model.decision_function(patch).shape, next(model.steps(patch))
    ((1,), 'resize')
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
        path: Path | None = None,
    ) -> None:
        self.name = name or kind
        self.kind = kind
        self.card = card or {}
        self.threshold_ = threshold
        self.n_jobs = n_jobs
        self.path = path
        self.model_bytes = path.stat().st_size if path else 0
        self.scorer = scorer
        self.calibration = calibration
        self._size, self._calls = descriptor_calls(descriptor)
        self._extractors = _numbered([entry["kind"] for entry in descriptor["extractors"]])
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
        """Score of each patch before calibration, positive towards busy; shape (n,).

        Parameters
        ----------
        patches : ndarray of uint8, shape (n, height, width, 3) or (height, width, 3), or sequence
            RGB patches of any size.

        Returns
        -------
        ndarray of float64, shape (n,)
        """
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

    def steps(self, patch: NDArray[np.uint8]) -> Generator[str, None, NDArray[np.float64]]:
        """Go from one patch to its probabilities, telling which step is done.

        Parameters
        ----------
        patch : ndarray of uint8, shape (height, width, 3)

        Yields
        ------
        str
            ``resize``, the kind of each extractor, ``classifier``, ``calibration``; the second
            extractor of a kind is ``hog 2`` and so on.

        Returns
        -------
        ndarray of float64, shape (1, 2)
            What `predict_proba` gives.

        Examples
        --------
        >>> from cvpark.models import load_model
        >>> steps = list(load_model("svm").steps(np.zeros((150, 150, 3), np.uint8)))
        >>> steps[0], steps[-2:]
        ('resize', ['classifier', 'calibration'])
        """
        checked = check_patches(patch)
        scores = np.empty(1)
        workspace = self._take(1)
        try:
            resize_checked(checked, workspace.resized)
            yield "resize"
            for name, describe in zip(self._extractors, workspace.describe, strict=True):
                describe()
                yield name
            workspace.classify(scores)
            yield "classifier"
        finally:
            self._idle[1].append(workspace)
        proba = self.calibration(scores)
        yield "calibration"
        return proba

    def _score(self, capacity: int, checked: Any, out: NDArray[np.float64]) -> None:
        workspace = self._take(capacity)
        try:
            for start in range(0, len(out), capacity):
                part = slice(start, start + capacity)
                workspace.score(checked[part], out[part])
        finally:
            self._idle[capacity].append(workspace)

    def _take(self, capacity: int) -> _Workspace:
        try:
            return self._idle[capacity].pop()
        except IndexError:
            return _Workspace(capacity, self._size, self._calls, self.scorer)


def _numbered(names: list[str]) -> list[str]:
    """Names that differ: the second of the same is followed by 2, and so on."""
    counts = [names[: i + 1].count(name) for i, name in enumerate(names)]
    return [
        name if count == 1 else f"{name} {count}" for name, count in zip(names, counts, strict=True)
    ]


class _Workspace:
    """Working memory of one call at a time, for up to ``capacity`` patches together."""

    def __init__(self, capacity: int, size: int, calls: list[KernelCall], scorer: Scorer) -> None:
        stops = np.cumsum([0, *(call.n_features for call in calls)])
        self._capacity = capacity
        self._scorer = scorer
        self._calls = calls
        self.resized = np.empty((capacity, size, size, 3), np.uint8)
        self._images = frozen(self.resized)
        self._X = np.empty((capacity, stops[-1]), np.float32)
        self._descriptors = frozen(self._X)
        self._columns = [self._X[:, start:stop] for start, stop in pairwise(stops)]
        # Kernels fill arrays without gaps: of a single row its columns already are some.
        self._blocks = [
            columns if columns.flags.c_contiguous else np.empty(columns.shape, np.float32)
            for columns in self._columns
        ]
        self._scratch = scorer.workspace(capacity)
        self._classify = scorer.bind(self._descriptors, self._scratch)
        # A single patch, or as many as there is room for, spares the slicing: a tenth of its time.
        self.describe = [
            partial(call.kernel, self._images, *call.arguments, block)
            for call, block in zip(calls, self._blocks, strict=True)
        ]

    def score(self, patches: Any, out: NDArray[np.float64]) -> None:
        """Fill ``out`` with the scores of at most ``capacity`` checked patches."""
        n = len(out)
        if n == self._capacity:
            resize_checked(patches, self.resized)
            for describe in self.describe:
                describe()
        else:
            resize_checked(patches, self.resized[:n])
            for call, block in zip(self._calls, self._blocks, strict=True):
                call(self._images[:n], block[:n])
        if self._capacity > 1:
            for columns, block in zip(self._columns, self._blocks, strict=True):
                columns[:n] = block[:n]
        self.classify(out)

    def classify(self, out: NDArray[np.float64]) -> None:
        """Fill ``out`` with the scores of as many descriptors."""
        if len(out) == self._capacity:
            self._classify(out)
        else:
            self._scorer(self._descriptors[: len(out)], self._scratch, out)
