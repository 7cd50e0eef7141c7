"""Training and conversion with a network of a few hundred parameters."""

from __future__ import annotations

import csv
import hashlib
import json
import tomllib
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("tensorflow")

from cvpark import cnn
from cvpark.cnn import _architectures, _callbacks, _convert, _data, _schedule, _train
from cvpark.datasets import Dataset
from cvpark.exceptions import (
    AccuracyLossWarning,
    CVParkError,
    DatasetError,
    ModelFormatError,
    SettingsError,
    SplitMismatchError,
)
from cvpark.models import CNN

pytestmark = pytest.mark.tensorflow


def _small(x):
    x = _architectures._convolution(x, 8, 5, 4)
    layers = cnn.load_tensorflow()[1].layers
    return layers.GlobalAveragePooling2D()(_architectures._convolution(x, 8, 3, 2))


def _on_a_base(x):
    keras = cnn.load_tensorflow()[1]
    given = keras.Input((16, 16, 3))
    base = keras.Model(given, _architectures._convolution(given, 8, 5, 4), name="base")
    return keras.layers.GlobalAveragePooling2D()(base(x))


@pytest.fixture(scope="module", autouse=True)
def small():
    """Adds the architectures ``small``, some thousand parameters, and ``based``, both 16 pixels."""
    with pytest.MonkeyPatch.context() as patch:
        for name, architecture in (
            ("small", _architectures.Architecture(_small, 16)),
            ("based", _architectures.Architecture(_on_a_base, 16, dense=4, has_base=True)),
        ):
            patch.setitem(_architectures.ARCHITECTURES, name, architecture)
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
    assert left == ["log.csv", "run.json", "tensorboard"]


def test_options_are_written_for_the_next_training(trained):
    file, card = trained
    written = tomllib.loads(file.with_suffix(".toml").read_text(encoding="utf-8"))
    assert written == card["options"] == replace(OPTIONS, dense=0, dropout=0.0).to_dict()


def test_tensorboard_finds_what_the_log_says(trained):
    tf, _ = cnn.load_tensorflow()
    file, _ = trained
    curves = {}
    (events,) = file.with_suffix(".training").glob("tensorboard/events.out.tfevents.*")
    for record in tf.data.TFRecordDataset(str(events)):
        event = tf.compat.v1.Event.FromString(record.numpy())
        for value in event.summary.value:
            assert value.metadata.plugin_data.plugin_name == "scalars"
            curves.setdefault(value.tag, []).append(float(tf.make_ndarray(value.tensor)))
    for tag, column in {
        "loss/training": "loss",
        "loss/validation": "val_loss",
        "accuracy/training": "accuracy",
        "accuracy/validation": "val_accuracy",
    }.items():
        logged = [float(row[column]) for row in log_of(file)]
        assert curves[tag] == pytest.approx(logged, rel=1e-6)


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
    callbacks = _train.make_callbacks
    _, keras = cnn.load_tensorflow()

    class Kill(keras.callbacks.Callback):
        def on_epoch_begin(self, index, logs=None):
            if index == epoch:
                raise Killed

    monkeypatch.setattr(_train, "make_callbacks", lambda *args: [*callbacks(*args), Kill()])


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


def weights_of_base(file):
    _, keras = cnn.load_tensorflow()
    return keras.models.load_model(file, compile=False).get_layer("base").get_weights()


def test_frozen_epochs_leave_the_downloaded_weights_and_the_others_tune_them(splits, tmp_path):
    _, keras = cnn.load_tensorflow()
    options = replace(OPTIONS, architecture="based", frozen_epochs=1, epochs=1)
    keras.utils.set_random_seed(5)
    source = _architectures.build(options).get_layer("base")
    source.save_weights(tmp_path / "base.weights.h5")
    options = replace(options, weights=str(tmp_path / "base.weights.h5"))
    cnn.train(*splits, tmp_path / "head.keras", options)
    for now, before in zip(
        weights_of_base(tmp_path / "head.keras"), source.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(now, before)
    # The best epoch is kept: the frozen one is to learn nothing, the others slowly enough.
    options = replace(options, epochs=16, frozen_learning_rate=1e-7, learning_rate=3e-3)
    card = cnn.train(*splits, tmp_path / "all.keras", options)
    now = weights_of_base(tmp_path / "all.keras")[0]
    assert np.abs(now - source.get_weights()[0]).max() > 1e-4
    assert len(log_of(tmp_path / "all.keras")) == 16
    assert card["options"]["dense"] == 4
    content = (tmp_path / "base.weights.h5").read_bytes()
    assert card["weights_sha256"] == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize("epoch", [1, 2, 3])
def test_an_interrupted_fine_tuning_goes_on(splits, tmp_path, monkeypatch, epoch):
    file = tmp_path / "tuned.keras"
    options = replace(OPTIONS, architecture="based", frozen_epochs=2, epochs=4)
    with monkeypatch.context() as patch:
        interrupt(patch, epoch)
        with pytest.raises(Killed):
            cnn.train(*splits, file, options)
    cnn.train(*splits, file, options)
    assert [row["epoch"] for row in log_of(file)] == ["0", "1", "2", "3"]


def test_weights_that_do_not_fit(splits, tmp_path):
    options = replace(OPTIONS, architecture="based", weights=str(tmp_path / "gone.h5"))
    with pytest.raises(ModelFormatError, match=r"gone\.h5: no such file"):
        cnn.train(*splits, tmp_path / "net.keras", options)
    other = _architectures.build(replace(OPTIONS, architecture="tiny"))
    for name in ("other.weights.h5", "other.keras", "text.h5"):
        file = tmp_path / name
        if name == "other.keras":
            other.save(file)
        elif name == "text.h5":
            file.write_text("no weights")
        else:
            other.save_weights(file)
        with pytest.raises(ModelFormatError, match=f"{name}: not weights of this network"):
            cnn.train(*splits, tmp_path / "net.keras", replace(options, weights=str(file)))
    with pytest.raises(SettingsError, match="small is trained from random weights"):
        cnn.train(*splits, tmp_path / "net.keras", replace(OPTIONS, weights="w.h5"))
    assert not (tmp_path / "net.training").exists()


def test_a_training_without_progress_stops_early(splits, tmp_path):
    file = tmp_path / "stuck.keras"
    # At this rate nothing is learned, and each validation loss equals the first.
    stuck = replace(OPTIONS, learning_rate=1e-30, weight_decay=0.0, optimizer="sgd", patience=2)
    cnn.train(*splits, file, replace(stuck, epochs=50, decay="plateau"))
    n_epochs = len(log_of(file))
    losses = [float(row["val_loss"]) for row in log_of(file)]
    assert 3 <= n_epochs < 50
    assert _schedule.is_over(losses, 2)
    assert not _schedule.is_over(losses[:-1], 2)


def test_the_rate_falls_where_the_loss_stays(splits, tmp_path, monkeypatch):
    rates = []
    callbacks = _train.make_callbacks
    _, keras = cnn.load_tensorflow()

    def watched(network, *args):
        def note(*_):
            rates.append(float(network.optimizer.learning_rate))

        return [*callbacks(network, *args), keras.callbacks.LambdaCallback(on_epoch_begin=note)]

    read = _callbacks.read_losses
    monkeypatch.setattr(_train, "make_callbacks", watched)
    monkeypatch.setattr(_callbacks, "read_losses", lambda log: dict.fromkeys(read(log), 0.5))
    options = replace(OPTIONS, epochs=5, decay="plateau", decay_patience=2, optimizer="sgd")
    cnn.train(*splits, tmp_path / "plateau.keras", replace(options, learning_rate=0.1))
    assert rates == pytest.approx([0.1, 0.1, 0.1, 0.1 / 3, 0.1 / 3])


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


@pytest.mark.parametrize(
    ("name", "size", "parameters"),
    [
        ("tiny", 64, 200_481),
        ("malexnet", 150, 32_529),
        ("mobilenet", 96, 2_259_265),
        pytest.param("xception", 150, 20_863_529, marks=pytest.mark.slow),
    ],
)
def test_architectures(name, size, parameters):
    network = _architectures.build(cnn.TrainingOptions(name))
    assert network.count_params() == parameters
    assert network.input_shape == (None, size, size, 3)
    assert network.output_shape == (None, 1)


def test_inner_layers_are_as_asked():
    network = _architectures.build(cnn.TrainingOptions("tiny", dense=7, dropout=0.4))
    dense, dropout, _ = network.layers[-3:]
    assert (dense.units, dropout.rate) == (7, 0.4)


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
        given, answer = (done.card["signature"][side] for side in ("input", "output"))
        assert (given["name"], given["shape"], answer["shape"]) == (
            "pixels",
            [-1, 16, 16, 3],
            [-1, 1],
        )
        assert given["dtype"] == ("uint8" if done.card["precision"] == "int8" else "float32")
        assert (given["quantization"] is None) == (given["dtype"] == "float32")
        assert done.card["classes"] == ["free", "busy"]
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
    changed = _data.augment(tf.constant(images), seed, cnn.Augmentation()).numpy()
    assert changed.shape == images.shape
    assert changed.min() >= 0
    assert changed.max() <= 255
    assert np.abs(changed - images).mean() > 10


def test_no_augmentation_is_the_identity_and_flip_mirrors():
    tf, _ = cnn.load_tensorflow()
    images = np.random.default_rng(0).integers(0, 256, (40, 16, 16, 3), np.uint8)
    seed = tf.constant([1, 2], tf.int64)
    still = cnn.Augmentation(0, 0, 0, 0, 0, 0, 0, flip=False)
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
    config = tmp_path / "mine.toml"
    config.write_text("epochs = 9\nbatch_size = 32\n", encoding="utf-8")
    asked = ("--config", config, "--epochs", "1", "--no-flip")
    status, out, _ = run("cnn", "train", "--data", sample, "--out", file, *asked)
    assert status == 0
    assert "accuracy" in out
    status, out, _ = run("cnn", "convert", file, "--data", sample)
    assert status == 0
    assert [line.partition(": ")[0] for line in out.splitlines()] == [
        str(tmp_path / f"net-{precision}.tflite") for precision in ("float32", "dynamic", "int8")
    ]
    card = json.loads((tmp_path / "net-int8.json").read_text(encoding="utf-8"))
    expected = (
        "cvpark cnn train --protocol cnr-ext --arch tiny --epochs 1 --batch-size 32 --no-flip"
    )
    assert card["training_command"] == expected
    assert cnn.read_options(tmp_path / "net.toml").augmentation == cnn.Augmentation(flip=False)
