"""The same classifiers on scikit-image's descriptors: what one has without this package."""

from __future__ import annotations

import io
import json
from collections.abc import Generator, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

import numpy as np
from numpy.typing import NDArray

from .._files import atomic_write

# As `cvpark.features.Patches`, but what one has without this package loads no Numba.
Patches = NDArray[np.uint8] | Sequence[NDArray[np.uint8]]

SIZE = 64  # of the working image, and
_CELL = 16  # of a cell of the histograms, in pixels
_FACTS, _ESTIMATOR = "facts.json", "estimator.skops"


class StockModel:
    """A plain scikit-learn classifier over plain scikit-image descriptors.

    Each patch is resized and described by ``hog``, ``local_binary_pattern`` and histograms of
    ``rgb2hsv``, one after another in Python. With more jobs a batch is shared among processes.

    Parameters
    ----------
    classifier : scikit-learn classifier
        Fitted on what `describe_stock` gives, with ``decision_function``.
    slope, intercept : float
        Of the sigmoid that makes probabilities of its scores.
    name : str
        Name in tables.
    card : dict, optional
        What is known of its making.

    Attributes
    ----------
    n_jobs : int or None
        Processes for a batch, -1 one for each core.
    model_bytes : int
        What `save` writes.
    path : None
        It lives in memory only.

    Examples
    --------
    >>> from sklearn.svm import LinearSVC
    >>> patches = np.random.default_rng(0).integers(0, 256, (4, 70, 70, 3), np.uint8)
    >>> X = np.stack([describe_stock(patch) for patch in patches])
    >>> StockModel(LinearSVC().fit(X, [0, 1, 0, 1]), 1.0, 0.0).predict(patches)
    array([0, 1, 0, 1], dtype=uint8)
    >>> import tempfile
    >>> model = StockModel(LinearSVC().fit(X, [0, 1, 0, 1]), 1.0, 0.0)
    >>> again = StockModel.load(model.save(Path(tempfile.mkdtemp(), "stock.zip")))
    >>> again.classes_[again.decision_function(patches[:2]).argsort()]
    array([0, 1])
    >>> again.predict_proba(patches).shape, list(again.steps(patches[0]))[0]
    ((4, 2), 'resize')
    """

    kind = "stock"
    runtime = "scikit-image + scikit-learn"
    threshold_ = 0.5
    path: Path | None = None

    def __init__(
        self,
        classifier: Any,
        slope: float,
        intercept: float,
        *,
        name: str = "stock",
        card: dict[str, Any] | None = None,
    ) -> None:
        self.name = name
        self.card = card or {}
        self.n_jobs: int | None = 1
        self._classifier = classifier
        self._slope, self._intercept = slope, intercept
        self.model_bytes = len(self._pack())

    @classmethod
    def load(cls, path: str | Path) -> StockModel:
        """What `save` wrote, with the classifier checked as in a ``.cvpark`` file.

        Parameters
        ----------
        path : str or path
        """
        from ._skops import load_estimator

        with ZipFile(path) as archive:
            facts = json.loads(archive.read(_FACTS))
            return cls(load_estimator(archive.read(_ESTIMATOR)), **facts)

    def save(self, path: str | Path) -> Path:
        """Write a zip of ``facts.json`` and ``estimator.skops``.

        Parameters
        ----------
        path : str or path

        Returns
        -------
        Path
            The file written.
        """
        with atomic_write(path) as partial:
            partial.write_bytes(self._pack())
        return Path(path)

    def _pack(self) -> bytes:
        from ._skops import dump_estimator

        facts = {"slope": self._slope, "intercept": self._intercept, "name": self.name}
        stream = io.BytesIO()
        with ZipFile(stream, "w", ZIP_DEFLATED) as archive:
            archive.writestr(_FACTS, json.dumps(facts | {"card": self.card}))
            archive.writestr(_ESTIMATOR, dump_estimator(self._classifier))
        return stream.getvalue()

    @property
    def classes_(self) -> NDArray[np.int64]:
        """Free and busy."""
        return np.array([0, 1])

    def decision_function(self, patches: Patches) -> NDArray[np.float64]:
        """Score of each patch before calibration, positive towards busy; shape (n,).

        Parameters
        ----------
        patches : ndarray of uint8, shape (n, height, width, 3) or (height, width, 3), or sequence
            RGB patches of any size.
        """
        if isinstance(patches, np.ndarray) and patches.ndim == 3:
            patches = patches[np.newaxis]
        if not len(patches):
            return np.empty(0)
        scores: NDArray[np.float64] = self._classifier.decision_function(
            describe_stock_batch(patches, n_jobs=self.n_jobs)
        )
        return scores

    def predict_proba(self, patches: Patches) -> NDArray[np.float64]:
        """Probabilities of free and busy, shape (n, 2).

        Parameters
        ----------
        patches : ndarray of uint8, shape (n, height, width, 3) or (height, width, 3), or sequence
            RGB patches of any size.
        """
        return self._calibrate(self.decision_function(patches))

    def predict(self, patches: Patches) -> NDArray[np.uint8]:
        """0 free or 1 busy, shape (n,).

        Parameters
        ----------
        patches : ndarray of uint8, shape (n, height, width, 3) or (height, width, 3), or sequence
            RGB patches of any size.
        """
        return (self.predict_proba(patches)[:, 1] >= self.threshold_).astype(np.uint8)

    def steps(self, patch: NDArray[np.uint8]) -> Generator[str, None, NDArray[np.float64]]:
        """Go from one patch to its probabilities, telling which step is done.

        The conversion to gray is a part of ``hog``, which needs it first.

        Parameters
        ----------
        patch : ndarray of uint8, shape (height, width, 3)
        """
        image = _resize(patch)
        yield "resize"
        parts = []
        for name, part in _parts(image):
            parts.append(part)
            yield name
        scores = self._classifier.decision_function(np.concatenate(parts)[np.newaxis])
        yield "classifier"
        proba = self._calibrate(scores)
        yield "calibration"
        return proba

    def _calibrate(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        from scipy.special import expit

        odds = self._slope * scores + self._intercept
        return np.column_stack([expit(-odds), expit(odds)])


def describe_stock(patch: NDArray[np.uint8]) -> NDArray[np.float32]:
    """HOG, uniform LBP and HSV histograms over a 4x4 grid of one RGB patch, by scikit-image.

    Parameters
    ----------
    patch : ndarray of uint8, shape (height, width, 3)

    Returns
    -------
    ndarray of float32, shape (2308,)

    Examples
    --------
    >>> describe_stock(np.zeros((150, 150, 3), np.uint8)).shape
    (2308,)
    """
    return np.concatenate([part for _, part in _parts(_resize(patch))])


def describe_stock_batch(patches: Patches, *, n_jobs: int | None = 1) -> NDArray[np.float32]:
    """What `describe_stock` gives of each patch, shape (n, 2308); jobs are processes."""
    from joblib import Parallel, delayed, effective_n_jobs

    n_parts = min(effective_n_jobs(n_jobs), len(patches))
    if n_parts < 2:
        return _describe(patches)
    bounds = [len(patches) * i // n_parts for i in range(n_parts + 1)]
    work = delayed(_describe)
    parts = [patches[start:stop] for start, stop in pairwise(bounds)]
    return np.concatenate(Parallel(n_jobs=n_parts)(work(part) for part in parts))


def _describe(patches: Patches) -> NDArray[np.float32]:
    return np.stack([describe_stock(patch) for patch in patches])


def _parts(image: NDArray[np.uint8]) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """Name and columns of each descriptor of an image of the working size."""
    gray = _gray(image)
    yield "hog", _hog(gray)
    yield "lbp", _lbp(gray)
    yield "color", _color(image)


def _resize(patch: NDArray[np.uint8]) -> NDArray[np.uint8]:
    from skimage.transform import resize

    if patch.shape[:2] == (SIZE, SIZE):
        return patch
    small = resize(patch, (SIZE, SIZE), anti_aliasing=True, preserve_range=True)
    rounded: NDArray[np.uint8] = small.round().astype(np.uint8)
    return rounded


def _gray(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    from skimage.color import rgb2gray

    rounded: NDArray[np.uint8] = (rgb2gray(image) * 255).round().astype(np.uint8)
    return rounded


def _hog(gray: NDArray[np.uint8]) -> NDArray[np.float32]:
    from skimage.feature import hog

    descriptor: NDArray[np.float32] = hog(gray, 9, (8, 8), (2, 2), "L2-Hys")
    return descriptor.astype(np.float32)


def _lbp(gray: NDArray[np.uint8]) -> NDArray[np.float32]:
    from skimage.feature import local_binary_pattern

    codes = local_binary_pattern(gray, 8, 1, "uniform").astype(int)
    return _histograms(codes[..., np.newaxis], 10)


def _color(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    from skimage.color import rgb2hsv

    return _histograms(np.minimum((rgb2hsv(image) * 8).astype(int), 7), 8)


def _histograms(bins: NDArray[np.int64], n_bins: int) -> NDArray[np.float32]:
    """Counts of each channel in each cell of the grid."""
    counts = [
        np.bincount(bins[row : row + _CELL, col : col + _CELL, channel].ravel(), minlength=n_bins)
        for row in range(0, SIZE, _CELL)
        for col in range(0, SIZE, _CELL)
        for channel in range(bins.shape[2])
    ]
    return np.concatenate(counts).astype(np.float32)
