"""Kernels against scikit-image and OpenCV under pytest-benchmark."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from cvpark.features import Descriptor

from .candidates import CASES, patches

N_PATCHES = 4


@pytest.fixture(autouse=True)
def _one_thread():
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    yield
    cv2.setNumThreads(threads)


@pytest.mark.parametrize("case", CASES)
def test_case(benchmark, case):
    """All candidates in turns: read the ratios in RESULTS.md, this one shows their sum."""
    candidates = CASES[case](N_PATCHES)

    def all_in_turn():
        for call in candidates.values():
            call()

    benchmark(all_in_turn)


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_threads(benchmark, n_jobs):
    benchmark.group = "descriptor of a batch"
    images = np.repeat(patches(1, 64), 256, axis=0)
    benchmark(Descriptor(n_jobs=n_jobs).fit().transform, images)
