"""Training and conversion with a network of a few hundred parameters."""

from __future__ import annotations

import csv
import json
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("tensorflow")

from cvpark import cnn
from cvpark.cnn import _architectures, _convert, _data, _train
from cvpark.datasets import Dataset
from cvpark.exceptions import (
    AccuracyLossWarning,
    CVParkError,
    DatasetError,
    ModelFormatError,
    SplitMismatchError,
)
from cvpark.models import CNN

pytestmark = pytest.mark.tensorflow


def _small(x):
    x = _architectures._convolution(x, 8, 5, 4)
    layers = cnn.load_tensorflow()[1].layers
    return layers.GlobalAveragePooling2D()(_architectures._convolution(x, 8, 3, 2))


@pytest.fixture(scope="module", autouse=True)
def small():
    """Adds the architecture ``small``: some thousand parameters, 16 pixels."""
    architecture = _architectures.Architecture(_small, 16)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(_architectures.ARCHITECTURES, "small", architecture)
        yield


OPTIONS = cnn.TrainingOptions(architecture="small", epochs=3, batch_size=32, learning_rate=0.01)


@pytest.fixture(scope="module")
def splits(sample):
    dataset = Dataset(sample)
    return dataset.split("train"), dataset.split("val")


@pytest.fixture(scope="module")
def trained(splits, small, tmp_path_factory):
    file = tmp_path_factory.mktemp("trained") / "small.keras"
    card = cnn.train(*splits, file, OPTIONS, facts={"protocol": "cnr-ext"})
    return file, card


def log_of(file):
    with (file.with_suffix(".training") / "log.csv").open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def test_training_writes_model_card_and_log(trained, splits):
    file, card = trained
    assert json.loads(file.with_suffix(".json").read_text(encoding="utf-8")) == card
    assert card["protocol"] == "cnr-ext"
    assert card["training"]["fingerprint"] == splits[0].fingerprint
    assert card["options"]["epochs"] == 3
    assert [row["epoch"] for row in log_of(file)] == ["0", "1", "2"]
    left = sorted(path.name for path in file.with_suffix(".training").iterdir())
    assert left == ["log.csv", "run.json"]


def test_the_best_epoch_is_kept(trained, splits):
    file, card = trained
    best = min(log_of(file), key=lambda row: float(row["val_loss"]))
    assert card["validation"]["accuracy"] == pytest.approx(float(best["val_accuracy"]), abs=1e-4)


def test_a_seed_gives_the_same_network_again(trained, splits, tmp_path):
    file = tmp_path / "again.keras"
    cnn.train(*splits, file, OPTIONS)
    for first, again in zip(log_of(trained[0]), log_of(file), strict=True):
        assert float(again["loss"]) == pytest.approx(float(first["loss"]), rel=1e-3)
        assert float(again["val_loss"]) == pytest.approx(float(first["val_loss"]), rel=1e-3)


class Killed(Exception):
    pass


def interrupt(monkeypatch, epoch):
    """Let the next training die as that epoch begins."""
    callbacks = _train._callbacks
    _, keras = cnn.load_tensorflow()

    class Kill(keras.callbacks.Callback):
        def on_epoch_begin(self, index, logs=None):
            if index == epoch:
                raise Killed

    monkeypatch.setattr(_train, "_callbacks", lambda *args: [*callbacks(*args), Kill()])


def test_an_interrupted_training_goes_on(splits, tmp_path, monkeypatch):
    file = tmp_path / "small.keras"
    with monkeypatch.context() as patch:
        interrupt(patch, 2)
        with pytest.raises(Killed):
            cnn.train(*splits, file, OPTIONS)
    assert not file.exists()
    assert len(log_of(file)) == 2
    cnn.train(*splits, file, OPTIONS)
    assert [row["epoch"] for row in log_of(file)] == ["0", "1", "2"]
    assert file.exists()


def test_an_interrupted_training_with_other_options_is_refused(splits, tmp_path, monkeypatch):
    file = tmp_path / "small.keras"
    with monkeypatch.context() as patch:
        interrupt(patch, 1)
        with pytest.raises(Killed):
            cnn.train(*splits, file, OPTIONS)
    with pytest.raises(DatasetError, match="other options"):
        cnn.train(*splits, file, replace(OPTIONS, learning_rate=0.1))


def test_a_training_that_diverges_says_so(splits, tmp_path, capfd):
    file = tmp_path / "small.keras"
    with pytest.raises(CVParkError, match=r"diverged in epoch 1; delete .* lower learning rate"):
        cnn.train(*splits, file, replace(OPTIONS, learning_rate=float("inf")))
    assert not file.exists()
    assert capfd.readouterr().out == ""


def test_splits_that_cannot_be_trained_on(splits, tmp_path):
    training, validation = splits
    free_only = training.select(training.labels == 0)
    with pytest.raises(DatasetError, match="0 of them busy"):
        cnn.train(free_only, validation, tmp_path / "small.keras", OPTIONS)
    with pytest.raises(DatasetError, match="1000 at the least"):
        cnn.train(training, validation, tmp_path / "s.keras", replace(OPTIONS, batch_size=1000))
    with pytest.raises(ValueError, match=r"ends in \.keras"):
        cnn.train(training, validation, tmp_path / "small.h5", OPTIONS)
    with pytest.raises(ValueError, match="no architecture 'huge'"):
        cnn.train(*splits, tmp_path / "h.keras", replace(OPTIONS, architecture="huge"))
    assert not list(tmp_path.glob("*"))


@pytest.mark.parametrize(("name", "parameters"), [("tiny", 200_481), ("malexnet", 32_529)])
def test_architectures(name, parameters):
    network = _architectures.build(name)
    assert network.count_params() == parameters
    assert network.output_shape == (None, 1)


def test_conversions_answer_like_the_network(trained, splits, tmp_path):
    _, keras = cnn.load_tensorflow()
    file, _ = trained
    conversions = cnn.convert(file, *splits, tmp_path / "converted", facts={"note": "mine"})
    patches = _data.load_patches(splits[1], 16)
    expected = keras.models.load_model(file).predict(patches, verbose=0)[:, 0]
    assert [done.card["precision"] for done in conversions] == ["float32", "dynamic", "int8"]
    for done, tolerance in zip(conversions, (1e-5, 0.05, 0.1), strict=True):
        model = CNN.load(done.path)
        busy = model.predict_proba(patches)[:, 1]
        np.testing.assert_allclose(busy, expected, atol=tolerance)
        assert model.card == done.card
        assert done.card["note"] == "mine"
        card_file = done.path.with_suffix(".json")
        assert json.loads(card_file.read_text(encoding="utf-8")) == done.card
        accuracy = np.mean((busy >= 0.5) == splits[1].labels)
        assert done.card["validation"]["accuracy"] == pytest.approx(accuracy)
    sizes = {done.card["precision"]: done.card["bytes"] for done in conversions}
    assert sizes["int8"] < sizes["float32"]


def test_conversion_warns_when_int8_loses():
    def conversion(precision, accuracy):
        card = {"precision": precision, "validation": {"accuracy": accuracy}}
        return _convert.Conversion(None, card)

    with pytest.warns(AccuracyLossWarning, match=r"int8 loses 0\.30 points"):
        _convert._compare([conversion("float32", 0.99), conversion("int8", 0.987)])


@pytest.mark.filterwarnings("error::cvpark.exceptions.AccuracyLossWarning")
def test_conversion_is_silent_when_int8_keeps_up():
    cards = [
        {"precision": precision, "validation": {"accuracy": accuracy}}
        for precision, accuracy in (("float32", 0.99), ("int8", 0.9885))
    ]
    _convert._compare([_convert.Conversion(None, card) for card in cards])


def test_conversion_with_other_splits_is_refused(trained, splits):
    file, _ = trained
    with pytest.raises(SplitMismatchError, match="training split"):
        cnn.convert(file, splits[1], splits[1])


def test_conversion_of_what_is_no_model(trained, splits, tmp_path):
    bad = tmp_path / "bad.keras"
    bad.write_bytes(b"no model")
    with pytest.raises(ModelFormatError, match=r"bad\.keras: not a Keras model"):
        cnn.convert(bad, *splits)
    alone = tmp_path / "alone.keras"
    alone.write_bytes(trained[0].read_bytes())
    with pytest.raises(ModelFormatError, match=r"alone\.json: No such file"):
        cnn.convert(alone, *splits)


def test_augmentation_moves_pixels_and_keeps_their_range():
    tf, _ = cnn.load_tensorflow()
    images = np.random.default_rng(0).integers(0, 256, (6, 16, 16, 3), np.uint8)
    seed = tf.constant([1, 2], tf.int64)
    changed = _data.augment(tf.constant(images), seed, _data.Augmentation()).numpy()
    assert changed.shape == images.shape
    assert changed.min() >= 0
    assert changed.max() <= 255
    assert np.abs(changed - images).mean() > 10


def test_no_augmentation_is_the_identity_and_flip_mirrors():
    tf, _ = cnn.load_tensorflow()
    images = np.random.default_rng(0).integers(0, 256, (40, 16, 16, 3), np.uint8)
    seed = tf.constant([1, 2], tf.int64)
    still = _data.Augmentation(0, 0, 0, 0, 0, 0, 0, flip=False)
    same = _data.augment(tf.constant(images), seed, still).numpy()
    np.testing.assert_allclose(same, images, atol=1e-2)
    flipped = _data.augment(tf.constant(images), seed, replace(still, flip=True)).numpy()
    is_mirrored = [
        np.allclose(a, b[:, ::-1], atol=1e-2) for a, b in zip(flipped, images, strict=True)
    ]
    is_same = [np.allclose(a, b, atol=1e-2) for a, b in zip(flipped, images, strict=True)]
    assert 8 < sum(is_mirrored) < 32
    assert sum(is_mirrored) + sum(is_same) == 40


def test_commands_train_and_convert(sample, tmp_path, run, monkeypatch):
    monkeypatch.setitem(_architectures.ARCHITECTURES, "tiny", _architectures.ARCHITECTURES["small"])
    file = tmp_path / "net.keras"
    status, out, _ = run(
        "cnn", "train", "--data", sample, "--out", file, "--epochs", "1", "--batch-size", "32"
    )
    assert status == 0
    assert "accuracy" in out
    status, out, _ = run("cnn", "convert", file, "--data", sample)
    assert status == 0
    assert [line.partition(": ")[0] for line in out.splitlines()] == [
        str(tmp_path / f"net-{precision}.tflite") for precision in ("float32", "dynamic", "int8")
    ]
    card = json.loads((tmp_path / "net-int8.json").read_text(encoding="utf-8"))
    assert card["training_command"].startswith("cvpark cnn train --arch tiny")
