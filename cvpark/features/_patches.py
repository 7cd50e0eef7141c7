"""The image contract: RGB patches checked, resized, shared among threads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._kernels._jit import frozen
from .._kernels.pixels import resize_area_batch
from ._parameters import pair

Patches = NDArray[np.uint8] | Sequence[NDArray[np.uint8]]
Checked = NDArray[np.uint8] | list[NDArray[np.uint8]]


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


def check_patches(patches: Patches) -> Checked:
    """Return one checked array of patches, or a list of such arrays of one patch each.

    Parameters
    ----------
    patches : ndarray of uint8, shape (n, height, width, 3) or (height, width, 3), or sequence
        RGB patches of any size.

    Returns
    -------
    ndarray of uint8, shape (n, height, width, 3), or list of arrays (1, height, width, 3)
        Read-only and C-contiguous, copied only where they are not.

    Examples
    --------
    >>> patch = np.zeros((150, 140, 3), np.uint8)
    >>> check_patches(patch).shape, len(check_patches([patch, patch[:100]]))
    ((1, 150, 140, 3), 2)
    >>> check_patches(patch / 255)
    Traceback (most recent call last):
    ...
    TypeError: got images of dtype float64, expected uint8 with values 0 to 255: ...
    """
    if isinstance(patches, np.ndarray):
        if patches.ndim == 3:
            patches = patches[np.newaxis]
            flags = patches.flags
            # What a camera gateway sends, one patch at a time: the view just made is frozen
            # in place, which takes a third of the time.
            if flags.c_contiguous and patches.dtype == np.uint8 and _is_patch(patches.shape):
                flags.writeable = False
                return patches
        return check_images(patches)
    return [_batch_of_one(patch, index) for index, patch in enumerate(patches)]


def _is_patch(shape: tuple[int, ...]) -> bool:
    return shape[3] == 3 and shape[1] > 0 and shape[2] > 0


def _batch_of_one(patch: Any, index: int) -> NDArray[np.uint8]:
    try:
        return check_images(np.asarray(patch)[np.newaxis])
    except (TypeError, ValueError) as error:
        raise type(error)(f"patch {index}: {error}") from error


def resize_checked(patches: Checked, out: NDArray[np.uint8]) -> None:
    """Fill ``out`` with what `check_patches` returned, or a slice of it, in another size.

    Parameters
    ----------
    patches : ndarray or list of ndarray
    out : ndarray of uint8, shape (n, height, width, 3)
        Written to.

    Examples
    --------
    >>> out = np.empty((1, 2, 2, 3), np.uint8)
    >>> resize_checked(check_patches(np.full((4, 4, 3), 7, np.uint8)), out)
    >>> out[0, :, :, 0]
    array([[7, 7],
           [7, 7]], dtype=uint8)
    """
    if isinstance(patches, list):
        for patch, target in zip(patches, out, strict=True):
            resize_checked(patch, target[np.newaxis])
    elif patches.shape == out.shape:
        out[:] = patches
    else:
        resize_area_batch(patches, out)


def count_threads(n_jobs: int | None) -> int:
    """Threads that ``n_jobs`` asks for: None is one, -1 one for each core.

    Parameters
    ----------
    n_jobs : int or None

    Examples
    --------
    >>> count_threads(None), count_threads(3)
    (1, 3)
    """
    if n_jobs is None or n_jobs == 1:
        return 1
    from joblib import effective_n_jobs  # imported here: one patch needs no joblib

    return int(effective_n_jobs(n_jobs))


def for_each_slice(function: Callable[[slice], None], n: int, n_jobs: int | None) -> None:
    """Call ``function`` with slices that cover ``range(n)``, one a thread.

    Threads and not processes: the kernels release the interpreter lock, and the batch is never
    copied.

    Parameters
    ----------
    function : callable
        Called with a slice, from several threads at once.
    n : int
    n_jobs : int or None
        Threads; None is one, -1 one for each core.

    Examples
    --------
    >>> out = np.zeros(5)
    >>> def fill(part):
    ...     out[part] = part.stop - part.start
    >>> for_each_slice(fill, 5, 2)
    >>> out
    array([2., 2., 3., 3., 3.])
    """
    n_threads = min(count_threads(n_jobs), n)
    if n_threads < 2:
        function(slice(0, n))
        return
    bounds = [n * i // n_threads for i in range(n_threads + 1)]
    with ThreadPoolExecutor(n_threads) as pool:
        for _ in pool.map(function, (slice(*limits) for limits in pairwise(bounds))):
            pass


def resize_patches(
    patches: Patches,
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
    checked = check_patches(patches)
    if isinstance(checked, np.ndarray) and checked.shape[1:3] == (height, width):
        return checked
    out = np.empty((len(checked), height, width, 3), np.uint8)
    for_each_slice(lambda part: resize_checked(checked[part], out[part]), len(out), n_jobs)
    return out
