"""Sums of trees: against the oracle, and nothing read that a file should not name."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from cvpark._kernels._jit import frozen
from cvpark._kernels.trees import N_LANES, NODE, tree_scores
from cvpark.exceptions import ModelFormatError
from cvpark.models._scorers._trees import TreeScorer

from . import reference_trees as reference

TOLERANCE = {"rtol": 0, "atol": 1e-12}


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def ours(trees, X, baseline=0.0):
    out = np.full(len(X), np.nan)
    arrays = [frozen(array) for array in reference.kernel_arrays(trees)]
    tree_scores(frozen(X), *arrays, baseline, out)
    return out


@pytest.mark.parametrize("n_trees", [1, 2, N_LANES - 1, N_LANES, N_LANES + 1, 2 * N_LANES + 3])
@pytest.mark.parametrize("n_splits", [0, 1, 30, 70])
def test_against_the_oracle(rng, n_trees, n_splits):
    trees = [reference.random_tree(rng, n_splits, 7) for _ in range(n_trees)]
    X = reference.random_rows(rng, 6, 7)
    assert_allclose(ours(trees, X, 0.25), reference.scores(trees, 0.25, X), **TOLERANCE)


def test_trees_of_all_sizes_together(rng):
    trees = [reference.random_tree(rng, int(rng.integers(9)), 5) for _ in range(50)]
    X = reference.random_rows(rng, 9, 5)
    assert_allclose(ours(trees, X), reference.scores(trees, 0.0, X), **TOLERANCE)


def test_values_at_and_beside_the_threshold():
    threshold = np.float32(0.3)
    beside = [np.nextafter(threshold, np.float32(end)) for end in (-np.inf, np.inf)]
    X = np.array([[beside[0]], [threshold], [beside[1]]], np.float32)
    assert_array_equal(ours([(0, threshold, -1.0, 1.0)], X), [-1, -1, 1])


@pytest.mark.parametrize(("value", "expected"), [(np.nan, -4), (np.inf, -3), (-np.inf, -4)])
def test_not_finite(value, expected):
    tree = (0, np.float32(0), (1, np.float32(5), -4.0, 4.0), (1, np.inf, -3.0, 3.0))
    assert_array_equal(ours([tree], np.full((1, 2), value, np.float32)), [expected])


def test_chain():
    """As deep as trees get: each split cuts off one leaf."""
    tree = 100.0
    for number in reversed(range(100)):
        tree = (0, np.float32(number), float(number), tree)
    X = np.arange(102, dtype=np.float32)[:, np.newaxis]
    assert_array_equal(ours([tree, 0.0], X), np.minimum(X[:, 0], 100))


def test_batches_equal_singles(rng):
    trees = [reference.random_tree(rng, 20, 5) for _ in range(N_LANES + 8)]
    X = reference.random_rows(rng, 7, 5)
    together = ours(trees, X)
    assert_array_equal(together, np.concatenate([ours(trees, X[i : i + 1]) for i in range(7)]))
    assert ours(trees, X[:0]).shape == (0,)


def test_eight_nodes_a_cache_line_and_one_compilation(rng):
    assert NODE.itemsize == 8
    scorer = TreeScorer.from_arrays(reference.file_arrays([1.0, 2.0], 0.5, 3))
    out = np.empty(2)
    scorer(frozen(reference.random_rows(rng, 2, 3)), None, out)
    assert_array_equal(out, [3.5, 3.5])
    if hasattr(tree_scores, "signatures"):
        assert len(tree_scores.signatures) == 1


@settings(max_examples=200, deadline=None)
@given(seed=st.integers(0, 1000), data=st.data())
def test_what_is_not_refused_is_read_as_written(seed, data):
    """Numbers of a sound file changed: with indices checked, none may point outside."""
    rng = np.random.default_rng(seed)
    trees = [reference.random_tree(rng, int(rng.integers(5)), 3) for _ in range(3)]
    arrays = reference.file_arrays(trees, 0.5, 3)
    for _ in range(data.draw(st.integers(0, 2), "changes")):
        name = data.draw(st.sampled_from(["n_features", "sizes", "children", "features"]))
        array = arrays[name].reshape(-1)
        if array.size:
            array[data.draw(st.integers(0, array.size - 1))] = data.draw(st.integers(0, 7))
    X = reference.random_rows(rng, 4, int(arrays["n_features"]))
    out = np.empty(4)
    try:
        scorer = TreeScorer.from_arrays(arrays)
    except ModelFormatError:
        return
    scorer(frozen(X), None, out)
    assert_allclose(out, reference.scores(reference.read(arrays), 0.5, X), **TOLERANCE)
