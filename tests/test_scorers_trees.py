"""Compiled trees: scikit-learn's scores, from its estimators and from files, hostile ones too."""

import copy
import io
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from cvpark._kernels._jit import frozen
from cvpark.exceptions import ModelFormatError
from cvpark.models._scorers import _trees
from cvpark.models._scorers._trees import TreeScorer

from . import reference_trees as reference

TOLERANCE = {"rtol": 0, "atol": 1e-9}


def make_data(n=600, n_features=12, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, n_features)).astype(np.float32)
    y = X[:, 0] * X[:, 1] + X[:, 2] + rng.normal(size=n) > 0
    return X, y


def fitted(X=None, y=None, **parameters):
    if X is None:
        X, y = make_data()
    parameters = {"max_iter": 40, "min_samples_leaf": 3, "random_state": 0} | parameters
    return HistGradientBoostingClassifier(**parameters).fit(X, y)


@pytest.fixture(autouse=True, scope="module")
def _one_thread():
    """Threads of scikit-learn wait for each other longer than such small trees take."""
    with threadpool_limits(1):
        yield


@pytest.fixture(scope="module")
def classifier():
    return fitted()


def scores(scorer, X):
    out = np.full(len(X), np.nan)
    scorer(frozen(X), scorer.workspace(len(X)), out)
    return out


def test_scorer(classifier):
    scorer = TreeScorer.from_estimator(classifier)
    assert scorer.form == "trees"
    assert scorer.n_features == 12
    with pytest.raises(ValueError, match=r"shape \(2, 11\), expected float32 \(n, 12\)"):
        scores(scorer, np.zeros((2, 11), np.float32))
    with pytest.raises(ValueError, match=r"out has shape \(3,\), expected \(2,\)"):
        scorer(np.zeros((2, 12), np.float32), None, np.empty(3))


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"max_leaf_nodes": 2},
        {"max_leaf_nodes": 32},
        {"max_leaf_nodes": 33},
        {"max_leaf_nodes": None},
        {"max_leaf_nodes": None, "min_samples_leaf": 1, "max_iter": 3},
        {"max_depth": 1},
        {"max_depth": 3},
        {"max_iter": 1},
        {"max_iter": 65},
        {"max_features": 0.3},
        {"max_bins": 4},
        {"min_samples_leaf": 400},  # trees of one leaf
        {"learning_rate": 0.5, "l2_regularization": 2.0},
        {"early_stopping": True},
        {"class_weight": "balanced"},
    ],
    ids=str,
)
def test_equals_scikit_learn(parameters):
    classifier = fitted(**parameters)
    X, _ = make_data(400, seed=1)
    result = scores(TreeScorer.from_estimator(classifier), X)
    assert_allclose(result, classifier.decision_function(X), **TOLERANCE)


def test_trees_of_one_leaf():
    classifier = fitted(min_samples_leaf=400)
    assert all(len(tree.nodes) == 1 for (tree,) in classifier._predictors)
    scorer = TreeScorer.from_estimator(classifier)
    assert scorer.arrays()["features"].size == 0


def test_labels_of_any_kind():
    X, y = make_data()
    classifier = fitted(X, np.where(y, "busy", "free"))
    result = scores(TreeScorer.from_estimator(classifier), X)
    assert_allclose(result, classifier.decision_function(X), **TOLERANCE)


def test_only_step_of_a_pipeline(classifier):
    X, _ = make_data(20, seed=1)
    piped = TreeScorer.from_estimator(make_pipeline(classifier))
    assert_array_equal(scores(piped, X), scores(TreeScorer.from_estimator(classifier), X))


def test_values_at_and_beside_thresholds(classifier):
    """Each threshold as a float32, and the ones below and above, in its column."""
    X, _ = make_data(1)
    scorer = TreeScorer.from_estimator(classifier)
    nodes = np.concatenate([tree.nodes for (tree,) in classifier._predictors])
    nodes = nodes[nodes["is_leaf"] == 0]
    at = nodes["num_threshold"].astype(np.float32)
    for values in (at, np.nextafter(at, np.float32(-np.inf)), np.nextafter(at, np.float32(np.inf))):
        rows = np.repeat(X, len(nodes), axis=0)
        rows[np.arange(len(nodes)), nodes["feature_idx"]] = values
        assert_allclose(scores(scorer, rows), classifier.decision_function(rows), **TOLERANCE)


def test_thresholds_between_neighbouring_numbers():
    """Halfway between two float32 lies none: rounded up, the upper one would turn left."""
    rng = np.random.default_rng(0)
    steps = rng.integers(0, 6, (500, 3))
    X = (1 + steps * np.finfo(np.float32).eps).astype(np.float32)
    classifier = fitted(X, steps[:, 0] + steps[:, 1] > 5)
    nodes = np.concatenate([tree.nodes for (tree,) in classifier._predictors])
    thresholds = nodes["num_threshold"][nodes["is_leaf"] == 0]
    rounded_up = thresholds.astype(np.float32) > thresholds
    assert np.any(rounded_up)
    scorer = TreeScorer.from_estimator(classifier)
    assert_allclose(scores(scorer, X), classifier.decision_function(X), **TOLERANCE)


@pytest.mark.parametrize(
    ("threshold", "expected"),
    [
        (0.5, 0.5),
        (np.nextafter(0.5, 0), np.nextafter(np.float32(0.5), np.float32(0))),
        (np.nextafter(0.5, 1), 0.5),
        (1e300, np.finfo(np.float32).max),
        (-1e300, -np.inf),
        (np.inf, np.inf),
        (1e-300, 0),
        (-1e-300, -np.finfo(np.float32).smallest_subnormal),
    ],
)
def test_rounding_down(threshold, expected):
    assert_array_equal(_trees._round_down(np.array([threshold])), np.array([expected], np.float32))


def test_trained_with_missing_values():
    """Splits of missing from present ones have infinite thresholds; what is there goes left."""
    X, y = make_data()
    missing = X.copy()
    missing[y, 3] = np.nan
    classifier = fitted(missing, y)
    nodes = np.concatenate([tree.nodes for (tree,) in classifier._predictors])
    assert np.any(np.isinf(nodes["num_threshold"]))
    scorer = TreeScorer.from_estimator(classifier)
    assert_allclose(scores(scorer, X), classifier.decision_function(X), **TOLERANCE)
    assert np.all(np.isfinite(scores(scorer, missing)))


def test_any_number_of_rows_gives_the_same_bits(classifier):
    X, _ = make_data(70, seed=1)
    scorer = TreeScorer.from_estimator(classifier)
    together = scores(scorer, X)
    for n in (0, 1, 2, 33):
        parts = [scores(scorer, X[start : start + n]) for start in range(0, n and 66, n or 1)]
        assert_array_equal(np.concatenate([*parts, together[:0]]), together[: len(parts) * n])
    assert scores(scorer, X[:0]).shape == (0,)


def test_threads(classifier):
    X, _ = make_data(500, seed=1)
    scorer = TreeScorer.from_estimator(classifier)
    expected = scores(scorer, X)
    with ThreadPoolExecutor(4) as pool:
        for result in pool.map(lambda _: scores(scorer, X), range(40)):
            assert_array_equal(result, expected)


def test_arrays_make_it_again(classifier):
    X, _ = make_data(50, seed=1)
    scorer = TreeScorer.from_estimator(classifier)
    stream = io.BytesIO()
    np.savez(stream, **scorer.arrays())
    stream.seek(0)
    with np.load(stream, allow_pickle=False) as arrays:
        again = TreeScorer.from_arrays(dict(arrays))
    assert again.n_features == scorer.n_features
    assert_array_equal(scores(again, X), scores(scorer, X))
    assert scorer.arrays().keys() == again.arrays().keys()
    for name, array in scorer.arrays().items():
        assert_array_equal(array, again.arrays()[name])


def test_deep_trees_and_busy_splits_come_first(classifier):
    """Children lie in the order of how many patches of training came through their parents."""
    arrays = TreeScorer.from_estimator(classifier).arrays()
    trees = [tree.nodes for (tree,) in classifier._predictors]
    trees.sort(key=lambda nodes: int(nodes["depth"].max()), reverse=True)
    assert_array_equal(arrays["sizes"], [len(nodes) for nodes in trees])
    splits = trees[0][trees[0]["is_leaf"] == 0]
    children = arrays["children"][: len(trees[0])]
    order = np.argsort((np.arange(len(children)) + children)[children > 0])
    busiest = splits["feature_idx"][np.argsort(-splits["count"].astype(int), kind="stable")]
    assert_array_equal(arrays["features"][: len(splits)][order], busiest)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: fitted(make_data()[0], np.arange(600) % 3), "of 3 classes"),
        (lambda: fitted(np.arange(600)[:, None] % 5, np.arange(600) % 5 > 2,
                        categorical_features=[0]), "categorical"),
        (HistGradientBoostingClassifier, "has no _predictors; .* fitted"),
        (lambda: HistGradientBoostingRegressor(max_iter=2).fit(*make_data()), "has no classes_"),
        (lambda: GradientBoostingClassifier(n_estimators=2).fit(*make_data()), "GradientBoosting"),
        (lambda: DummyClassifier().fit(*make_data()), "DummyClassifier has no"),
        (lambda: make_pipeline("passthrough"), "str has no"),
        (lambda: make_pipeline(StandardScaler(), fitted()), "pipeline of 2 steps"),
        (lambda: None, "NoneType"),
    ],
)  # fmt: skip
def test_what_does_not_compile(make, reason):
    with pytest.raises(ValueError, match=f"cannot be compiled: .*{reason}"):
        TreeScorer.from_estimator(make())


def test_too_large_to_compile(classifier):
    wide = copy.deepcopy(classifier)
    wide.n_features_in_ = 2**16 + 1
    with pytest.raises(ValueError, match=r"cannot be compiled: .*65536 columns"):
        TreeScorer.from_estimator(wide)
    large = copy.deepcopy(classifier)
    large._predictors[0][0].nodes = np.resize(large._predictors[0][0].nodes, 2**16 + 1)
    with pytest.raises(ValueError, match=r"cannot be compiled: .*65536 nodes"):
        TreeScorer.from_estimator(large)
    broken = copy.deepcopy(classifier)
    broken._predictors[0][0].nodes["feature_idx"] = 12
    with pytest.raises(ValueError, match=r"cannot be compiled: .*columns past the last"):
        TreeScorer.from_estimator(broken)


# Two splits in the first tree, one in the second, none in the third.
SMALL = [(0, 0.5, 1.0, (1, 0.5, 2.0, 3.0)), (2, 0.5, 4.0, 5.0), 6.0]


def small(**changes):
    arrays = reference.file_arrays(SMALL, 0.5, 3)
    assert arrays["children"].tolist() == [1, 0, 1, 0, 0, 1, 0, 0, 0]
    return {name: array for name, array in (arrays | changes).items() if array is not None}


def test_small_is_sound():
    X = reference.random_rows(np.random.default_rng(0), 20, 3)
    assert_array_equal(scores(TreeScorer.from_arrays(small()), X), reference.scores(SMALL, 0.5, X))


def uint16(*numbers):
    return np.array(numbers, np.uint16)


def children(*numbers):
    return {"children": uint16(*numbers)}


def sizes(*numbers):
    return {"sizes": np.array(numbers, np.uint32)}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        *[({name: None}, "expected the arrays") for name in _trees.ARRAYS],
        ({"more": np.zeros(1)}, "expected the arrays"),
        ({"children": np.zeros(9, np.int16)}, "children of trees: got 1 dimensions of <i2"),
        ({"children": np.zeros(9, np.uint64)}, "children of trees"),
        ({"children": np.zeros((9, 1), np.uint16)}, "children of trees: got 2 dimensions"),
        ({"children": np.zeros(9, ">u2")}, "children of trees: .* of >u2"),
        ({"features": np.zeros(3)}, "features of trees"),
        ({"thresholds": np.zeros(3)}, "thresholds of trees"),
        ({"values": np.zeros(6, np.float32)}, "values of trees"),
        ({"values": np.array(["a"] * 6)}, "values of trees"),
        ({"values": np.zeros(6, [("a", np.float64)])}, "values of trees"),
        ({"baseline": np.zeros(1)}, "baseline of trees: got 1 dimensions"),
        ({"baseline": np.array(None, object)}, "baseline of trees"),
        ({"n_features": np.array(3.0)}, "n_features of trees"),
        ({"sizes": np.array([5, 3, 1])}, "sizes of trees"),
        ({"features": uint16(0, 1)}, "got 2 features of trees, expected 3"),
        ({"thresholds": np.zeros(4, np.float32)}, "got 4 thresholds of trees, expected 3"),
        ({"values": np.zeros(7)}, "got 7 values of trees, expected 6"),
        (children(1, 0, 1, 0, 0, 1, 0, 0), "got 8 children of trees, expected 9"),
        (sizes(), "no trees"),
        (sizes(5, 3, 1, 0), "empty trees"),
        (sizes(5, 3), "got 9 children of trees, expected 8"),
        (sizes(2**32 - 1, 3, 1), "more than 4194304 nodes"),
        (sizes(*[2**32 - 1] * 9), "more than 4194304 nodes"),
        (sizes(*[1] * (2**19 + 1)), "more than 4194304 nodes"),  # padded
        ({"n_features": np.array(0)}, "not between 1 and 65536"),
        ({"n_features": np.array(-1)}, "not between"),
        ({"n_features": np.array(2**16 + 1)}, "not between"),
        ({"n_features": np.array(2)}, "columns past the last"),
        ({"features": uint16(0, 3, 2)}, "columns past the last"),
        ({"thresholds": np.array([0, np.nan, 0], np.float32)}, "not finite"),
        ({"values": np.array([0, 0, np.nan, 0, 0, 0])}, "not finite"),
        ({"values": np.array([0, 0, -np.inf, 0, 0, 0])}, "not finite"),
        ({"values": np.full(6, 1e308)}, "not finite"),
        ({"baseline": np.array(np.nan)}, "not finite"),
        ({"baseline": np.array(np.inf)}, "not finite"),
        (children(65535, 0, 1, 0, 0, 1, 0, 0, 0), "out of their tree"),
        (children(4, 0, 1, 0, 0, 1, 0, 0, 0), "out of their tree"),  # the second child only
        (children(1, 0, 3, 0, 0, 1, 0, 0, 0), "out of their tree"),  # in the next tree
        (children(1, 0, 1, 0, 0, 2, 0, 0, 0), "out of their tree"),
        (children(1, 0, 1, 0, 0, 0, 0, 0, 1), "out of their tree"),
        (children(2, 0, 1, 0, 0, 1, 0, 0, 0), "of several splits, or of none"),
        (children(1, 2, 1, 0, 0, 0, 0, 0, 0), "of several splits, or of none"),
        (sizes(3, 5, 1), "out of their tree"),
        (sizes(5, 1, 3), "out of their tree"),
    ],
)
def test_hostile_arrays(changes, reason):
    with pytest.raises(ModelFormatError, match=reason):
        TreeScorer.from_arrays(small(**changes))


def test_later_changes_of_the_arrays_do_not_count():
    arrays = small()
    scorer = TreeScorer.from_arrays(arrays)
    before = scores(scorer, np.ones((1, 3), np.float32))
    for array in arrays.values():
        array[...] = 65535
    assert_array_equal(scores(scorer, np.ones((1, 3), np.float32)), before)
    assert scorer.arrays()["n_features"] == 3
