"""JPEG files to descriptors of a whole split: cvpark against what one would write without it."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
from joblib import Parallel, delayed
from skimage.io import imread
from skimage.transform import resize

from cvpark.datasets import Split, read_image
from cvpark.features import Descriptor, FeatureStore
from cvpark.models import describe_stock

Read = Callable[[Path], np.ndarray]

# What scikit-image has all parts of. The default descriptor has Felzenszwalb's HOG instead.
STOCK = Descriptor(extractors=["hog", "lbp", "color"], size=64)


def read_with_skimage(file: Path) -> np.ndarray:
    image = imread(file)
    if image.ndim == 2:
        image = np.repeat(image[..., np.newaxis], 3, axis=-1)
    small = resize(image, (64, 64), anti_aliasing=True, preserve_range=True)
    return small.round().astype(np.uint8)


def read_with_opencv(file: Path) -> np.ndarray:
    image = cv2.cvtColor(cv2.imread(str(file)), cv2.COLOR_BGR2RGB)
    return cv2.resize(image, (64, 64), interpolation=cv2.INTER_AREA)


def stock(files: Sequence[Path], read: Read) -> np.ndarray:
    """Two processes of joblib, each with a share of the files."""

    def work(part: Sequence[Path]) -> np.ndarray:
        return np.stack([describe_stock(read(file)) for file in part])

    chunks = [files[start : start + 256] for start in range(0, len(files), 256)]
    return np.vstack(Parallel(n_jobs=2)(delayed(work)(chunk) for chunk in chunks))


def ours(split: Split, n_jobs: int) -> np.ndarray:
    """What ``cvpark extract`` does, files included."""
    with tempfile.TemporaryDirectory() as folder:
        store = FeatureStore(folder)
        store.extend(split.paths, lambda path: read_image(split.locate(path)), STOCK, n_jobs=n_jobs)
        return store.matrix(split.paths[:1])


def microseconds(call: Callable[[], object], files: Sequence[Path]) -> float:
    """Time of a call for each file, the files in the operating system's cache: no disk is timed."""
    for file in files:
        file.read_bytes()
    start = time.perf_counter()
    call()
    return 1e6 * (time.perf_counter() - start) / len(files)


def measure(split: Split, stock_share: int) -> dict[str, float]:
    """Microseconds a patch of each way, two cores unless the name says one.

    The stock ways get every ``stock_share``-th patch only: they take minutes.
    """
    fewer = split.files[::stock_share]
    part = split.select(np.arange(len(split)) < 4096)
    ours(part, 2)  # compiles, starts processes
    stock(fewer[:512], read_with_skimage)
    return {
        "cvpark": microseconds(lambda: ours(split, 2), split.files),
        "scikit-image": microseconds(lambda: stock(fewer, read_with_skimage), fewer),
        "scikit-image, OpenCV decodes and resizes": microseconds(
            lambda: stock(fewer, read_with_opencv), fewer
        ),
        "cvpark, one core": microseconds(lambda: ours(part, 1), part.files),
        "cvpark, one core, reading and decoding alone": microseconds(
            lambda: [read_image(file).shape for file in part.files], part.files
        ),
    }
