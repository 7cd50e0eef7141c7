"""What is measured against what: each candidate does the same work on the same patches."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial

import cv2
import numpy as np
from skimage.feature import hog, local_binary_pattern

from cvpark._kernels._jit import frozen
from cvpark._kernels.pixels import resize_area_batch
from cvpark.datasets import Dataset, read_image, sample_path
from cvpark.features import ColorHistogramExtractor, HOGExtractor, LBPExtractor

OURS = "cvpark"
Candidates = dict[str, Callable[[], object]]


def patches(n: int, size: int) -> np.ndarray:
    """Patches of the validation split: real ones where CVPARK_DATA is set, else rendered."""
    dataset = Dataset(os.environ.get("CVPARK_DATA") or sample_path())
    files = dataset.split("val").files
    drawn = np.random.default_rng(0).permutation(len(files))[:n]
    resize = partial(cv2.resize, dsize=(size, size), interpolation=cv2.INTER_AREA)
    return np.stack([resize(read_image(files[row])) for row in drawn])


def kernel(extractor, images: np.ndarray) -> Callable[[], object]:
    """The bare kernel of an extractor on a batch, from RGB; gray conversion included."""
    batch = frozen(images)
    extractor.fit(batch)
    out = np.empty((len(batch), extractor.n_features_out_), np.float32)
    return partial(extractor._call, batch, out)


def each(function: Callable[[np.ndarray], object], images) -> Callable[[], object]:
    """One call an image."""

    def call() -> None:
        for image in images:
            function(image)

    return call


def grays(images: np.ndarray) -> list[np.ndarray]:
    return [cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) for image in images]


def hog_candidates(size: int, n: int) -> Candidates:
    images = patches(n, size)
    one = images[:, np.newaxis]
    found: Candidates = {
        OURS: kernel(HOGExtractor(), images),
        "cvpark, a call of transform each": each(HOGExtractor().fit(one[0]).transform, one),
        "scikit-image": each(lambda gray: hog(gray, 9, (8, 8), (2, 2), "L2-Hys"), grays(images)),
    }
    if hasattr(cv2, "HOGDescriptor"):
        side = size // 8 * 8  # a window of whole cells
        descriptor = cv2.HOGDescriptor((side, side), (16, 16), (8, 8), (8, 8), 9)
        found["OpenCV"] = each(descriptor.compute, grays(images))
    return found


def lbp_candidates(size: int, n: int, **parameters) -> Candidates:
    images = patches(n, size)
    return {
        OURS: kernel(LBPExtractor(**parameters), images),
        "scikit-image, codes alone": each(
            lambda gray: local_binary_pattern(gray, 8, 1, "uniform"), grays(images)
        ),
    }


def color_candidates(size: int, n: int, space: str) -> Candidates:
    images = patches(n, size)
    edges = [size * i // 4 for i in range(5)]
    code, top = {"hsv": (cv2.COLOR_RGB2HSV, 180), "lab": (cv2.COLOR_RGB2LAB, 256)}[space]

    def with_opencv(image: np.ndarray) -> None:
        pixels = cv2.cvtColor(image, code)
        for row in range(4):
            for col in range(4):
                cell = pixels[edges[row] : edges[row + 1], edges[col] : edges[col + 1]]
                for channel, stop in enumerate((top, 256, 256)):
                    cv2.calcHist([cell], [channel], None, [8], [0, stop])

    return {
        OURS: kernel(ColorHistogramExtractor(color_space=space), images),
        "OpenCV, cvtColor + calcHist": each(with_opencv, images),
    }


def resize_candidates(size: int, n: int) -> Candidates:
    images = frozen(patches(n, 150))
    out = np.empty((n, size, size, 3), np.uint8)
    resize = partial(cv2.resize, dsize=(size, size), interpolation=cv2.INTER_AREA)
    return {
        OURS: partial(resize_area_batch, images, out),
        "OpenCV, INTER_AREA": each(resize, images),
    }


# Case -> what makes its candidates from a number of patches.
CASES: dict[str, Callable[[int], Candidates]] = {
    "HOG 9/8x8/2x2 L2-Hys, 64x64": partial(hog_candidates, 64),
    "HOG 9/8x8/2x2 L2-Hys, 128x128": partial(hog_candidates, 128),
    "LBP uniform (8, 1) + 4x4 grid, 64x64": partial(lbp_candidates, 64),
    "LBP uniform (8, 1) + 4x4 grid, 150x150": partial(lbp_candidates, 150),
    "LBP (8, 1) pixel neighbours + 4x4 grid, 64x64": partial(
        lbp_candidates, 64, neighbors="pixels"
    ),
    "HSV histograms, 4x4 grid, 64x64": partial(color_candidates, 64, space="hsv"),
    "HSV histograms, 4x4 grid, 150x150": partial(color_candidates, 150, space="hsv"),
    "Lab histograms, 4x4 grid, 64x64": partial(color_candidates, 64, space="lab"),
    "resize 150 to 64": partial(resize_candidates, 64),
    "resize 150 to 32": partial(resize_candidates, 32),
}
