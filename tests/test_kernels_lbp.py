"""LBP: codes equal to scikit-image's, counted over a grid."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose, assert_array_equal
from skimage.feature import local_binary_pattern

from cvpark._kernels.lbp import VAR_BINS, VAR_LOW
from cvpark.features import LBPExtractor
from cvpark.features._lbp import lbp_codes

from . import reference


@pytest.fixture
def rng():
    return np.random.default_rng(0)


METHODS = ["default", "ror", "uniform", "nri_uniform", "var"]
CIRCLES = [(8, 1), (4, 1), (1, 1), (2, 1.5), (5, 1.7), (9, 1), (12, 0.4), (16, 2), (24, 3), (30, 5)]


def images_of(rng):
    return {
        "noise": rng.integers(0, 256, (23, 20), np.uint8),
        "dark": rng.integers(0, 3, (17, 22), np.uint8),
        "flat": np.full((14, 14), 77, np.uint8),
        "black": np.zeros((9, 9), np.uint8),
        "white": np.full((9, 9), 255, np.uint8),
        "steps": np.kron(rng.integers(0, 256, (4, 4)), np.ones((5, 5))).astype(np.uint8),
        "pixel": np.array([[3]], np.uint8),
        "line": np.arange(0, 250, 10, dtype=np.uint8)[np.newaxis],
    }


@pytest.mark.parametrize(
    ("n_points", "radius", "method"),
    [
        (n_points, radius, method)
        for n_points, radius in CIRCLES
        for method in METHODS
        if n_points <= 16 or method not in ("default", "ror")
    ],
)
def test_codes_equal_scikit_image(rng, n_points, radius, method):
    for kind, gray in images_of(rng).items():
        expected = local_binary_pattern(gray, n_points, radius, method)
        result = lbp_codes(gray, n_points=n_points, radius=radius, method=method)
        assert_array_equal(result, expected, err_msg=kind)


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("size", [64, 150, 300])
def test_codes_of_real_sizes(rng, size, method):
    # Interpolation rounds differently with each row and column, and flat areas show it.
    for gray in (
        rng.integers(0, 256, (size, size), np.uint8),
        np.full((size, size), 201, np.uint8),
    ):
        expected = local_binary_pattern(gray, 8, 1, method)
        assert_array_equal(lbp_codes(gray, method=method), expected)


@settings(max_examples=25, deadline=None)
@given(
    gray=st.tuples(st.integers(1, 7), st.integers(1, 7)).flatmap(lambda s: arrays(np.uint8, s)),
    n_points=st.integers(1, 10),
    radius=st.floats(0.1, 4),
    method=st.sampled_from(METHODS),
)
def test_codes_equal_the_oracle(gray, n_points, radius, method):
    result = lbp_codes(gray, n_points=n_points, radius=radius, method=method)
    assert_array_equal(result, reference.lbp_codes(gray, n_points, radius, method))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("grid", [1, 4, (2, 3)])
@pytest.mark.parametrize("root", [False, True])
def test_histograms(rng, method, grid, root):
    image = rng.integers(0, 256, (19, 22, 3), np.uint8)
    image[:9, :9] = 50
    extractor = LBPExtractor(n_points=6, method=method, grid=grid, transform_sqrt=root)
    result = extractor.fit_transform(image[np.newaxis])[0]
    codes = reference.lbp_codes(reference.gray(image), 6, 1, method)
    cells = grid if isinstance(grid, tuple) else (grid, grid)
    if method == "ror":
        every = {
            reference.lbp_code(tuple(np.array(list(f"{i:06b}"), int)), "ror") for i in range(64)
        }
        codes, n_bins = np.searchsorted(sorted(every), codes), len(every)
    elif method == "var":
        with np.errstate(invalid="ignore"):
            octave = np.floor(np.log2(codes)) - VAR_LOW + 1
        codes, n_bins = np.where(octave >= 0, octave, 0), VAR_BINS
    else:
        n_bins = {"default": 64, "uniform": 8, "nri_uniform": 33}[method]
    expected = reference.grid_shares(codes.astype(int), n_bins, cells, root)
    assert_allclose(result.reshape(expected.shape), expected, rtol=1e-6)
    sums = result.reshape(expected.shape).astype(float) ** (2 if root else 1)
    assert_allclose(sums.sum(axis=1), 1, rtol=1e-5)


def test_variance_bins_hold_the_largest_variance():
    gray = np.zeros((1, 3), np.uint8)
    gray[0, ::2] = 255
    extractor = LBPExtractor(n_points=2, method="var", grid=1, transform_sqrt=False)
    result = extractor.fit_transform(np.repeat(gray[np.newaxis, ..., np.newaxis], 3, axis=3))[0]
    assert (
        lbp_codes(gray, n_points=2, method="var").tolist()[0][1] != lbp_codes(gray).tolist()[0][1]
    )
    assert result.sum() == pytest.approx(1)


@pytest.mark.parametrize(
    ("image", "words"),
    [(np.zeros((3, 3)), "float64.*uint8"), (np.zeros((3, 3, 3), np.uint8), r"\(3, 3, 3\)")],
)
def test_codes_say_what_is_wrong(image, words):
    with pytest.raises(ValueError, match=words):
        lbp_codes(image)
