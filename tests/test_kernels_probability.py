"""Scores to probabilities: against SciPy's logistic function and NumPy's interpolation."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit

from cvpark._kernels._jit import frozen
from cvpark._kernels.probability import piecewise_linear, sigmoid


def filled(kernel, scores, *arguments):
    out = np.full((scores.size, 2), 77.0)
    kernel(scores, *arguments, out)
    return out


@pytest.mark.parametrize("slope", [2.5, 0.0, -1.0])
def test_the_sigmoid_is_the_logistic_function(slope):
    scores = np.array([0.0, -0.5, 3.0, -30.0, 300.0, -300.0])
    found = filled(sigmoid, scores, slope, -0.25)
    assert_allclose(found[:, 1], expit(slope * scores - 0.25), rtol=1e-13)
    assert_allclose(found[:, 0], expit(0.25 - slope * scores), rtol=1e-13)


def line(scores, knots, heights):
    return filled(piecewise_linear, scores, frozen(knots), frozen(heights))


@pytest.mark.parametrize("n_knots", [2, 3, 4, 7, 64, 1000])
def test_lines_between_knots_are_numpys(n_knots):
    rng = np.random.default_rng(n_knots)
    knots = np.unique(rng.normal(size=n_knots))
    heights = np.sort(rng.random(n_knots))
    scores = np.concatenate([rng.normal(scale=2, size=500), knots])
    found = line(scores, knots, heights)
    assert_allclose(found[:, 1], np.interp(scores, knots, heights), rtol=0, atol=1e-13)
    assert_array_equal(found[:, 0], 1 - found[:, 1])


def test_outside_of_the_knots_the_line_is_level():
    scores = np.array([-np.inf, -1e300, -1.0, 3.0, 1e300, np.inf])
    found = line(scores, np.array([-1.0, 0.5, 3.0]), np.array([0.125, 0.5, 0.75]))
    assert_array_equal(found[:, 1], [0.125] * 3 + [0.75] * 3)


@pytest.mark.parametrize("n_knots", [2, 3, 6])
def test_a_score_that_is_no_number_has_no_probability(n_knots):
    found = line(np.array([np.nan]), np.arange(n_knots) * 1.0, np.linspace(0, 1, n_knots))
    assert np.isnan(found).all()


@settings(max_examples=60, deadline=None)
@given(
    arrays(np.float64, st.integers(2, 9), elements=st.floats(-1e6, 1e6), unique=True),
    st.data(),
)
def test_the_line_never_descends_nor_leaves_its_range(knots, data):
    knots = np.sort(knots)
    heights = np.sort(data.draw(arrays(np.float64, knots.size, elements=st.floats(0, 1))))
    shares = np.linspace(0, 1, 23)[:, np.newaxis]
    scores = np.sort((knots[:-1] + shares * np.diff(knots)).ravel())
    busy = line(scores, knots, heights)[:, 1]
    assert (np.diff(busy) >= 0).all()
    assert busy.min() >= heights[0]
    assert busy.max() <= heights[-1]


def test_no_scores_no_probabilities():
    assert line(np.empty(0), np.arange(2.0), np.arange(2.0)).shape == (0, 2)
