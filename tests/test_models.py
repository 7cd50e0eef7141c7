"""Training, calibration and the model file."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace as replace_fields

import numpy as np
import pytest
from scipy.special import expit

from cvpark.datasets import Dataset, read_image
from cvpark.exceptions import DatasetError, ModelFormatError
from cvpark.features import Descriptor
from cvpark.models import (
    FACTORIES,
    Isotonic,
    LabelledFeatures,
    Sigmoid,
    fit_narrow,
    load_bundle,
    load_estimator,
    load_model,
    read_manifest,
    save_bundle,
    shipped_models,
    train,
)

AT_LEAST = {
    "svm": 0.991,
    "svm-linear": 0.982,
    "gbdt": 0.986,
    "cnn": 0.991,
    "cnn-float": 0.991,
    "malexnet": 0.980,
}


def patches(n, seed):
    """Free: a smooth ground; busy: the ground with a box on it."""
    rng = np.random.default_rng(seed)
    images = np.repeat(rng.integers(60, 180, (n, 1, 1, 3)), 40, axis=1).repeat(40, axis=2)
    labels = np.arange(n, dtype=np.uint8) % 2
    images[labels == 1, 10:30, 8:32] //= 2
    return (images + rng.integers(-12, 12, images.shape)).clip(0, 255).astype(np.uint8), labels


@pytest.fixture(scope="module")
def descriptor():
    return Descriptor(size=32).fit()


@pytest.fixture(scope="module")
def parts(descriptor):
    def part(name, n, seed):
        X, y = patches(n, seed)
        return LabelledFeatures(name, name * 3, descriptor.transform(X), y)

    return part("train", 300, 0), part("val", 120, 1)


@pytest.fixture(scope="module", params=list(FACTORIES))
def model(request, parts, descriptor):
    return train(request.param, *parts, descriptor, facts={"protocol": "test"})


KNOTS, HEIGHTS = [-1.5, -0.5, 0.25, 2.0], [0.03, 0.25, 0.25, 0.96]


@pytest.fixture(params=["sigmoid", "isotonic"])
def calibrated(request, model):
    """The model with each of the calibrations it may have."""
    calibration = Sigmoid(1.5, -0.2) if request.param == "sigmoid" else Isotonic(KNOTS, HEIGHTS)
    return replace_fields(model, calibration=calibration, threshold_=0.375)


def test_each_kind_learns_and_says_what_it_learned_from(model):
    X, y = patches(100, 2)
    assert (model.predict(X) == y).mean() > 0.95
    assert model.card["training"] == {
        "split": "train", "fingerprint": "train" * 3, "n_patches": 300,
    }  # fmt: skip
    assert model.card["validation"]["accuracy"] > 0.95
    assert model.card["protocol"] == "test"


def test_probabilities_are_those_of_the_classifier_and_its_calibration(calibrated, descriptor):
    X, _ = patches(20, 3)
    scores = calibrated.classifier.decision_function(descriptor.transform(X))
    proba = calibrated.predict_proba(X)
    if isinstance(calibrated.calibration, Sigmoid):
        slope, intercept = calibrated.calibration.slope, calibrated.calibration.intercept
        expected = expit(slope * scores + intercept)
    else:
        expected = np.interp(scores, KNOTS, HEIGHTS)
    np.testing.assert_allclose(proba[:, 1], expected)
    np.testing.assert_allclose(proba.sum(axis=1), 1)
    assert (calibrated.predict(X) == (proba[:, 1] >= calibrated.threshold_)).all()


def test_the_compiled_path_equals_scikit_learn(calibrated):
    X, _ = patches(100, 4)
    compiled = calibrated.compile()
    assert np.abs(compiled.predict_proba(X) - calibrated.predict_proba(X)).max() < 1e-5
    assert (compiled.predict(X) == calibrated.predict(X)).all()
    np.testing.assert_allclose(
        compiled.decision_function(X), calibrated.decision_function(X), rtol=1e-5, atol=1e-5
    )


def test_one_patch_many_and_a_list_give_the_same_bits(model):
    X, _ = patches(70, 4)
    compiled = model.compile()
    many = compiled.predict_proba(X)
    np.testing.assert_array_equal(compiled.predict_proba(list(X)), many)
    np.testing.assert_array_equal(model.compile(n_jobs=2).predict_proba(X), many)
    for row in (0, 31, 32, 69):
        np.testing.assert_array_equal(compiled.predict_proba(X[row]), many[row : row + 1])
    assert compiled.predict_proba([]).shape == (0, 2)


def test_patches_of_any_size_and_layout(model):
    compiled = model.compile()
    sizes = [(113, 150), (32, 32), (20, 200), (7, 5), (300, 300)]
    X = [np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8) for size in sizes]
    mixed = compiled.decision_function(X)
    for patch, score in zip(X, mixed, strict=True):
        assert compiled.decision_function(patch) == score
        assert compiled.decision_function(np.asfortranarray(patch)) == score
    assert np.abs(compiled.predict_proba(X) - model.predict_proba(X)).max() < 1e-5


@pytest.mark.parametrize("bad", [np.zeros((9, 9, 3)), np.zeros((9, 9), np.uint8)])
def test_what_is_no_patch_is_refused(model, bad):
    with pytest.raises((TypeError, ValueError), match=r"uint8|shape"):
        model.compile().predict(bad)


def test_it_may_be_called_from_several_threads_at_once(model):
    X, _ = patches(64, 6)
    compiled = model.compile(n_jobs=2)
    expected = compiled.predict_proba(X)
    with ThreadPoolExecutor(4) as pool:
        many = [pool.submit(compiled.predict_proba, X) for _ in range(8)]
        ones = [pool.submit(compiled.predict_proba, patch) for patch in X]
        for call in many:
            np.testing.assert_array_equal(call.result(), expected)
        for row, call in enumerate(ones):
            np.testing.assert_array_equal(call.result()[0], expected[row])


def test_a_model_file_gives_the_same_model_back(calibrated, tmp_path):
    path = save_bundle(calibrated, tmp_path / "mine.cvpark")
    loaded = load_model(path)
    X, _ = patches(30, 5)
    np.testing.assert_array_equal(loaded.predict_proba(X), calibrated.compile().predict_proba(X))
    np.testing.assert_array_equal(loaded.predict(X), calibrated.predict(X))
    assert (loaded.name, loaded.kind) == ("mine", calibrated.kind)
    assert loaded.threshold_ == calibrated.threshold_
    assert loaded.model_bytes == path.stat().st_size
    assert loaded.card["training"] == calibrated.card["training"]
    assert [file.name for file in tmp_path.iterdir()] == ["mine.cvpark"]


def test_the_estimator_of_a_model_file_is_scikit_learns(model, tmp_path):
    path = save_bundle(model, tmp_path / "mine.cvpark")
    X, _ = patches(30, 5)
    estimator = load_estimator(path)
    np.testing.assert_array_equal(estimator.decision_function(X), model.decision_function(X))


def test_a_model_answers_without_scikit_learn(model, tmp_path):
    path = save_bundle(model, tmp_path / "mine.cvpark")
    code = (
        "import sys, numpy as np, cvpark\n"
        f"model = cvpark.load_model({str(path)!r}, n_jobs=2)\n"
        "model.predict(np.zeros((3, 150, 150, 3), np.uint8))\n"
        "print(*{name.partition('.')[0] for name in sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"sklearn", "pandas", "cv2", "skimage", "skops", "matplotlib", "ai_edge_litert"}
    assert not heavy & set(done.stdout.split())


@pytest.fixture
def linear(parts, descriptor, tmp_path):
    return save_bundle(train("svm-linear", *parts, descriptor), tmp_path / "linear.cvpark")


def rewrite(path, change):
    """The file with its parts as ``change`` leaves them."""
    with zipfile.ZipFile(path) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    change(contents)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in contents.items():
            archive.writestr(name, data)


def edit_manifest(**values):
    def change(contents):
        manifest = json.loads(contents["manifest.json"]) | values
        contents["manifest.json"] = json.dumps(manifest).encode()

    return change


def isotonic(scores, probabilities):
    return {"kind": "isotonic", "scores": scores, "probabilities": probabilities}


def replace(part, data):
    """Another part, with the SHA-256 that belongs to it."""

    def change(contents):
        contents[part] = data() if callable(data) else data
        hashes = json.loads(contents["manifest.json"])["sha256"]
        hashes[part] = hashlib.sha256(contents[part]).hexdigest()
        edit_manifest(sha256=hashes)(contents)

    return change


def arrays(**values):
    """A compiled part of these arrays, object arrays pickled."""
    stream = io.BytesIO()
    np.savez(stream, **values)
    return stream.getvalue()


def claiming(shape):
    """A compiled part whose only array says it has this shape."""
    stream, array = io.BytesIO(), io.BytesIO()
    np.lib.format.write_array_header_1_0(
        array, {"descr": "<f8", "fortran_order": False, "shape": shape}
    )
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("weights.npy", array.getvalue() + bytes(64))
    return stream.getvalue()


def skops_of(estimator):
    import skops.io

    return skops.io.dumps(estimator)


def calling_print():
    from sklearn.preprocessing import FunctionTransformer

    return skops_of(FunctionTransformer(print))


def another_estimator():
    from sklearn.dummy import DummyClassifier

    return skops_of(DummyClassifier().fit([[0], [1]], [0, 1]))


MANIFESTS = [
    (edit_manifest(schema_version=99), "schema version 99 written by cvpark .* update cvpark"),
    (edit_manifest(schema_version=1), "schema version 1 written by cvpark .* train it again"),
    (edit_manifest(schema_version=None), "schema version None"),
    (edit_manifest(versions=3, schema_version=7), "damaged"),
    (edit_manifest(kind="svm\x1b[2J"), "unknown kind"),
    (edit_manifest(kind=None), "damaged"),
    (edit_manifest(threshold=float("nan")), "NaN"),
    (edit_manifest(threshold="x"), "damaged"),
    (edit_manifest(threshold="nan"), "threshold nan is no probability"),
    (edit_manifest(threshold=1.5), "threshold 1.5 is no probability"),
    (edit_manifest(training=["x"]), "training facts"),
    (edit_manifest(seed=float("inf")), "Infinity"),
    (lambda contents: contents.pop("manifest.json") and None, "damaged"),
    (lambda contents: contents.update({"manifest.json": b"{"}), "damaged"),
    (lambda contents: contents.update({"manifest.json": b'{"seed": 1e999}'}), "1e999"),
    (lambda contents: contents.update({"manifest.json": b"[" * 500_000}), "damaged"),
    (lambda contents: contents.update({"manifest.json": b"7"}), "damaged"),
    (lambda contents: contents.update({"../evil.txt": b"x"}), "unexpected"),
]
PARTS = [
    (edit_manifest(descriptor={"size": 64, "extractors": []}), "columns"),
    (edit_manifest(descriptor={"size": 64, "extractors": [{"kind": "lbp"}]}), "damaged"),
    (edit_manifest(descriptor={"size": 10**9, "extractors": [{"kind": "lbp"}]}), "damaged"),
    (edit_manifest(descriptor=None), "damaged"),
    (edit_manifest(calibration=None), "damaged"),
    (edit_manifest(calibration={"slope": 1e999, "intercept": 0}), "Infinity"),
    (edit_manifest(calibration={"kind": "sigmoid", "slope": 10**400, "intercept": 0}), "damaged"),
    (edit_manifest(calibration={"slope": "nan", "intercept": 0}), "damaged"),
    (edit_manifest(calibration={"kind": "sigmoid", "scores": [0, 1]}), "damaged"),
    (edit_manifest(calibration={"kind": ["sigmoid"]}), "damaged"),
    (edit_manifest(calibration={"kind": "beta"}), "damaged.*unknown calibration"),
    (edit_manifest(calibration={"kind": "isotonic", "scores": 3, "probabilities": 1}), "damaged"),
    (edit_manifest(calibration=isotonic([0, 1], [0.9, 0.1])), "damaged.*never descend"),
    (edit_manifest(calibration=isotonic([0, 0], [0, 1])), "damaged.*ascend strictly"),
    (edit_manifest(calibration=isotonic([0, 1, 2], [0, 1])), "damaged.*as many"),
    (edit_manifest(calibration=isotonic([0, 10**400], [0, 1])), "damaged"),
    (edit_manifest(calibration=isotonic(list(range(5000)), [0.5] * 5000)), "damaged.*knots"),
    (edit_manifest(scorer="pickle"), "unknown form"),
    (edit_manifest(scorer=["linear"]), "damaged|unknown form"),
    (edit_manifest(sha256={}), "damaged"),
    (lambda contents: contents.pop("compiled.npz") and None, "damaged"),
    (lambda contents: contents.update({"compiled.npz": b"x"}), "SHA-256"),
    (replace("compiled.npz", b"x"), "damaged"),
    (replace("compiled.npz", arrays()), "."),
    (replace("compiled.npz", arrays(weights=np.array([print]))), "damaged"),
    (replace("compiled.npz", claiming((10**15,))), "damaged"),
    (replace("compiled.npz", claiming((2**40, 2**40))), "damaged"),
    (replace("compiled.npz", claiming((-1, 8))), "damaged"),
]


@pytest.mark.parametrize(("change", "complaint"), MANIFESTS + PARTS)
def test_damaged_and_hostile_files_raise_one_error(linear, change, complaint):
    rewrite(linear, change)
    with pytest.raises(ModelFormatError, match=complaint):
        load_bundle(linear)


@pytest.mark.parametrize(("change", "complaint"), MANIFESTS)
def test_damaged_and_hostile_manifests_are_not_shown(linear, change, complaint):
    rewrite(linear, change)
    with pytest.raises(ModelFormatError, match=complaint):
        read_manifest(linear)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda contents: contents.pop("estimator.skops") and None, "damaged"),
        (lambda contents: contents.update({"estimator.skops": b"x"}), "SHA-256"),
        (replace("estimator.skops", b"x"), "damaged"),
        (replace("estimator.skops", calling_print), "which is not loaded"),
        (replace("estimator.skops", another_estimator), "DummyClassifier.*not loaded"),
    ],
)
def test_damaged_and_hostile_estimators_raise_one_error(linear, change, complaint):
    rewrite(linear, change)
    load_bundle(linear)  # which has no need of it
    with pytest.raises(ModelFormatError, match=complaint):
        load_estimator(linear)


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x03\x04 not a zip"])
def test_other_files_are_no_models(tmp_path, content):
    path = tmp_path / "x.cvpark"
    path.write_bytes(content)
    with pytest.raises(ModelFormatError, match=r"x\.cvpark: not a cvpark model file"):
        load_bundle(path)


def test_every_single_cut_of_a_file_is_refused(linear):
    data = linear.read_bytes()
    for stop in np.linspace(0, len(data) - 1, 25).astype(int):
        linear.write_bytes(data[:stop])
        with pytest.raises(ModelFormatError):
            load_bundle(linear)


def test_a_part_that_unpacks_to_too_much_is_refused_unread(linear, monkeypatch):
    from cvpark.models import _bundle

    monkeypatch.setitem(_bundle._MAX_BYTES, "estimator.skops", 1000)
    with pytest.raises(ModelFormatError, match="oversized"):
        load_bundle(linear)


@pytest.mark.parametrize(
    ("part", "load"), [("compiled.npz", load_bundle), ("estimator.skops", load_estimator)]
)
def test_a_zip_within_that_unpacks_to_too_much_is_refused_unread(linear, part, load):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in range(17):
            archive.writestr(f"{name}.npy", bytes(2**24))
    rewrite(linear, replace(part, stream.getvalue()))
    with pytest.raises(ModelFormatError, match="too much"):
        load(linear)


def test_nothing_in_a_model_file_is_pickle(linear):
    with zipfile.ZipFile(linear) as archive:
        assert archive.namelist() == ["manifest.json", "compiled.npz", "estimator.skops"]
        parts = [io.BytesIO(archive.read(name)) for name in archive.namelist()[1:]]
    for part in parts:
        with zipfile.ZipFile(part) as inner:
            assert {name.rpartition(".")[2] for name in inner.namelist()} <= {"json", "npy"}
            for name in inner.namelist():
                if name.endswith("npy"):
                    np.load(io.BytesIO(inner.read(name)), allow_pickle=False)


def test_unknown_names_list_the_shipped():
    with pytest.raises(ModelFormatError, match=r"shipped are: .*svm"):
        load_model("svn")


def test_without_validation_each_patch_is_scored_by_a_model_that_never_saw_its_group(
    parts, descriptor, monkeypatch
):
    training, _ = parts
    training = replace_fields(training, groups=np.arange(len(training.y)) // 30)
    fitted = []

    def watched(classifier, X, y):
        fitted.append({row.tobytes() for row in X})
        return fit_narrow(classifier, X, y)

    monkeypatch.setattr("cvpark.models._training.fit_narrow", watched)
    model = train("svm-linear", training, None, descriptor)
    everything = {row.tobytes() for row in training.X}
    assert fitted[0] == everything
    held = [everything - part for part in fitted[1:]]
    assert sum(map(len, held)) == len(everything) == len(set().union(*held))
    groups = {row.tobytes(): group for row, group in zip(training.X, training.groups, strict=True)}
    assert len({groups[row] for row in held[0]} & {groups[row] for row in held[1]}) == 0
    rated = model.card["validation"]
    assert rated["cross_fitted"] is True
    assert (rated["fingerprint"], rated["n_patches"]) == (training.fingerprint, len(training.y))
    assert rated["accuracy"] > 0.9


def test_without_validation_there_must_be_groups_to_hold_out(parts, descriptor):
    one_group = replace_fields(parts[0], groups=np.zeros(len(parts[0].y), int))
    with pytest.raises(DatasetError, match="too few camera-days"):
        train("svm-linear", one_group, None, descriptor)


def test_one_class_is_not_enough_to_train(parts, descriptor):
    training, validation = parts
    busy = validation.y == 1
    one = LabelledFeatures("one", "f", validation.X[busy], validation.y[busy])
    with pytest.raises(DatasetError, match="split 'one': its 60 patches are all of one class"):
        train("svm", training, one, descriptor)


@pytest.fixture(scope="module")
def overlapping(parts, descriptor):
    """Parts a tenth of whose labels are wrong, so that precision and recall are at odds."""
    rng = np.random.default_rng(0)

    def spoilt(part):
        groups = np.arange(len(part.y)) // 12
        wrong = rng.random(len(part.y)) < 0.1
        return replace_fields(part, y=part.y ^ wrong.astype(np.uint8), groups=groups)

    return [spoilt(part) for part in parts]


@pytest.mark.parametrize("name", ["precision", "recall"])
def test_the_threshold_reaches_its_target_and_the_card_says_so(overlapping, descriptor, name):
    target = {f"target_{name}": 0.93}
    plain = train("svm-linear", *overlapping, descriptor)
    aimed = train("svm-linear", *overlapping, descriptor, **target)
    assert (plain.threshold_, plain.card["threshold_target"]) == (0.5, {})
    assert aimed.card["threshold_target"] == target
    assert aimed.card["validation"][name] >= 0.93 > plain.card["validation"][name]
    assert (aimed.threshold_ > 0.5) == (name == "precision")
    assert aimed.calibration == plain.calibration


def test_the_card_tells_what_calibrations_measured_on_groups_held_out(overlapping, descriptor):
    card = train("svm-linear", *overlapping, descriptor).card
    assert card["calibrations"]["held_out"] == "groups"
    assert 0 < card["calibrations"]["sigmoid"]["brier"] < 0.2
    assert set(card["validation"]) >= {"accuracy", "precision", "recall", "auc", "brier", "ece"}
    ungrouped = [replace_fields(part, groups=None) for part in overlapping]
    card = train("svm-linear", *ungrouped, descriptor).card
    assert card["calibrations"]["held_out"] == "patches"


def test_targets_that_cannot_be_are_refused_before_training(overlapping, descriptor, monkeypatch):
    from cvpark.models import _training

    monkeypatch.setattr(_training, "fit_narrow", None)
    with pytest.raises(ValueError, match="one of them"):
        train("svm", *overlapping, descriptor, target_precision=0.9, target_recall=0.9)
    with pytest.raises(ValueError, match="above 0 and at most 1"):
        train("svm", *overlapping, descriptor, target_precision=99)


def test_all_models_are_shipped_and_load():
    shipped = shipped_models()
    assert set(shipped) == set(AT_LEAST)
    patch = np.full((150, 150, 3), 90, np.uint8)
    for name in shipped:
        model = load_model(name)
        assert model.name == name
        assert model.predict_proba(patch).shape == (1, 2)
        assert model.card["validation"]["accuracy"] >= AT_LEAST[name]
        assert "citation" in model.card["data"]


@pytest.mark.realdata
@pytest.mark.slow
@pytest.mark.parametrize("name", list(FACTORIES))
def test_shipped_models_equal_scikit_learn_on_every_patch_of_val(real_data, name):
    split = Dataset(real_data).split("val")
    model, estimator = load_model(name, n_jobs=-1), load_estimator(name)
    difference, right = 0.0, 0
    for start in range(0, len(split), 2048):
        X = [read_image(file) for file in split.files[start : start + 2048]]
        proba = model.predict_proba(X)
        expected = model.calibration(estimator.decision_function(X))
        difference = max(difference, np.abs(proba - expected).max())
        right += (model.predict(X) == split.labels[start : start + 2048]).sum()
    assert difference < 1e-5
    # What is calibrated on this split is rated on it in the model's card.
    assert right / len(split) == pytest.approx(model.card["validation"]["accuracy"], abs=1e-4)


def test_shipped_classical_models_are_small():
    files = {name: file for name, file in shipped_models().items() if name in FACTORIES}
    assert sum(file.stat().st_size for file in files.values()) < 8 * 2**20
    assert files["svm-linear"].stat().st_size <= 64 * 2**10
