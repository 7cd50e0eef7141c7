"""Options of a CNN's training: settings file, command line; needs no TensorFlow."""

from __future__ import annotations

import math
import shlex
from dataclasses import fields, replace
from pathlib import Path

import pytest

from cvpark.cli import _cnn
from cvpark.cli._config import Config
from cvpark.cli.cnn import train
from cvpark.cnn import (
    ARCHITECTURES,
    Augmentation,
    TrainingOptions,
    choices,
    read_options,
    write_options,
)
from cvpark.cnn._architectures import complete
from cvpark.cnn._schedule import is_over, plateau_rate
from cvpark.exceptions import SettingsError

ALL_CHANGED = TrainingOptions(
    architecture="xception",
    weights="my weights.h5",
    dense=64,
    dropout=0.5,
    epochs=7,
    frozen_epochs=2,
    batch_size=16,
    optimizer="sgd",
    learning_rate=1e-4,
    frozen_learning_rate=2e-3,
    decay="plateau",
    decay_patience=2,
    patience=0,
    weight_decay=0.0,
    label_smoothing=0.0,
    augmentation=Augmentation(1.0, 0.2, 0.3, 0.0, 0.5, 0.6, 0.7, flip=False),
    seed=3,
)


def parse(arguments):
    """Options that `cvpark cnn train` takes from a command line without a settings file."""
    context = train.make_context("train", list(arguments))
    given = {
        name: value
        for name, value in context.params.items()
        if context.get_parameter_source(name).name == "COMMANDLINE"
    }
    return _cnn.merge(None, given)


def test_every_option_differs_from_its_default_in_the_example():
    for part, default in (
        (ALL_CHANGED, TrainingOptions()),
        (ALL_CHANGED.augmentation, Augmentation()),
    ):
        for each in fields(part):
            assert getattr(part, each.name) != getattr(default, each.name)


@pytest.mark.parametrize("options", [TrainingOptions(), ALL_CHANGED])
def test_file_and_command_line_say_all_there_is(options, tmp_path):
    file = tmp_path / "options.toml"
    write_options(options, file)
    assert read_options(file) == options
    assert parse(shlex.split(_cnn.spell_out(options))) == options


def test_only_what_is_not_the_default_is_spelled_out():
    assert _cnn.spell_out(TrainingOptions(epochs=3)) == "--arch tiny --epochs 3"


def test_the_command_offers_what_the_library_does():
    offered = {option.name: option for option in train.params}
    names = {**choices(TrainingOptions), **choices(Augmentation)}
    assert len(names) == len(fields(TrainingOptions)) - 1 + len(fields(Augmentation))
    assert {name: offered[name].default for name in names} == {
        name: choice.default for name, choice in names.items()
    }
    assert tuple(offered["architecture"].type.choices) == tuple(ARCHITECTURES)


def test_the_command_line_goes_before_the_file():
    config = Config(Path("options.toml"), ALL_CHANGED.to_dict())
    merged = _cnn.merge(config, {"epochs": 24, "flip": True})
    expected = replace(
        ALL_CHANGED, epochs=24, augmentation=replace(ALL_CHANGED.augmentation, flip=True)
    )
    assert merged == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("epochs = 0", "epochs is 0, expected at least 1"),
        ("epochs = 2.5", "epochs is 2.5, expected a whole number"),
        ("epochs = true", "epochs is True, expected a whole number"),
        ("epoch = 3", "unknown key 'epoch'; there are: architecture, weights"),
        ("learning_rate = 0", "learning_rate is 0.0, expected more than 0"),
        ("learning_rate = nan", "learning_rate is nan, expected more than 0"),
        ("dropout = 1.0", "dropout is 1.0, expected at most 0.99"),
        ('optimizer = "lion"', "optimizer is 'lion', expected one of adam, sgd"),
        ("weights = 1", "weights is 1, expected a text"),
        ("augmentation = 1", "augmentation is 1, expected a table"),
        ("[augmentation]\nflip = 1", r"\[augmentation\]: flip is 1, expected true or false"),
        ("[augmentation]\nrotate = 1", r"\[augmentation\]: unknown key 'rotate'"),
        ("epochs 3", "not TOML"),
    ],
)
def test_what_a_file_must_not_say(text, message, tmp_path, run):
    file = tmp_path / "mine.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError, match=rf"mine\.toml: .*{message}|mine\.toml: {message}"):
        read_options(file)
    status, out, err = run("cnn", "train", "--config", file)
    assert (status, out) == (1, "")
    assert "mine.toml" in err
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize(
    "arguments",
    [("--epochs", "0"), ("--arch", "huge"), ("--learning-rate", "0"), ("--rotation", "x")],
)
def test_what_a_command_line_must_not_say(arguments, run):
    assert run("cnn", "train", *arguments)[0] == 2


def test_weights_and_frozen_epochs_are_for_networks_with_a_base():
    for options in (TrainingOptions(weights="w.h5"), TrainingOptions("malexnet", frozen_epochs=1)):
        with pytest.raises(SettingsError, match="for mobilenet, xception"):
            complete(options)


def test_the_architecture_completes_what_is_left_to_it():
    done = complete(TrainingOptions("malexnet"))
    assert (done.dense, done.dropout) == (48, 0.0)
    assert complete(TrainingOptions("malexnet", dense=0, dropout=0.1)).dense == 0
    with pytest.raises(ValueError, match="no architecture 'huge'"):
        complete(TrainingOptions("huge"))


def test_a_training_is_over_when_its_patience_is():
    assert not is_over([], 1)
    assert not is_over([0.3, 0.2, 0.1], 1)
    assert is_over([0.1, 0.1], 1)
    assert not is_over([0.1, 0.2, 0.05], 1)
    assert not is_over([0.1] * 50, 0)


def test_the_rate_falls_on_a_plateau_only():
    assert plateau_rate(1.0, [0.5, 0.4, 0.3], 2) == 1.0
    assert plateau_rate(1.0, [0.5, 0.6, 0.6], 2) == pytest.approx(1 / 3)
    assert plateau_rate(1.0, [0.5, 0.6, 0.6, 0.4, 0.5], 2) == pytest.approx(1 / 3)
    assert plateau_rate(1.0, [0.5] * 7, 2) == pytest.approx(1 / 27)
    assert math.isclose(plateau_rate(1.0, [], 2), 1.0)
