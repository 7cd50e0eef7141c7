"""Colour moments: against the oracle, and what must hold for any image."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose, assert_array_equal

from cvpark._kernels import moments
from cvpark._kernels._jit import frozen
from cvpark.features import ColorMomentsExtractor

from . import reference_color

TOLERANCE = {"rtol": 1e-5, "atol": 1e-5}


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def ours(image, grid=6):
    return ColorMomentsExtractor(grid=grid).fit_transform(image[np.newaxis])[0]


def edges(n_pixels, n_cells):
    return [-(-n_pixels * i // n_cells) for i in range(n_cells + 1)]


@settings(max_examples=60, deadline=None)
@given(
    image=st.tuples(st.integers(1, 12), st.integers(1, 12), st.just(3)).flatmap(
        lambda s: arrays(np.uint8, s)
    ),
    grid=st.tuples(st.integers(1, 5), st.integers(1, 5)),
)
def test_against_the_oracle(image, grid):
    if image.shape[0] < grid[0] or image.shape[1] < grid[1]:
        with pytest.raises(ValueError, match="grid"):
            ours(image, grid)
        return
    sides = [edges(n, k) for n, k in zip(image.shape[:2], grid, strict=True)]
    assert_allclose(ours(image, grid), reference_color.moments(image, *sides), **TOLERANCE)


def test_usual_size(rng):
    image = rng.integers(0, 256, (48, 48, 3), np.uint8)
    expected = reference_color.moments(image, edges(48, 6), edges(48, 6))
    assert_allclose(ours(image), expected, **TOLERANCE)


def test_cells_higher_than_a_run_of_sums(rng, monkeypatch):
    """White has the largest squares; a cell higher than those fit 32 bits is summed in parts."""
    image = rng.integers(0, 256, (moments.MAX_ROWS + 5, 2, 3), np.uint8)
    image[: moments.MAX_ROWS] |= 0xF0
    expected = reference_color.moments(image, edges(len(image), 1), edges(2, 2))
    assert_allclose(ours(image, (1, 2)), expected, **TOLERANCE)
    assert 3 * 255**2 * 3 * moments.MAX_ROWS < 2**31
    white = np.full((2 * moments.MAX_ROWS, 1, 3), 255, np.uint8)
    assert_array_equal(ours(white, 1), np.zeros(9))  # no colour, no deviation, no brighter part


def test_brightness_does_not_count(rng):
    """Twice the light is the same patch, but for the few levels that tame black ones."""
    image = rng.integers(50, 120, (24, 24, 3), np.uint8)
    assert_allclose(ours(2 * image), ours(image), rtol=0.1, atol=1e-3)


def test_ground_does_not_count_in_intensity(rng):
    image = rng.integers(60, 120, (24, 24, 3), np.uint8)
    once, lighter = (ours(part)[:-3].reshape(36, 2, 3) for part in (image, image + np.uint8(80)))
    assert_allclose(lighter[:, 0, 2], once[:, 0, 2], rtol=1e-4, atol=1e-4)


def test_least_contrast():
    """A difference of one level is not stretched to what a real edge is."""
    image = np.full((4, 4, 3), 100, np.uint8)
    image[:, 2:] += 2
    assert_allclose(ours(image, (1, 2))[8], 1 / moments.LEAST_CONTRAST, rtol=1e-5)


def test_one_compilation(rng):
    out = np.empty((1, 9), np.float32)
    side = np.array([0, 4])
    moments.moments_batch(frozen(np.zeros((1, 4, 4, 3), np.uint8)), side, side, out)
    if hasattr(moments.moments_batch, "signatures"):
        assert len(moments.moments_batch.signatures) == 1
