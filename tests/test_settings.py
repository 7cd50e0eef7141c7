"""Settings files: read, written, refused, and taken by extract and train."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from cvpark.exceptions import SettingsError
from cvpark.features import Descriptor, FeatureStore
from cvpark.models import (
    FACTORIES,
    Settings,
    default_parameters,
    read_manifest,
    read_settings,
    write_settings,
)

SMALL = """
model = "svm-linear"
[descriptor]
size = 32
[[descriptor.extractors]]
kind = "lbp"
neighbors = "pixels"
grid = [2, 2]
[classifier]
C = 0.02
"""


@pytest.fixture
def small(tmp_path):
    file = tmp_path / "small.toml"
    file.write_text(SMALL)
    return file


def test_what_is_left_out_of_a_descriptor_is_spelled_out(small):
    settings = read_settings(small)
    assert (settings.model, settings.classifier) == ("svm-linear", {"C": 0.02})
    assert settings.descriptor == {
        "size": 32,
        "extractors": [
            {
                "kind": "lbp", "n_points": 8, "radius": 1, "method": "uniform",
                "neighbors": "pixels", "grid": [2, 2], "transform_sqrt": True,
            }
        ],
    }  # fmt: skip


def test_every_part_may_be_left_out(tmp_path):
    file = tmp_path / "a.toml"
    file.write_text("")
    assert read_settings(file) == Settings()
    file.write_text("[descriptor]\nsize = 48\n")
    expected = Descriptor(size=48).to_config()
    assert read_settings(file).descriptor == expected
    file.write_text("[[descriptor.extractors]]\nkind = 'color'\n")
    assert read_settings(file).descriptor == Descriptor(extractors=["color"]).to_config()


@pytest.mark.parametrize("kind", FACTORIES)
def test_what_is_written_is_read_again(kind, tmp_path):
    settings = Settings(kind, Descriptor(size=48).to_config(), default_parameters(kind))
    file = write_settings(settings, tmp_path / "a.toml")
    read = read_settings(file)
    assert (read.model, read.descriptor) == (kind, settings.descriptor)
    given = {name: value for name, value in settings.classifier.items() if value is not None}
    assert read.classifier == given == tomllib.loads(file.read_text())["classifier"]
    assert FACTORIES[kind](**read.classifier).get_params().keys()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.toml"]


def test_default_parameters_are_those_of_the_factory():
    linear = FACTORIES["svm-linear"]().get_params()
    assert default_parameters("svm-linear") == {
        name: linear[f"classify__{name}"] for name in ("C", "class_weight")
    }
    assert "seed" not in default_parameters("gbdt")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("model = ", "not TOML"),
        ("model = 'svm'\nmodel = 'svm'", "not TOML"),
        ("kind = 'svm'", "unknown key 'kind'; there are: model, descriptor, classifier"),
        ("model = 'svc'", "model is 'svc', expected one of svm, svm-linear, gbdt"),
        ("model = ['svm']", "model is ['svm']"),
        ("descriptor = 'hog'", "descriptor is 'hog', expected a table"),
        ("classifier = []", "classifier is [], expected a table"),
        ("[descriptor]\nside = 48", "[descriptor]: unknown key 'side'; there are: size"),
        ("[descriptor]\nsize = 48.5", "[descriptor]: size is 48.5"),
        ("[descriptor]\nsize = true", "size is True"),
        ("[descriptor]\nsize = 0", "size is 0"),
        ("[descriptor]\nextractors = []", "one or more tables [[descriptor.extractors]]"),
        ("[descriptor]\nextractors = 'hog'", "one or more tables [[descriptor.extractors]]"),
        ("[descriptor]\nextractors = ['hog']", "[[descriptor.extractors]] 1: kind is 'hog'"),
        (
            "[[descriptor.extractors]]\nsize = 3",
            "kind is None, expected one of hog, lbp, color, moments",
        ),
        (
            "[[descriptor.extractors]]\nkind = 'lbp'\n[[descriptor.extractors]]\nkind = 'sift'",
            "[[descriptor.extractors]] 2: kind is 'sift'",
        ),
        ("[[descriptor.extractors]]\nkind = 'hog'\ncells = 8", "1: unknown key 'cells'"),
        ("[[descriptor.extractors]]\nkind = 'hog'\nn_jobs = 2", "1: unknown key 'n_jobs'"),
        (
            "[[descriptor.extractors]]\nkind = 'hog'\norientations = 'nine'",
            "[[descriptor.extractors]] 1: orientations is 'nine', expected an integer",
        ),
        (
            "[[descriptor.extractors]]\nkind = 'lbp'\ntransform_sqrt = 'no'",
            "transform_sqrt is 'no', expected true or false",
        ),
        (
            "[descriptor]\nsize = 8\n[[descriptor.extractors]]\nkind = 'hog'",
            "images of 8x8 pixels are smaller than one block",
        ),
        ("[classifier]\nC = 1", "[classifier]: parameters of what?"),
        ("model = 'svm'\n[classifier]\ndegree = 3", "[classifier]: unknown key 'degree'"),
        ("model = 'svm'\n[classifier]\nseed = 3", "[classifier]: unknown key 'seed'"),
        ("model = 'svm'\n[classifier]\nC = true", "[classifier]: C is True"),
        ("model = 'svm'\n[classifier]\nC = [1]", "[classifier]: C is [1]"),
        ("model = 'svm'\n[classifier]\nC = '5'", "[classifier]: The 'C' parameter of SVC must"),
        ("model = 'svm'\n[classifier]\nC = -1.0", "[classifier]: The 'C' parameter of SVC must"),
        ("model = 'svm'\n[classifier]\nC = nan", "[classifier]: The 'C' parameter of SVC must"),
        ("model = 'svm'\n[classifier]\ngamma = 'wide'", "The 'gamma' parameter of SVC"),
        ("model = 'gbdt'\n[classifier]\nmax_features = 2.0", "The 'max_features' parameter"),
    ],
)
def test_what_cannot_be_is_refused_in_a_line_that_names_file_and_key(run, tmp_path, text, said):
    file = tmp_path / "bad.toml"
    file.write_text(text)
    with pytest.raises(SettingsError) as refused:
        read_settings(file)
    assert str(refused.value).startswith(f"{file}: ")
    assert said in str(refused.value)
    status, _, err = run("train", "--config", file)
    assert status == 1
    assert len(err.splitlines()) == 1
    assert str(file) in err


def test_bytes_that_are_no_text_are_refused(tmp_path):
    file = tmp_path / "bad.toml"
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SettingsError, match="not TOML"):
        read_settings(file)


def test_extract_and_train_take_a_settings_file(run, sample, small, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    status, _, err = run("extract", "features", "--config", small, "--data", sample)
    assert status == 0, err
    descriptor = read_settings(small).descriptor
    assert FeatureStore("features").descriptor.to_config() == descriptor
    status, out, err = run("train", "--config", small, "--data", sample)
    assert status == 0, err
    assert "using the features in ./features" in err
    assert "svm-linear trained on" in out
    manifest = read_manifest(Path("svm-linear.cvpark"))
    assert manifest["kind"] == "svm-linear"
    assert manifest["descriptor"] == descriptor
    assert manifest["parameters"] == {"C": 0.02}


def test_train_without_features_extracts_the_descriptor_of_the_settings(
    run, sample, small, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    status, _, err = run("train", "--config", small, "--data", sample, "--out", "a.cvpark")
    assert status == 0, err
    assert read_manifest(Path("a.cvpark"))["descriptor"] == read_settings(small).descriptor
    assert not Path("features").exists()


def test_features_of_another_descriptor_are_refused_and_how_to_extract_is_said(
    run, sample, small, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    run("extract", "other", "--descriptor", "lbp", "--split", "train,val", "--data", sample)
    status, _, err = run("train", "--config", small, "--features", "other", "--data", sample)
    assert status == 1
    assert "other: holds features of another descriptor" in err
    assert f"cvpark extract DIR --config {small}" in err
    # Without a descriptor the settings leave it to the features.
    free = tmp_path / "free.toml"
    free.write_text("model = 'svm-linear'\n[classifier]\nC = 0.01\n")
    status, _, err = run("train", "--config", free, "--features", "other", "--data", sample)
    assert status == 0, err
    # More components than columns would fail deep in scikit-learn.
    many = tmp_path / "many.toml"
    many.write_text("model = 'svm'\n[classifier]\nn_components = 161\n")
    status, _, err = run("train", "--config", many, "--features", "other", "--data", sample)
    assert status == 1
    assert "n_components is 161, but there are 160 columns" in err


def test_options_that_contradict_settings_are_wrong_usage(run, sample, small, tmp_path):
    status, _, err = run("train", "--model", "svm", "--config", small, "--data", sample)
    assert status == 2
    assert f"--model svm, but {small} is for svm-linear" in err
    status, _, err = run("train", "--data", sample)
    assert status == 2
    assert "give --model, or --config" in err
    nameless = tmp_path / "nameless.toml"
    nameless.write_text("[descriptor]\nsize = 48\n")
    status, _, err = run("train", "--config", nameless, "--data", sample)
    assert status == 2
    assert "names no model" in err
    status, _, err = run("extract", "f", "--config", small, "--descriptor", "hog", "--data", sample)
    assert status == 2
    assert "--descriptor or --config" in err
    status, _, err = run("train", "--config", tmp_path / "none.toml", "--data", sample)
    assert status == 2
    assert "none.toml" in err


def test_a_target_sets_the_threshold(run, sample, small, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    command = ("train", "--config", small, "--data", sample)
    status, _, err = run(*command, "--target-recall", "1", "--out", "a.cvpark")
    assert status == 0, err
    manifest = read_manifest(Path("a.cvpark"))
    assert manifest["threshold_target"] == {"target_recall": 1.0}
    assert manifest["validation"]["recall"] == 1.0
    for value in ("0", "1.5"):
        status, _, err = run(*command, "--target-precision", value)
        assert status == 2
    status, _, err = run(*command, "--target-precision", "0.9", "--target-recall", "0.9")
    assert status == 2
    assert "--target-precision or --target-recall" in err
