"""The search for parameters: grouped, resumable, never worse than the defaults."""

from __future__ import annotations

import csv
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from cvpark.datasets import Dataset, Split
from cvpark.evaluation import FoldFigures, _tuning, cross_validate, day_folds, thin_out, tune
from cvpark.exceptions import DatasetError, SplitMismatchError
from cvpark.features import Descriptor, FeatureStore
from cvpark.models import (
    FACTORIES,
    default_parameters,
    fit_narrow,
    make_calibration,
    read_manifest,
    read_settings,
)

DESCRIPTORS = {"fine": ["lbp"], "coarse": ["color"]}


@pytest.fixture(scope="module")
def split(sample):
    dataset = Dataset(sample)
    return dataset.split("train+val")


@pytest.fixture(scope="module")
def stores(sample, tmp_path_factory):
    """Two small descriptors of the sample."""
    from cvpark.datasets import read_image

    dataset = Dataset(sample)
    made = []
    for name, extractors in DESCRIPTORS.items():
        store = FeatureStore(tmp_path_factory.mktemp("tuning") / name)
        paths = dataset.everything().paths
        descriptor = Descriptor(extractors=extractors, size=32)
        store.extend(paths, lambda path: read_image(dataset.locate(path)), descriptor)
        made.append(store)
    return made


def search(split, stores, out, n_trials, **options):
    options = {"n_folds": 3} | options
    return tune("svm-linear", split, stores[:1], out, n_trials=n_trials, **options)


def stable(trials):
    """What an interruption must not change: all but numbers and times."""
    return [{k: v for k, v in row.items() if k not in ("number", "fit_seconds")} for row in trials]


@pytest.fixture
def scripted(monkeypatch):
    """Replaces the folds by figures: a list of what trials have after two and three folds."""

    def script(*accuracies):
        remaining = list(accuracies)
        seen = []

        def cross_validate(kind, X, y, folds, *, parameters, seed):
            seen.append(parameters)
            for step, accuracy in enumerate(remaining.pop(0), 2):
                yield FoldFigures(accuracy, accuracy, 1 - accuracy, 1.0, (accuracy,) * step)

        monkeypatch.setattr(_tuning, "cross_validate", cross_validate)
        return seen

    return script


def test_a_day_is_never_on_both_sides(split):
    days = split.metadata().day.to_numpy()
    cameras = split.metadata().camera
    assert cameras.nunique() > 1
    folds = day_folds(split, 4, seed=3)
    assert len(folds) == 4
    held_out = np.concatenate([held for _, held in folds])
    assert sorted(held_out) == list(range(len(split)))
    for fit, held in folds:
        assert not set(days[fit]) & set(days[held])
        assert len(fit) + len(held) == len(split)
        assert set(split.labels[held]) == {0, 1}


def test_days_that_do_not_suffice_are_told(split):
    n_days = split.metadata().day.nunique()
    with pytest.raises(DatasetError, match=f"of {n_days} days.*--folds {n_days} would do"):
        day_folds(split, n_days + 1)
    one_day = split.select((split.metadata().day == split.metadata().day[0]).to_numpy())
    with pytest.raises(DatasetError, match=r"of 1 days, too few for 2 folds of whole days$"):
        day_folds(one_day, 2)
    names = [f"A/free/2015070{day}_1410_{slot}.jpg" for day in (1, 2, 3) for slot in range(4)]
    labels = np.repeat([0, 1, 1], 4).astype(np.uint8)
    with pytest.raises(DatasetError, match="one class only"):
        day_folds(Split("mine", tuple(names), labels), 3)


def test_a_subset_keeps_the_shares_of_days_and_classes(split):
    thinned = thin_out(split, 150, seed=1)
    assert len(thinned) == 150
    assert len(set(thinned.paths)) == 150
    expected = split.metadata().groupby(["day", "occupancy"]).size() * 150 / len(split)
    got = thinned.metadata().groupby(["day", "occupancy"]).size()
    assert (got - expected).abs().max() <= 1
    assert thin_out(split, 150, seed=1).paths == thinned.paths
    assert thin_out(split, 150, seed=2).paths != thinned.paths
    assert thin_out(split, len(split)) is split
    order = {path: row for row, path in enumerate(split.paths)}
    rows = [order[path] for path in thinned.paths]
    assert rows == sorted(rows)


def test_figures_are_of_days_neither_fitted_nor_calibrated_on(split, stores):
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import brier_score_loss, roc_auc_score

    X, y = stores[0].matrix(split.paths), split.labels
    folds = day_folds(split, 3)
    *_, last = cross_validate("svm-linear", X, y, folds, parameters={"C": 0.01}, seed=0)
    scores = np.empty(len(y))
    for fit, held in folds:
        classifier = fit_narrow(FACTORIES["svm-linear"](0, C=0.01), X[fit], y[fit])
        scores[held] = classifier.decision_function(X[held])
    busy = np.empty(len(y))
    for fit, held in folds:
        sigmoid = LogisticRegression(C=np.inf).fit(scores[fit, None], y[fit])
        busy[held] = sigmoid.predict_proba(scores[held, None])[:, 1]
    # Platt's targets differ a little from 0 and 1, and only cvpark's sigmoid has them.
    assert last.accuracy == pytest.approx(((busy >= 0.5) == y).mean(), abs=0.01)
    assert last.auc == pytest.approx(roc_auc_score(y, busy), abs=0.005)
    assert last.brier == pytest.approx(brier_score_loss(y, busy), abs=0.005)
    sizes = [len(held) for _, held in folds]
    assert np.average(last.folds, weights=sizes) == pytest.approx(last.accuracy)
    assert last.fit_seconds > 0


def test_the_first_trial_has_the_defaults_and_the_best_is_no_worse(split, stores, tmp_path):
    tuning = search(split, stores, tmp_path, 4)
    first = tuning.trials[0]
    assert first == tuning.defaults
    assert first["state"] == "complete"
    defaults = default_parameters("svm-linear")
    assert {name: first[name] for name in defaults} == defaults
    X, folds = stores[0].matrix(split.paths), day_folds(split, 3)
    *_, default = cross_validate("svm-linear", X, split.labels, folds)
    assert first["accuracy"] == default.accuracy
    complete = [row["accuracy"] for row in tuning.trials if row["state"] == "complete"]
    assert tuning.best["accuracy"] == max(complete) >= first["accuracy"]
    assert len({row["C"] for row in tuning.trials}) == 4


def test_files_hold_what_the_search_found(split, stores, tmp_path):
    tuning = search(split, stores, tmp_path, 3)
    with tuning.trials_file.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert list(rows[0]) == [
        "number", "state", "accuracy", "auc", "brier", "fit_seconds", "features",
        "C", "class_weight", "fold_1", "fold_2", "fold_3",
    ]  # fmt: skip
    for row, trial in zip(rows, tuning.trials, strict=True):
        assert row == {k: "" if v is None else str(v) for k, v in trial.items()}
    settings = read_settings(tuning.settings_file)
    assert settings.model == "svm-linear"
    assert settings.descriptor == stores[0].descriptor.to_config()
    assert settings.classifier["C"] == tuning.best["C"]
    assert {path.name for path in tmp_path.iterdir()} == {"search.log", "trials.csv", "best.toml"}


@pytest.mark.parametrize("kind", ["svm", "gbdt"])
def test_other_kinds_are_searched_in_their_own_spaces(split, stores, tmp_path, kind, monkeypatch):
    if kind == "gbdt":  # as many trees take half a minute
        from cvpark.evaluation._spaces import SPACES, Range

        monkeypatch.setitem(SPACES["gbdt"], "max_iter", Range(2, 400))
    part = thin_out(split, 150)
    tuning = tune(kind, part, stores[:1], tmp_path, n_trials=2, n_folds=2)
    settings = read_settings(tuning.settings_file)
    assert settings.model == kind
    second = tuning.trials[1]
    if kind == "svm":
        assert tuning.defaults["gamma"] == default_parameters(kind)["gamma"]
        assert isinstance(second["gamma"], float)
        assert second["n_components"] <= 100  # patches of a fold are fewer than 192
    else:
        assert tuning.defaults["l2_regularization"] == 0.0
        assert second["max_leaf_nodes"] in range(15, 64)


def test_gamma_is_searched_around_what_scale_comes_to(split, stores):
    search_ = _tuning._Search("svm", split, stores[:1], 3, seed=0)
    X, y = stores[0].matrix(split.paths), split.labels
    machine = fit_narrow(FACTORIES["svm"](0, n_components=64, gamma="scale"), X, y)[-1]
    assert 1 / search_._variance(0, 64) == pytest.approx(machine._gamma, rel=0.01)


def test_several_descriptors_are_searched_over(split, stores, tmp_path):
    tuning = tune("svm-linear", split, stores, tmp_path, n_trials=8, n_folds=3)
    folders = {str(store.folder): store for store in stores}
    assert {row["features"] for row in tuning.trials} == set(folders)
    assert tuning.defaults["features"] == str(stores[0].folder)
    best = folders[tuning.best["features"]].descriptor.to_config()
    assert tuning.settings.descriptor == best


def test_an_interrupted_search_goes_on_as_if_it_never_was(split, stores, tmp_path, monkeypatch):
    whole = search(split, stores, tmp_path / "whole", 6)
    with monkeypatch.context() as patch:
        patch.setattr(_tuning, "cross_validate", _interrupting(3))
        with pytest.raises(KeyboardInterrupt):
            search(split, stores, tmp_path / "parts", 6)
    rows = (tmp_path / "parts" / "trials.csv").read_text().splitlines()
    assert len(rows) == 1 + 2
    resumed = search(split, stores, tmp_path / "parts", 6)
    assert stable(resumed.trials) == stable(whole.trials)
    assert resumed.settings == whole.settings


def _interrupting(at):
    """`cross_validate`, interrupted in the ``at``-th trial after its second fold."""
    calls = iter(range(1, 100))

    def interrupted(*arguments, **options):
        number = next(calls)
        for figures in cross_validate(*arguments, **options):
            if number == at and len(figures.folds) == 3:
                raise KeyboardInterrupt
            yield figures

    return interrupted


def test_even_the_first_trial_may_be_interrupted(split, stores, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(_tuning, "cross_validate", _interrupting(1))
        with pytest.raises(KeyboardInterrupt):
            search(split, stores, tmp_path, 2)
    tuning = search(split, stores, tmp_path, 2)
    assert len(tuning.trials) == 2
    assert tuning.trials[0] == tuning.defaults
    assert tuning.defaults["C"] == default_parameters("svm-linear")["C"]


@pytest.mark.slow
def test_a_killed_command_goes_on(run, sample, stores, tmp_path):
    out = tmp_path / "out"
    options = ["--model", "svm-linear", "--data", str(sample), "--folds", "3",
               "--features", str(stores[0].folder), "--out", str(out)]  # fmt: skip
    command = [sys.executable, "-m", "cvpark", "tune", *options, "--trials", "1000"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        deadline = time.monotonic() + 120
        while not (out / "trials.csv").exists() or len(_rows(out)) < 3:
            assert process.poll() is None, process.stderr.read()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        process.send_signal(signal.SIGKILL if hasattr(signal, "SIGKILL") else signal.SIGTERM)
    before = _rows(out)
    n_trials = len(before) + 3  # one may have ended before its row was written
    status, text, err = run("tune", *options, "--trials", n_trials, "--format", "json")
    assert status == 0, err
    after = _rows(out)
    assert after[: len(before)] == before
    trials = json.loads(text)["trials"]
    assert trials["complete"] + trials["pruned"] == len(after) == n_trials


def _rows(out):
    with (out / "trials.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_a_half_written_line_is_dropped(split, stores, tmp_path):
    whole = search(split, stores, tmp_path, 2)
    log = tmp_path / "search.log"
    data = log.read_bytes()
    log.write_bytes(data + b'{"op_code": 5, "tri')
    assert search(split, stores, tmp_path, 2).trials == whole.trials
    assert log.read_bytes().startswith(data)
    assert len(search(split, stores, tmp_path, 3).trials) == 3


def test_a_damaged_log_is_told(split, stores, tmp_path):
    (tmp_path / "search.log").write_text("hello\nworld\n")
    with pytest.raises(DatasetError, match=r"search\.log: not the log of a search"):
        search(split, stores, tmp_path, 2)


def test_the_same_command_again_does_nothing_and_a_larger_one_goes_further(
    split, stores, tmp_path, scripted
):
    seen = scripted((0.9, 0.9), (0.8, 0.8), (0.95, 0.95))
    two = search(split, stores, tmp_path, 2)
    assert search(split, stores, tmp_path, 2) == two
    assert len(seen) == 2
    three = search(split, stores, tmp_path, 3)
    assert three.trials[:2] == two.trials
    assert three.best["number"] == 2


@pytest.mark.parametrize("change", ["model", "patches", "descriptors", "folds", "seed"])
def test_another_search_is_not_mixed_in(split, stores, tmp_path, scripted, change):
    scripted((0.9, 0.9))
    given = {"kind": "svm-linear", "split": split, "stores": stores[:1], "n_folds": 3, "seed": 0}
    tune(out=tmp_path, n_trials=1, **given)
    other = {
        "model": {"kind": "gbdt"},
        "patches": {"split": thin_out(split, 200)},
        "descriptors": {"stores": stores[1:]},
        "folds": {"n_folds": 2},
        "seed": {"seed": 1},
    }[change]
    with pytest.raises(SplitMismatchError, match=f"holds a search with other {change};"):
        tune(out=tmp_path, n_trials=2, **(given | other))


def test_ties_go_to_the_defaults(split, stores, tmp_path, scripted):
    scripted((0.9, 0.9), (0.9, 0.9))
    assert search(split, stores, tmp_path, 2).best["number"] == 0


def test_trials_behind_the_median_are_given_up(split, stores, tmp_path, scripted):
    patient = [(0.5, 0.9), (0.9, 0.9), (0.8, 0.8), (0.8, 0.8), (0.8, 0.8)]
    # The first fold is an easy one: what counts is how others were at the same point.
    scripted(*patient, (0.79, 0.99), (0.8, 0.95))
    tuning = search(split, stores, tmp_path, 7)
    assert [row["state"] for row in tuning.trials] == ["complete"] * 5 + ["pruned", "complete"]
    given_up = tuning.trials[5]
    assert (given_up["fold_2"], given_up["fold_3"]) == (0.79, None)
    assert tuning.best["number"] == 6


def test_no_trial_begins_after_the_time_is_up(split, stores, tmp_path, scripted):
    scripted((0.9, 0.9), (0.9, 0.9))
    assert len(search(split, stores, tmp_path, 2, timeout=1e-9).trials) == 1


@pytest.fixture
def in_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_train_takes_the_best_settings(run, sample, stores, split, in_a_folder):
    folder = stores[0].folder
    common = ("--data", sample, "--features", folder)
    status, out, err = run("tune", "--model", "svm-linear", "--trials", 3, "--folds", 3, *common)
    assert status == 0, err
    assert out.startswith("tune-svm-linear/best.toml: trial ")
    assert "3 folds of whole days; by default 0." in out
    status, _, err = run("train", "--config", "tune-svm-linear/best.toml", *common)
    assert status == 0, err
    manifest = read_manifest(Path("svm-linear.cvpark"))
    best = read_settings("tune-svm-linear/best.toml")
    assert manifest["parameters"] == best.classifier
    assert manifest["descriptor"] == best.descriptor
    assert make_calibration(manifest["calibration"])


def test_the_search_is_on_training_and_validation_days_and_says_so_as_json(
    run, sample, split, stores, in_a_folder
):
    status, out, err = run(
        "tune", "--model", "svm-linear", "--trials", 2, "--folds", 3, "--data", sample,
        "--features", stores[0].folder, "--features", stores[1].folder, "--format", "json",
    )  # fmt: skip
    assert status == 0, err
    document = json.loads(out)
    assert document["split"] == {
        "name": "train+val", "n_patches": len(split), "fingerprint": split.fingerprint,
    }  # fmt: skip
    assert not set(split.paths) & set(Dataset(sample).split("test").paths)
    assert document["trials"]["complete"] == 2
    assert document["best"]["accuracy"] >= document["defaults"]["accuracy"] > 0.5
    assert document["best"]["settings"] == "tune-svm-linear/best.toml"


def test_without_features_they_are_kept_beside_the_search(run, sample, in_a_folder):
    command = ("tune", "--model", "svm-linear", "--folds", 2, "--subset", 100, "--data", sample)
    status, out, err = run(*command, "--trials", 1, "--out", "here")
    assert status == 0, err
    assert len(FeatureStore("here/features")) == len(Dataset(sample).split("train+val"))
    assert "here/features" in out


@pytest.mark.parametrize("options", [("--folds", "1"), ("--trials", "0"), ("--subset", "0")])
def test_numbers_that_cannot_be_are_wrong_usage(run, options):
    assert run("tune", "--model", "svm", *options)[0] == 2


def test_missing_features_are_told(run, sample, in_a_folder):
    command = ("tune", "--model", "svm", "--data", sample, "--features")
    status, _, err = run(*command, "nothing")
    assert status == 1
    assert "nothing: holds no features; run: cvpark extract nothing" in err


def test_without_optuna_it_is_said_what_to_install(run, sample, stores, in_a_folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    status, _, err = run(
        "tune", "--model", "svm", "--data", sample, "--features", stores[0].folder, "--folds", 3
    )
    assert status == 1
    assert 'pip install "cvpark[tune]"' in err
