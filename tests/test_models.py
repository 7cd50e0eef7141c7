"""Training, calibration and the model file."""

from __future__ import annotations

import io
import json
import zipfile

import numpy as np
import pytest

from cvpark.exceptions import DatasetError, ModelFormatError
from cvpark.features import Descriptor
from cvpark.models import (
    FACTORIES,
    LabelledFeatures,
    Sigmoid,
    load_bundle,
    load_model,
    save_bundle,
    shipped_models,
    train,
)

AT_LEAST = {"svm": 0.98, "svm-linear": 0.97, "gbdt": 0.97, "cnn": 0.98}


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


def test_each_kind_learns_and_says_what_it_learned_from(model):
    X, y = patches(100, 2)
    assert (model.predict(X) == y).mean() > 0.95
    assert model.card["training"] == {
        "split": "train", "fingerprint": "train" * 3, "n_patches": 300,
    }  # fmt: skip
    assert model.card["validation"]["accuracy"] > 0.95
    assert model.card["protocol"] == "test"


def test_probabilities_are_those_of_the_classifier_and_the_sigmoid(model, descriptor):
    X, _ = patches(20, 3)
    scores = model.classifier.decision_function(descriptor.transform(X))
    busy = model.predict_proba(X)
    np.testing.assert_allclose(busy[:, 1], model.calibration(scores))
    np.testing.assert_allclose(busy.sum(axis=1), 1)
    assert (model.predict(X) == (busy[:, 1] >= model.threshold_)).all()


def test_one_patch_many_and_a_list_agree(model):
    X, _ = patches(5, 4)
    many = model.predict_proba(X)
    np.testing.assert_allclose(model.predict_proba(list(X)), many)
    np.testing.assert_allclose(model.predict_proba(X[3]), many[3:4], rtol=1e-4)
    assert model.predict_proba([]).shape == (0, 2)


def test_a_model_file_gives_the_same_model_back(model, tmp_path):
    path = save_bundle(model, tmp_path / "mine.cvpark")
    loaded = load_model(path)
    X, _ = patches(30, 5)
    np.testing.assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))
    assert (loaded.name, loaded.kind) == ("mine", model.kind)
    assert loaded.model_bytes == path.stat().st_size
    assert loaded.card["training"] == model.card["training"]
    assert [file.name for file in tmp_path.iterdir()] == ["mine.cvpark"]


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


def hostile_estimator(contents):
    import skops.io
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer

    data = skops.io.dumps(make_pipeline(FunctionTransformer(print)))
    contents["estimator.skops"] = data
    import hashlib

    edit_manifest(sha256={"estimator.skops": hashlib.sha256(data).hexdigest()})(contents)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (edit_manifest(schema_version=99), "schema version 99 written by cvpark"),
        (edit_manifest(descriptor={"size": 64, "extractors": []}), "damaged"),
        (edit_manifest(descriptor={"size": 64, "extractors": [{"kind": "lbp"}]}), "columns"),
        (edit_manifest(calibration=None), "damaged"),
        (lambda contents: contents.pop("estimator.skops") and None, "damaged"),
        (lambda contents: contents.update({"manifest.json": b"{"}), "damaged"),
        (lambda contents: contents.update({"estimator.skops": b"x"}), "SHA-256"),
        (lambda contents: contents.update({"../evil.txt": b"x"}), "unexpected"),
        (hostile_estimator, "damaged"),
    ],
)
def test_damaged_and_hostile_files_raise_one_error(linear, change, complaint):
    rewrite(linear, change)
    with pytest.raises(ModelFormatError, match=complaint):
        load_bundle(linear)


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


def test_nothing_in_a_model_file_is_pickle(linear):
    with zipfile.ZipFile(linear) as archive:
        estimator = io.BytesIO(archive.read("estimator.skops"))
    with zipfile.ZipFile(estimator) as inner:
        assert {name.rpartition(".")[2] for name in inner.namelist()} <= {"json", "npy"}


def test_unknown_names_list_the_shipped():
    with pytest.raises(ModelFormatError, match=r"shipped are: .*svm"):
        load_model("svn")


def test_one_class_is_not_enough_to_train(parts, descriptor):
    training, validation = parts
    busy = validation.y == 1
    one = LabelledFeatures("one", "f", validation.X[busy], validation.y[busy])
    with pytest.raises(DatasetError, match="split 'one': its 60 patches are all of one class"):
        train("svm", training, one, descriptor)


def test_sigmoid_recovers_the_probabilities_labels_were_drawn_from():
    rng = np.random.default_rng(0)
    scores = rng.normal(size=20_000)
    true = Sigmoid(2.0, -0.5)
    fitted = Sigmoid.fit(scores, rng.random(20_000) < true(scores))
    assert fitted.slope == pytest.approx(2.0, rel=0.05)
    assert fitted.intercept == pytest.approx(-0.5, abs=0.05)


def test_all_models_are_shipped_and_load():
    shipped = shipped_models()
    assert set(shipped) == {"svm", "svm-linear", "gbdt", "cnn"}
    patch = np.full((150, 150, 3), 90, np.uint8)
    for name in shipped:
        model = load_model(name)
        assert model.name == name
        assert model.predict_proba(patch).shape == (1, 2)
        assert model.card["validation"]["accuracy"] >= AT_LEAST[name]
        assert "citation" in model.card["data"]
