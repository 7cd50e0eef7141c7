"""Compiled support vector machines against the pipelines they came from."""

from __future__ import annotations

import io
import threading

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.svm import SVC, LinearSVC

from cvpark._kernels._jit import frozen
from cvpark._kernels.svm import BLOCK, linear_scores, rbf_scores
from cvpark.exceptions import ModelFormatError
from cvpark.models._narrow import fit_narrow
from cvpark.models._scorers._svm import MAX_COMPONENTS, LinearScorer, RbfScorer

N_FEATURES = 150


def data(n, seed, n_classes=2):
    """Descriptors of classes that a curved boundary parts: 0 to 1, some columns always 0."""
    rng = np.random.default_rng(seed)
    hidden = rng.normal(size=(n, 4))
    X = 1 / (1 + np.exp(-hidden @ np.random.default_rng(0).normal(size=(4, N_FEATURES))))
    X[:, ::20] = 0
    edges = np.quantile((hidden**2).sum(axis=1), np.linspace(0, 1, n_classes + 1)[1:-1])
    return X.astype(np.float32), np.digitize((hidden**2).sum(axis=1), edges).astype(np.uint8)


X_TRAIN, Y_TRAIN = data(400, 1)
X, Y = data(90, 2)

LINEAR = {
    "alone": LinearSVC,
    "scaled": lambda: make_pipeline(StandardScaler(), LinearSVC(C=0.01, dual=False)),
    "no intercept": lambda: make_pipeline(StandardScaler(), LinearSVC(fit_intercept=False)),
    "hinge": lambda: make_pipeline(StandardScaler(), LinearSVC(loss="hinge", random_state=0)),
    "not centred": lambda: make_pipeline(StandardScaler(with_mean=False), LinearSVC(C=0.01)),
    "only centred": lambda: make_pipeline(StandardScaler(with_std=False), LinearSVC(C=0.01)),
    "neither": lambda: make_pipeline(
        StandardScaler(with_mean=False, with_std=False), LinearSVC(C=0.01)
    ),
    "projected": lambda: make_pipeline(StandardScaler(), PCA(10), LinearSVC(C=0.01)),
    "projected alone": lambda: make_pipeline(PCA(10), LinearSVC(C=0.01)),
    "whitened": lambda: make_pipeline(StandardScaler(), PCA(10, whiten=True), LinearSVC()),
}


def rbf(kernel_machine, n_components=10, scaler=None, **parameters):
    project = PCA(n_components, **parameters)
    return make_pipeline(scaler or StandardScaler(), project, *kernel_machine)


RBF = {
    "scale": lambda: rbf([SVC(C=5)]),
    "auto": lambda: rbf([SVC(C=5, gamma="auto")]),
    "narrow Gaussians": lambda: rbf([SVC(gamma=0.03)]),
    "weighted": lambda: rbf([SVC(class_weight="balanced", C=0.3)]),
    "one component": lambda: rbf([SVC()], 1),
    "more than a tile": lambda: rbf([SVC()], 70),
    "more than a chunk": lambda: rbf([SVC(gamma=1e-3)], 130),
    "whitened": lambda: rbf([SVC()], whiten=True),
    "shares of variance": lambda: rbf([SVC()], 0.9, svd_solver="full"),
    "not centred": lambda: rbf([SVC()], scaler=StandardScaler(with_mean=False)),
    "only centred": lambda: rbf([SVC()], scaler=StandardScaler(with_std=False)),
    "nystroem": lambda: rbf([Nystroem(gamma=0.005, n_components=50, random_state=0), LinearSVC()]),
    "nystroem, gamma unsaid": lambda: rbf(
        [Nystroem(n_components=30, random_state=0), LinearSVC(fit_intercept=False)], whiten=True
    ),
}


def scores_of(scorer, X, capacity=None):
    out = np.full(len(X), 77.0)
    scorer(X, scorer.workspace(len(X) if capacity is None else capacity), out)
    return out


@pytest.fixture(scope="module")
def svc():
    return fit_narrow(rbf([SVC(C=5)]), X_TRAIN, Y_TRAIN)


@pytest.fixture(scope="module", params=[LinearScorer, RbfScorer], ids=lambda scorer: scorer.form)
def scorer(request, svc):
    if request.param is RbfScorer:
        return RbfScorer.from_estimator(svc)
    return LinearScorer.from_estimator(fit_narrow(LINEAR["scaled"](), X_TRAIN, Y_TRAIN))


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("fit", [fit_narrow, lambda model, X, y: model.fit(X, y)])
@pytest.mark.parametrize("option", LINEAR)
def test_linear_scores_are_those_of_the_pipeline(option, fit):
    pipeline = fit(LINEAR[option](), X_TRAIN, Y_TRAIN)
    compiled = LinearScorer.from_estimator(pipeline)
    assert compiled.n_features == N_FEATURES
    expected = pipeline.decision_function(X)
    assert np.ptp(expected) > 0.1
    np.testing.assert_allclose(scores_of(compiled, X), expected, rtol=0, atol=1e-5)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("option", RBF)
def test_rbf_scores_are_those_of_the_pipeline(option):
    pipeline = fit_narrow(RBF[option](), X_TRAIN, Y_TRAIN)
    compiled = RbfScorer.from_estimator(pipeline)
    assert compiled.n_features == N_FEATURES
    expected = pipeline.decision_function(X)
    assert np.ptp(expected) > 0.1
    np.testing.assert_allclose(scores_of(compiled, X), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("option", ["scale", "whitened", "more than a tile", "nystroem"])
def test_narrow_numbers_cost_no_accuracy(option):
    wide = RBF[option]().fit(X_TRAIN, Y_TRAIN)
    narrow = fit_narrow(RBF[option](), X_TRAIN, Y_TRAIN)
    assert wide.score(X, Y) > 0.85
    assert narrow.score(X, Y) > wide.score(X, Y) - 0.03
    correlation = np.corrcoef(wide.decision_function(X), narrow.decision_function(X))[0, 1]
    assert correlation > 0.99


def test_narrow_numbers_are_in_the_pipeline(svc):
    scale, project, machine = (step for _, step in svc.steps)
    for values in (scale.mean_, scale.scale_, scale.var_):
        bits = np.frexp(values)[0] * 2**16
        np.testing.assert_array_equal(bits, np.rint(bits))
    folded = project.components_.T.astype(float) / scale.scale_[:, np.newaxis]
    for matrix in (folded, machine.support_vectors_):
        quotients = matrix / np.exp2(np.ceil(np.log2(np.abs(matrix).max(axis=0) / 127)))
        np.testing.assert_array_equal(quotients, np.rint(quotients))
        assert len(np.unique(quotients)) > 100


def test_other_classifiers_are_fitted_as_they_are():
    make = lambda: make_pipeline(StandardScaler(), LogisticRegression(C=0.01))  # noqa: E731
    fitted, plain = fit_narrow(make(), X_TRAIN, Y_TRAIN), make().fit(X_TRAIN, Y_TRAIN)
    np.testing.assert_array_equal(fitted.decision_function(X), plain.decision_function(X))


@pytest.mark.parametrize(
    ("scorer", "estimator", "complaint"),
    [
        (LinearScorer, LogisticRegression(), "expected LinearSVC, got LogisticRegression"),
        (LinearScorer, make_pipeline(MinMaxScaler(), LinearSVC()), "MinMaxScaler is neither"),
        (LinearScorer, make_pipeline("passthrough", LinearSVC()), "neither"),
        (RbfScorer, LinearSVC(), "before the kernel, got LinearSVC"),
        (RbfScorer, SVC(), "before the kernel, got SVC"),
        (RbfScorer, make_pipeline(StandardScaler(), SVC()), "before the kernel"),
        (RbfScorer, make_pipeline(MinMaxScaler(), PCA(5), SVC()), "before the kernel"),
        (RbfScorer, rbf([SVC(kernel="poly")]), "kernel 'poly', expected 'rbf'"),
        (RbfScorer, rbf([Nystroem(kernel="laplacian"), LinearSVC()]), "kernel 'laplacian'"),
        (RbfScorer, rbf([LinearSVC()]), "expected SVC or Nystroem and LinearSVC"),
        (RbfScorer, rbf([Nystroem(), LogisticRegression()]), "expected SVC or Nystroem"),
        (RbfScorer, rbf([SVC()]), "fit_narrow"),
    ],
)
def test_what_cannot_be_compiled_says_why(scorer, estimator, complaint):
    estimator.fit(X_TRAIN[:150], Y_TRAIN[:150])
    with pytest.raises(ValueError, match=f"cannot be compiled: .*{complaint}"):
        scorer.from_estimator(estimator)


@pytest.mark.parametrize("make", [LINEAR["scaled"], RBF["scale"]])
def test_unfitted_or_of_three_classes(make):
    cls = LinearScorer if make is LINEAR["scaled"] else RbfScorer
    with pytest.raises(ValueError, match=r"cannot be compiled: (Linear)?SVC is no fitted"):
        cls.from_estimator(make())
    with pytest.raises(ValueError, match="cannot be compiled: 3 classes, expected 2"):
        cls.from_estimator(fit_narrow(make(), *data(150, 3, n_classes=3)))


@pytest.mark.parametrize("capacity", [1, 3, BLOCK, 40])
@pytest.mark.parametrize("n", [0, 1, 2, BLOCK, BLOCK + 1, 40])
def test_many_are_one_by_one_to_the_bit(scorer, n, capacity):
    work = scorer.workspace(capacity)
    out, alone = np.full(n, 77.0), np.full(1, 77.0)
    scorer(X[:n], work, out)
    for i in range(n):
        scorer(X[i : i + 1], work, alone)
        assert alone[0] == out[i]


def test_several_threads_at_once(scorer):
    expected, found, ready = scores_of(scorer, X), {}, threading.Barrier(4)

    def work(k):
        memory = scorer.workspace(1 + k)
        ready.wait()
        for _ in range(20):
            found[k] = np.empty(len(X))
            scorer(X, memory, found[k])

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    for scores in found.values():
        np.testing.assert_array_equal(scores, expected)


def test_descriptors_of_any_layout(scorer):
    expected = scores_of(scorer, X)
    wide = np.zeros((len(X), 2 * N_FEATURES), np.float32)
    wide[:, ::2] = X
    for same in (frozen(X), wide[:, ::2], np.asfortranarray(X)):
        np.testing.assert_array_equal(scores_of(scorer, same), expected)


@pytest.mark.parametrize(
    ("wrong", "n_out", "complaint"),
    [
        (X.astype(np.float64), len(X), "float64"),
        (X[:, :-1], len(X), "expected float32"),
        (X[0], 1, "shape"),
        (X, len(X) - 1, "out has shape"),
        (X, len(X) + 1, "out has shape"),
    ],
)
def test_wrong_calls_are_refused(scorer, wrong, n_out, complaint):
    with pytest.raises(ValueError, match=complaint):
        scorer(wrong, scorer.workspace(1), np.empty(n_out))


def test_arrays_make_it_again(scorer):
    file = io.BytesIO()
    np.savez_compressed(file, **scorer.arrays())
    file.seek(0)
    with np.load(file, allow_pickle=False) as arrays:
        again = type(scorer).from_arrays(dict(arrays))
    assert again.n_features == scorer.n_features
    np.testing.assert_array_equal(scores_of(again, X), scores_of(scorer, X))
    assert set(again.arrays()) == set(scorer.arrays())


@pytest.mark.skipif(not hasattr(rbf_scores, "signatures"), reason="kernels are not compiled")
def test_each_kernel_is_compiled_once(scorer):
    for values in (X, X[:1], frozen(X), X[::2]):
        scores_of(scorer, values)
    again = type(scorer).from_arrays(scorer.arrays())
    scores_of(again, X)
    kernel = linear_scores if isinstance(scorer, LinearScorer) else rbf_scores
    assert len(kernel.signatures) == 1


def first(value):
    def change(array):
        changed = array.copy()
        changed.reshape(-1)[0] = value
        return changed

    return change


ANY_ARRAY = {
    "missing": lambda arrays, name: arrays.pop(name),
    "too many axes": lambda arrays, name: arrays.update({name: arrays[name][np.newaxis]}),
    "empty": lambda arrays, name: arrays.update({name: arrays[name].reshape(-1)[:0]}),
    "big-endian or wide": lambda arrays, name: arrays.update({name: arrays[name].astype(">f8")}),
    "complex": lambda arrays, name: arrays.update({name: arrays[name].astype(complex)}),
    "objects": lambda arrays, name: arrays.update({name: arrays[name].astype(object)}),
    "strings": lambda arrays, name: arrays.update({name: arrays[name].astype(str)}),
    "no array": lambda arrays, name: arrays.update({name: "1.0"}),
    "additional": lambda arrays, name: arrays.update({name + "_": arrays[name]}),
}


@pytest.mark.parametrize("hostility", ANY_ARRAY)
def test_hostile_arrays_are_refused(scorer, hostility):
    for name in scorer.arrays():
        arrays = scorer.arrays()
        ANY_ARRAY[hostility](arrays, name)
        with pytest.raises(ModelFormatError):
            type(scorer).from_arrays(arrays)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e200])
def test_numbers_that_are_none_are_refused(scorer, value):
    for name, array in scorer.arrays().items():
        if array.dtype.kind == "f" and (array.dtype == np.float64 or value != 1e200):
            with pytest.raises(ModelFormatError, match=f"{name}' holds numbers"):
                type(scorer).from_arrays(scorer.arrays() | {name: first(value)(array)})


def test_lengths_that_contradict_each_other_are_refused(svc):
    arrays = RbfScorer.from_estimator(svc).arrays()
    for name, array in arrays.items():
        for axis in range(array.ndim):
            if (name, axis) == ("projection", 1):
                continue  # as many columns as there are
            for change in (np.delete(array, 0, axis), np.repeat(array, 2, axis)):
                with pytest.raises(ModelFormatError, match="has shape"):
                    RbfScorer.from_arrays(arrays | {name: change})


def test_absurd_sizes_are_refused():
    n = MAX_COMPONENTS + 1
    scalar, row = np.array(1.0), np.ones(n)
    arrays = {
        "projection": np.ones((n, 1), np.int8),
        "projection_steps": row,
        "projection_offset": row,
        "centres": np.ones((1, n), np.int8),
        "centre_steps": row,
        "weights": np.ones(1),
        "gamma": scalar,
        "intercept": scalar,
    }
    with pytest.raises(ModelFormatError, match="components, expected at most"):
        RbfScorer.from_arrays(arrays)
    assert RbfScorer.from_arrays(
        arrays
        | {name: np.ones(n - 1) for name, array in arrays.items() if array.shape == (n,)}
        | {"projection": np.ones((n - 1, 1), np.int8), "centres": np.ones((1, n - 1), np.int8)}
    )
    with pytest.raises(ModelFormatError, match="features, expected at most"):
        LinearScorer.from_arrays({"weights": np.ones(2**18, np.float32), "intercept": scalar})


@pytest.mark.parametrize("extreme", [0.0, 1e-45, 3e38, np.inf, np.nan])
def test_no_descriptor_is_dangerous(scorer, extreme):
    values = np.concatenate([np.full((1, N_FEATURES), extreme, np.float32), X[:3]])
    np.testing.assert_array_equal(scores_of(scorer, values)[1:], scores_of(scorer, X[:3]))
