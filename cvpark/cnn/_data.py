"""Patches of a split as one array, and as augmented training batches."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..datasets import Split, read_image
from ..features import resize_patches
from ._keras import load_tensorflow
from ._options import Augmentation

Progress = Callable[[Iterable[Any], int], Iterable[Any]]

_CHUNK = 256


def load_patches(
    split: Split, size: int, progress: Progress = lambda items, total: items
) -> NDArray[np.uint8]:
    """All patches of a split, resized the way `cvpark.models.CNN` resizes them.

    Returns
    -------
    ndarray of uint8, shape (n_patches, size, size, 3)

    Raises
    ------
    DatasetError
        A patch cannot be read.
    """
    patches = np.empty((len(split), size, size, 3), np.uint8)
    files = split.files
    starts = range(0, len(files), _CHUNK)

    def read(start: int) -> None:
        images = [read_image(file) for file in files[start : start + _CHUNK]]
        patches[start : start + len(images)] = resize_patches(images, size)

    with ThreadPoolExecutor() as pool:
        for _ in progress(pool.map(read, starts), len(starts)):
            pass
    return patches


def training_batches(
    patches: NDArray[np.uint8],
    labels: NDArray[np.uint8],
    batch_size: int,
    augmentation: Augmentation,
    seed: int,
) -> Any:
    """Endless shuffled and augmented batches.

    Returns
    -------
    tf.data.Dataset
        Of images, float32 (batch_size, size, size, 3) in 0 to 255, and labels, float32
        (batch_size, 1).
    """
    tf, _ = load_tensorflow()
    truth = labels.astype(np.float32)[:, np.newaxis]

    def draw() -> Iterator[tuple[NDArray[np.uint8], NDArray[np.float32], NDArray[np.int64]]]:
        rng = np.random.default_rng(seed)
        while True:
            order = rng.permutation(len(patches))
            for start in range(0, len(order) - batch_size + 1, batch_size):
                chosen = order[start : start + batch_size]
                yield patches[chosen], truth[chosen], rng.integers(2**31, size=2)

    signature = (
        tf.TensorSpec((batch_size, *patches.shape[1:]), tf.uint8),
        tf.TensorSpec((batch_size, 1), tf.float32),
        tf.TensorSpec((2,), tf.int64),
    )
    # Plain TensorFlow as it is: rewriting it as a graph program fails and says so at length.
    change = tf.autograph.experimental.do_not_convert(
        lambda images, busy, key: (augment(images, key, augmentation), busy)
    )
    batches = tf.data.Dataset.from_generator(draw, output_signature=signature)
    return batches.map(change, num_parallel_calls=2).prefetch(2)


def augment(images: Any, seed: Any, augmentation: Augmentation) -> Any:
    """Images changed at random: one affine warp, then their light.

    Parameters
    ----------
    images : tf.Tensor of uint8, shape (n, height, width, 3)
    seed : tf.Tensor of int, shape (2,)
    augmentation : Augmentation

    Returns
    -------
    tf.Tensor of float32, shape (n, height, width, 3)
        Values in 0 to 255.
    """
    tf, _ = load_tensorflow()
    n, height, width = (tf.shape(images)[axis] for axis in range(3))
    draws = tf.unstack(tf.random.stateless_uniform((12, n), seed, -1, 1))
    warped = tf.raw_ops.ImageProjectiveTransformV3(
        images=tf.cast(images, tf.float32),
        transforms=_warps(draws[:7], height, width, augmentation),
        output_shape=(height, width),
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="REFLECT",
    )
    gain, contrast = (
        tf.exp(amount * draw)[:, None, None, None]
        for amount, draw in (
            (augmentation.brightness, draws[7]),
            (augmentation.contrast, draws[8]),
        )
    )
    tint = tf.exp(augmentation.tint * tf.stack(draws[9:], 1))[:, None, None, :]
    mean = tf.reduce_mean(warped, (1, 2, 3), keepdims=True)
    return tf.clip_by_value(((warped - mean) * contrast + mean) * gain * tint, 0.0, 255.0)


def _warps(draws: list[Any], height: Any, width: Any, augmentation: Augmentation) -> Any:
    """Affine matrices from output to input pixels about the centre, shape (n, 8)."""
    tf, _ = load_tensorflow()
    angle = augmentation.rotation * np.pi / 180 * draws[0]
    zoom_cols = tf.exp(augmentation.zoom * draws[1])
    zoom_rows = zoom_cols * tf.exp(augmentation.zoom / 2 * draws[2])
    mirror = tf.sign(draws[4]) if augmentation.flip else tf.ones_like(angle)
    shear = augmentation.shear * draws[3]
    a = mirror * zoom_cols * tf.cos(angle)
    b = mirror * zoom_cols * (shear - tf.sin(angle))
    c = zoom_rows * tf.sin(angle)
    d = zoom_rows * tf.cos(angle)
    height, width = tf.cast(height, tf.float32), tf.cast(width, tf.float32)
    col, row = (width - 1) / 2, (height - 1) / 2
    shift_cols = augmentation.shift * width * draws[5] + col - a * col - b * row
    shift_rows = augmentation.shift * height * draws[6] + row - c * col - d * row
    zero = tf.zeros_like(angle)
    return tf.stack([a, b, shift_cols, c, d, shift_rows, zero, zero], 1)
