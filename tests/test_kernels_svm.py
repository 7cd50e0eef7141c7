"""Support vector machines: against products and Gaussians one by one."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose, assert_array_equal

from cvpark._kernels._jit import frozen
from cvpark._kernels.svm import (
    CHUNK,
    LOWEST_EXPONENT,
    TILE,
    VALUE_BITS,
    _add_gaussians,
    _multiply,
    _power_above,
    _split,
    linear_scores,
)
from cvpark.models._scorers._svm import RbfScorer

from . import reference_svm


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.mark.parametrize("n_features", [1, 63, 64, 65, 200])
@pytest.mark.parametrize("n", [0, 1, 3])
def test_linear_scores_are_products(rng, n, n_features):
    X = rng.normal(size=(n, n_features)).astype(np.float32)
    weights = rng.normal(size=n_features).astype(np.float32)
    out = np.full(n, 77.0)
    linear_scores(frozen(X), frozen(weights), 0.5, np.empty(TILE), out)
    assert_allclose(out, reference_svm.linear(X, weights, 0.5), atol=1e-12)


@settings(max_examples=60, deadline=None)
@given(arrays(np.float32, st.integers(1, 9), elements=st.floats(-(2.0**120), 2.0**120, width=32)))
def test_the_power_of_two_above(values):
    above, largest = _power_above(values), np.abs(values).max()
    assert largest < above
    assert above <= max(2 * float(largest), 2.0**-126)


@settings(max_examples=40, deadline=None)
@given(arrays(np.float64, st.integers(1, 9), elements=st.floats(-1e6, 1e6)))
def test_parts_add_up_to_the_value(values):
    unit = math.ldexp(1.0, math.frexp(max(np.abs(values).max(), 1e-9))[1] - VALUE_BITS)
    parts = np.full((1, 2, CHUNK), 77, np.int16)
    _split(values, unit, parts)
    higher, lower = parts[0, :, : values.size].astype(int)
    assert_allclose(unit * (higher * 2**15 + lower), values, atol=unit, rtol=0)
    assert np.abs(higher).max() <= 2**14
    assert np.abs(lower).max() <= 2**14
    assert_array_equal(parts[0, :, values.size :], 77)


def test_products_are_exact_to_the_limits(rng):
    tile = rng.integers(-128, 128, (2, TILE, CHUNK)).astype(np.int8)
    tile[:, 0], tile[:, 1] = -128, 127
    parts = rng.choice([-(2**14), 2**14], (2, 2, CHUNK)).astype(np.int16)
    parts[:, :, 5:] = 2**14
    out = np.full(TILE, 77)
    _multiply(frozen(tile), parts, out)
    vector = parts[:, 0].astype(int) * 2**15 + parts[:, 1]
    assert_array_equal(out, np.einsum("ckj,cj->k", tile.astype(int), vector))


def gaussians(dots, squares, weights, square):
    sums = np.full(TILE, 3.0)
    terms = frozen(np.stack([squares, weights]))
    _add_gaussians(dots, FACTOR, terms, square, np.empty(TILE), np.empty(TILE), sums)
    return sums - 3


FACTOR = 2.0**-30


@pytest.mark.parametrize("lowest", [-0.01, -1.0, -30.0])
def test_gaussians_are_powers_of_two(rng, lowest):
    squares, weights = rng.uniform(0, 1, TILE), rng.normal(size=TILE)
    exponents = rng.uniform(lowest, 0, TILE)
    dots = np.rint((exponents + squares + 0.25) / FACTOR).astype(np.int64)
    expected = weights * np.exp2(dots * FACTOR - squares - 0.25)
    assert_allclose(gaussians(dots, squares, weights, 0.25), expected, rtol=0, atol=1e-11)


def test_far_gaussians_vanish():
    exponents = np.array([0, LOWEST_EXPONENT - 1, -2000, -(2.0**32)] * (TILE // 4))
    dots = (exponents / FACTOR).astype(np.int64)
    found = gaussians(dots, np.zeros(TILE), np.ones(TILE), 0.0)
    assert_array_equal(found, [1, 0, 0, 0] * (TILE // 4))


def scores(arrays_, X, capacity):
    scorer = RbfScorer.from_arrays(arrays_)
    out = np.full(len(X), 77.0)
    scorer(X, scorer.workspace(capacity), out)
    return out


def test_rbf_scores_are_sums_of_gaussians(rng):
    model = reference_svm.rbf_arrays(rng, n_features=9, n_components=3, n_centres=66)
    X = rng.uniform(-1, 1, (3, 9)).astype(np.float32)
    assert_allclose(scores(model, X, 2), reference_svm.rbf(X, model), rtol=0, atol=1e-7)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("n_features", "n_components", "n_centres"),
    [(1, 1, 1), (127, 63, 64), (128, 64, 65), (129, 65, 128), (300, 129, 200), (2308, 128, 700)],
)
def test_rbf_scores_of_any_size(rng, n_features, n_components, n_centres):
    model = reference_svm.rbf_arrays(rng, n_features, n_components, n_centres)
    X = rng.uniform(0, 1, (11, n_features)).astype(np.float32)
    assert_allclose(scores(model, X, 11), reference_svm.rbf(X, model), rtol=0, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("size", [0.0, 1e-42, 1e-30, 1.0, 1e30])
def test_rbf_scores_of_any_magnitude(rng, size):
    model = reference_svm.rbf_arrays(rng, 40, 5, 30)
    model["projection_offset"] *= size
    model["projection_steps"] *= 2.0**-30
    X = (rng.uniform(-1, 1, (4, 40)) * size).astype(np.float32)
    assert_allclose(scores(model, X, 4), reference_svm.rbf(X, model), rtol=0, atol=1e-6)
