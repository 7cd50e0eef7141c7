"""Kernels against scikit-image and OpenCV: one patch, one thread.

``pytest benchmarks`` measures candidate after candidate; ``python benchmarks/test_kernels.py``
measures them in turns, so that a change of the machine's speed meets all alike, and prints the
table.
"""

from __future__ import annotations

import platform
import time
from collections.abc import Callable
from functools import partial

import cv2
import numpy as np
import pytest
from skimage.feature import hog, local_binary_pattern

from cvpark._kernels._jit import frozen
from cvpark._kernels.pixels import resize_area_batch
from cvpark.features import ColorHistogramExtractor, HOGExtractor, LBPExtractor

OURS = "cvpark"
Candidates = dict[str, Callable[[], object]]


def patch(size: int) -> np.ndarray:
    """Something between noise and a car: blurred noise, stretched to all levels."""
    noise = np.random.default_rng(size).integers(0, 256, (size, size, 3), np.uint8)
    blurred = cv2.GaussianBlur(noise, (0, 0), 1.5)
    return cv2.normalize(blurred, None, 0, 255, cv2.NORM_MINMAX)


def kernel(extractor, image: np.ndarray) -> Callable[[], object]:
    """The bare kernel of an extractor on one image, gray conversion included."""
    images = frozen(image[np.newaxis])
    extractor.fit(images)
    out = np.empty((1, extractor.n_features_out_), np.float32)
    return partial(type(extractor)._kernel, images, *extractor._arguments, out)


def hog_candidates(size: int) -> Candidates:
    image = patch(size)
    gray = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    found: Candidates = {
        OURS: kernel(HOGExtractor(), image),
        "HOGExtractor.transform": partial(
            HOGExtractor().fit(image[np.newaxis]).transform, image[np.newaxis]
        ),
        "scikit-image": lambda: hog(gray, 9, (8, 8), (2, 2), "L2-Hys"),
    }
    if hasattr(cv2, "HOGDescriptor"):
        side = size // 8 * 8  # a window of whole cells
        descriptor = cv2.HOGDescriptor((side, side), (16, 16), (8, 8), (8, 8), 9)
        found["OpenCV"] = lambda: descriptor.compute(gray)
    return found


def lbp_candidates(size: int, method: str) -> Candidates:
    image = patch(size)
    gray = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    return {
        OURS: kernel(LBPExtractor(method=method), image),
        "scikit-image (codes alone)": lambda: local_binary_pattern(gray, 8, 1, method),
    }


def color_candidates(size: int, space: str, code: int) -> Candidates:
    image = patch(size)
    edges = [size * i // 4 for i in range(5)]
    top = 180 if space == "hsv" else 256

    def with_opencv():
        pixels = cv2.cvtColor(image, code)
        for row in range(4):
            for col in range(4):
                cell = pixels[edges[row] : edges[row + 1], edges[col] : edges[col + 1]]
                for channel, stop in enumerate((top, 256, 256)):
                    cv2.calcHist([cell], [channel], None, [8], [0, stop])

    return {
        OURS: kernel(ColorHistogramExtractor(color_space=space), image),
        "OpenCV (cvtColor + calcHist)": with_opencv,
    }


def resize_candidates(size: int) -> Candidates:
    image, out = frozen(patch(150)[np.newaxis]), np.empty((1, size, size, 3), np.uint8)
    resize = partial(cv2.resize, dsize=(size, size), interpolation=cv2.INTER_AREA)
    return {
        OURS: partial(resize_area_batch, image, out),
        "OpenCV (INTER_AREA)": lambda: resize(image[0]),
    }


CASES: dict[str, Callable[[], Candidates]] = {
    "HOG 64": partial(hog_candidates, 64),
    "HOG 128": partial(hog_candidates, 128),
    "HOG 150": partial(hog_candidates, 150),
    "LBP uniform 64": partial(lbp_candidates, 64, "uniform"),
    "LBP uniform 150": partial(lbp_candidates, 150, "uniform"),
    "LBP nri_uniform 64": partial(lbp_candidates, 64, "nri_uniform"),
    "HSV grid 64": partial(color_candidates, 64, "hsv", cv2.COLOR_RGB2HSV),
    "HSV grid 150": partial(color_candidates, 150, "hsv", cv2.COLOR_RGB2HSV),
    "Lab grid 64": partial(color_candidates, 64, "lab", cv2.COLOR_RGB2LAB),
    "resize 150 to 64": partial(resize_candidates, 64),
    "resize 150 to 32": partial(resize_candidates, 32),
}


@pytest.fixture(autouse=True)
def _one_thread():
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    yield
    cv2.setNumThreads(threads)


@pytest.mark.parametrize(
    ("case", "candidate"), [(case, name) for case, make in CASES.items() for name in make()]
)
def test_kernel(benchmark, case, candidate):
    benchmark.group = case
    benchmark(CASES[case]()[candidate])


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_threads(benchmark, n_jobs):
    benchmark.group = "HOG, batch of 1,024"
    images = np.repeat(patch(64)[np.newaxis], 1024, axis=0)
    extractor = HOGExtractor(n_jobs=n_jobs).fit(images)
    benchmark(extractor.transform, images)


def medians(candidates: Candidates, rounds: int = 31, seconds: float = 0.004) -> dict[str, float]:
    """Median time of a call in microseconds, the candidates taking turns."""
    calls, times = {}, {name: [] for name in candidates}
    for name, call in candidates.items():
        call()
        started = time.perf_counter()
        call()
        calls[name] = max(1, int(seconds / (time.perf_counter() - started)))
    for _ in range(rounds):
        for name, call in candidates.items():
            started = time.perf_counter()
            for _ in range(calls[name]):
                call()
            times[name].append((time.perf_counter() - started) / calls[name])
    return {name: 1e6 * float(np.median(values)) for name, values in times.items()}


def main() -> None:
    cv2.setNumThreads(1)
    print(f"Python {platform.python_version()}, OpenCV {cv2.__version__}, {platform.machine()}\n")
    print("| case | candidate | µs | times cvpark |\n|---|---|---|---|")
    for case, make in CASES.items():
        found = medians(make())
        for name, median in found.items():
            print(f"| {case} | {name} | {median:.1f} | {median / found[OURS]:.1f} |")
    images = np.repeat(patch(64)[np.newaxis], 1024, axis=0)
    batch: Candidates = {
        f"{n} threads": partial(HOGExtractor(n_jobs=n).fit(images).transform, images)
        for n in (1, 2)
    }
    found = medians(batch)
    print(f"\nTwo threads against one, HOG of 1,024: {found['1 threads'] / found['2 threads']:.2f}")


if __name__ == "__main__":
    main()
