"""The image contract of every extractor: shapes, threads, names."""

from __future__ import annotations

from abc import ABCMeta, abstractmethod
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any, Self

import numpy as np
from joblib import effective_n_jobs
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from .._kernels._jit import frozen
from .._kernels.pixels import resize_area_batch


class BaseExtractor(TransformerMixin, BaseEstimator, metaclass=ABCMeta):
    """Base of the extractors: RGB patches of one size in, one descriptor a row out.

    A subclass names its batch kernel and says what it passes to it (`_kernel_arguments`), how
    many columns come out (`_n_features`) and what they are (`_feature_names`). Everything else is
    here.
    """

    #: Called as ``kernel(images, *arguments, out)``.
    _kernel: Callable[..., None]
    n_jobs: int | None

    @abstractmethod
    def _kernel_arguments(self, height: int, width: int) -> tuple[Any, ...]:
        """Arguments of the kernel for images of this size, or ValueError."""

    @abstractmethod
    def _n_features(self, height: int, width: int) -> int:
        """Length of a descriptor."""

    @abstractmethod
    def _feature_names(self, height: int, width: int) -> list[str]:
        """What each column is, without the extractor's name."""

    def fit(self, X: NDArray[np.uint8], y: Any = None) -> Self:
        """Check the parameters and note the size of the images; no pixel is learned from.

        Parameters
        ----------
        X : ndarray of uint8, shape (n_samples, height, width, 3)
            RGB images.
        y : ignored

        Returns
        -------
        self

        Raises
        ------
        TypeError, ValueError
            Images that are not uint8 RGB, parameters out of range, or images too small for them.
        """
        shape = check_images(X).shape[1:]
        arguments = self._kernel_arguments(*shape[:2])
        self.image_shape_ = shape
        self.n_features_out_ = self._n_features(*shape[:2])
        self._arguments = arguments
        return self

    def transform(self, X: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Descriptors of images.

        Parameters
        ----------
        X : ndarray of uint8, shape (n_samples, height, width, 3)
            RGB images of the size seen by `fit`.

        Returns
        -------
        ndarray of float32, shape (n_samples, n_features)
            The same bits for any number of threads.

        Raises
        ------
        TypeError, ValueError
            Images that are not uint8 RGB, or of another size than those of `fit`.
        """
        check_is_fitted(self)
        images = check_images(X)
        if images.shape[1:] != self.image_shape_:
            raise ValueError(
                f"got images of shape {images.shape[1:]}, but {type(self).__name__} was fitted on "
                f"{self.image_shape_}: resize them (cvpark.features.resize_patches) or fit again"
            )
        out = np.empty((len(images), self.n_features_out_), np.float32)
        for_each_slice(
            lambda part: type(self)._kernel(images[part], *self._arguments, out[part]),
            len(images),
            self.n_jobs,
        )
        return out

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """Name every column of the descriptor, such as ``hog_block0_0_cell1_1_orientation8``.

        Parameters
        ----------
        input_features : ignored
            There for scikit-learn; pixels have no names.

        Returns
        -------
        ndarray of str objects, shape (n_features,)
        """
        check_is_fitted(self)
        height, width, _ = self.image_shape_
        return np.array(self._feature_names(height, width), dtype=object)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.three_d_array = True  # four dimensions, for which there is no tag
        return tags


def check_images(images: Any) -> NDArray[np.uint8]:
    """Return RGB ``images`` as a C-contiguous read-only array, or say what is wrong with them.

    The pixels are copied only where they do not lie side by side.
    """
    array = np.asarray(images)
    if array.ndim != 4 or array.shape[3] != 3:
        hint = "; one image is images[np.newaxis]" if array.ndim == 3 else ""
        raise ValueError(
            f"got an array of shape {array.shape}, expected RGB images of shape "
            f"(n_samples, height, width, 3){hint}"
        )
    if array.dtype != np.uint8:
        raise TypeError(
            f"got images of dtype {array.dtype}, expected uint8 with values 0 to 255: "
            "scale the values and convert with astype(np.uint8)"
        )
    if not array.shape[1] or not array.shape[2]:
        raise ValueError(f"got images without pixels, of shape {array.shape}")
    return frozen(array)


def pair(value: Any, name: str, minimum: int = 1) -> tuple[int, int]:
    """Read a size given as one integer or as a pair (rows, columns)."""
    values = tuple(value) if isinstance(value, (tuple, list, np.ndarray)) else (value, value)
    if len(values) != 2:
        raise ValueError(f"{name} is {value!r}, expected an integer or a pair (rows, columns)")
    rows, cols = (whole(entry, name, minimum) for entry in values)
    return rows, cols


def whole(value: Any, name: str, minimum: int, maximum: int | None = None) -> int:
    """Read an integer of a range, or raise TypeError or ValueError with its ``name``."""
    if not isinstance(value, (int, np.integer)) or isinstance(value, bool):
        raise TypeError(f"{name} is {value!r}, expected an integer")
    if value < minimum or (maximum is not None and value > maximum):
        limits = f"at least {minimum}" if maximum is None else f"{minimum} to {maximum}"
        raise ValueError(f"{name} is {value}, expected {limits}")
    return int(value)


def choice(value: Any, name: str, choices: Sequence[str]) -> int:
    """Position of ``value`` among the ``choices``: kernels take numbers, no strings."""
    if value not in choices:
        raise ValueError(f"{name} is {value!r}, expected one of {', '.join(choices)}")
    return list(choices).index(value)


def grid_edges(grid: Any, height: int, width: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """First row and first column of each cell of a grid, each followed by the end of the last cell.

    Pixel row ``r`` belongs to cell row ``r * rows // height``, so cells differ by a pixel at most.
    """
    rows, cols = pair(grid, "grid")
    if rows > height or cols > width:
        raise ValueError(
            f"a grid of {rows}x{cols} cells needs images of at least as many pixels, "
            f"got {height}x{width}: enlarge the images or choose a smaller grid"
        )
    return -(-np.arange(rows + 1) * height // rows), -(-np.arange(cols + 1) * width // cols)


def for_each_slice(function: Callable[[slice], None], n: int, n_jobs: int | None) -> None:
    """Call ``function`` with slices that cover ``range(n)``, one a thread.

    Threads and not processes: the kernels release the interpreter lock, and the batch is never
    copied.
    """
    n_threads = min(effective_n_jobs(n_jobs), n)
    if n_threads < 2:
        function(slice(0, n))
        return
    bounds = [n * i // n_threads for i in range(n_threads + 1)]
    with ThreadPoolExecutor(n_threads) as pool:
        for _ in pool.map(function, (slice(*limits) for limits in pairwise(bounds))):
            pass


def resize_patches(
    patches: NDArray[np.uint8] | Sequence[NDArray[np.uint8]],
    size: int | tuple[int, int],
    n_jobs: int | None = 1,
) -> NDArray[np.uint8]:
    """Resize patches to one size by exact area averaging.

    Each output pixel is the mean of the box of the patch it covers, rounded half up; a box that
    covers a part of a pixel counts that part. Enlarging repeats pixels by the same rule.

    Parameters
    ----------
    patches : ndarray of uint8, shape (h, w, 3) or (n, h, w, 3), or sequence of (h, w, 3)
        RGB patches; those of a sequence may differ in size.
    size : int or (int, int)
        Side of the square result in pixels, or its (height, width).
    n_jobs : int or None
        Threads; None is one, -1 one for each core.

    Returns
    -------
    ndarray of uint8, shape (n, height, width, 3)
        An array of patches that has this size already comes back as a read-only view, not copied.

    Raises
    ------
    TypeError, ValueError
        A patch that is not uint8 RGB, or a size that is none.

    Examples
    --------
    >>> import numpy as np
    >>> checks = np.kron([[0, 200], [200, 0]], np.ones((3, 3)))[..., np.newaxis]
    >>> patch = np.repeat(checks, 3, axis=2).astype(np.uint8)
    >>> resize_patches(patch, 3)[0, :, :, 0]
    array([[  0, 100, 200],
           [100, 100, 100],
           [200, 100,   0]], dtype=uint8)
    """
    height, width = pair(size, "size")
    if isinstance(patches, np.ndarray):
        batch = check_images(patches[np.newaxis] if patches.ndim == 3 else patches)
        if batch.shape[1:3] == (height, width):
            return batch
        out = np.empty((len(batch), height, width, 3), np.uint8)
        for_each_slice(lambda part: _resize(batch[part], out[part]), len(batch), n_jobs)
        return out
    batches = [_batch_of_one(patch, index) for index, patch in enumerate(patches)]
    out = np.empty((len(batches), height, width, 3), np.uint8)

    def resize_each(part: slice) -> None:
        for one, target in zip(batches[part], out[part], strict=True):
            _resize(one, target[np.newaxis])

    for_each_slice(resize_each, len(batches), n_jobs)
    return out


def _batch_of_one(patch: Any, index: int) -> NDArray[np.uint8]:
    try:
        return check_images(np.asarray(patch)[np.newaxis])
    except (TypeError, ValueError) as error:
        raise type(error)(f"patch {index}: {error}") from error


def _resize(images: NDArray[np.uint8], out: NDArray[np.uint8]) -> None:
    if images.shape == out.shape:
        out[:] = images
    else:
        resize_area_batch(images, out)
