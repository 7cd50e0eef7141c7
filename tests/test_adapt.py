"""Adapting a model to another car park: the fit, the measure, the command."""

from __future__ import annotations

import hashlib
import json
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from cvpark.datasets import Dataset, Split, labelled_split, read_image, slot_groups
from cvpark.evaluation import measure_adaptation, share_interval
from cvpark.exceptions import DatasetError, ModelFormatError
from cvpark.features import Descriptor, HOGExtractor, LBPExtractor
from cvpark.models import (
    FACTORIES,
    Isotonic,
    LabelledFeatures,
    Sigmoid,
    adapt,
    load_classical,
    load_model,
    read_manifest,
    save_bundle,
    train,
)
from cvpark.models._adapt import MAX_PATCHES, _as_sigmoid, _mode

PARAMETERS = {"svm": {"n_components": 40}, "svm-linear": {}, "gbdt": {"max_iter": 30}}


def hazy(patch):
    """What another camera on another ground makes of it: turned, dull and pale."""
    return np.ascontiguousarray((np.rot90(patch) * 0.4 + 140).astype(np.uint8))


def features(name, patches, labels, descriptor):
    X = descriptor.transform(patches)
    return LabelledFeatures(name, hashlib.sha256(X.tobytes()).hexdigest(), X, labels)


@pytest.fixture(scope="module")
def lots(sample):
    """A descriptor, patches of one lot to train on, and patches of another, with their labels."""
    split = Dataset(sample).everything()
    patches = [read_image(file) for file in split.files]
    order = np.random.default_rng(0).permutation(len(split))
    home, away = order[:300], order[300:]
    descriptor = Descriptor(size=32, extractors=[HOGExtractor(), LBPExtractor()]).fit()
    return SimpleNamespace(
        descriptor=descriptor,
        home=features("home", [patches[i] for i in home], split.labels[home], descriptor),
        patches=[hazy(patches[i]) for i in away],
        paths=[split.paths[i] for i in away],
        away=features("away", [hazy(patches[i]) for i in away], split.labels[away], descriptor),
    )


@pytest.fixture(scope="module", params=list(FACTORIES))
def model(request, lots):
    kind = request.param
    return train(kind, lots.home, lots.home, lots.descriptor, parameters=PARAMETERS[kind])


@pytest.fixture(scope="module")
def linear(lots):
    return train("svm-linear", lots.home, lots.home, lots.descriptor)


def part(labelled, rows):
    return LabelledFeatures("lot", "f00d", labelled.X[rows], labelled.y[rows])


def accuracy(model, labelled):
    busy = model.calibration(model.classifier.decision_function(labelled.X))[:, 1]
    return np.mean((busy >= model.threshold_) == labelled.y)


@pytest.fixture
def class_folders(lots, tmp_path):
    """Writes patches of the other lot into folders of these names; returns the folder."""

    def write(rows, names=("free", "busy"), into="lot"):
        for row in rows:
            name = lots.paths[row].rsplit("/", 1)[-1]
            file = tmp_path / into / names[lots.away.y[row]] / name
            file.parent.mkdir(parents=True, exist_ok=True)
            bgr = cv2.cvtColor(lots.patches[row], cv2.COLOR_RGB2BGR)
            file.with_suffix(".png").write_bytes(cv2.imencode(".png", bgr)[1].tobytes())
        return tmp_path / into

    return write


@pytest.fixture
def model_file(linear, tmp_path):
    return save_bundle(linear, tmp_path / "mine.cvpark")


# the fit


def test_fifty_patches_lift_the_accuracy_on_a_lot_never_seen(model, lots):
    seen, unseen = part(lots.away, slice(0, 50)), part(lots.away, slice(50, None))
    before = accuracy(model, unseen)
    recalibrated, refitted = adapt(model, seen, refit=False), adapt(model, seen)
    assert before < 0.85
    assert accuracy(recalibrated, unseen) > before
    assert accuracy(refitted, unseen) > before + 0.03
    if model.kind != "gbdt":
        assert accuracy(refitted, unseen) >= accuracy(recalibrated, unseen)


def test_the_compiled_form_of_the_file_is_the_adapted_estimator(model, lots, tmp_path):
    adapted = adapt(model, part(lots.away, slice(0, 40)))
    path = save_bundle(adapted, tmp_path / "adapted.cvpark")
    expected = adapted.decision_function(lots.patches)
    scale = np.abs(expected).max()
    compiled, reopened = load_model(path), load_classical(path)
    assert np.abs(compiled.decision_function(lots.patches) - expected).max() < 1e-5 * scale
    assert np.abs(reopened.decision_function(lots.patches) - expected).max() < 1e-9 * scale
    busy = adapted.predict_proba(lots.patches)[:, 1]
    assert np.abs(compiled.predict_proba(lots.patches)[:, 1] - busy).max() < 1e-4
    assert compiled.threshold_ == 0.5


def test_a_model_can_be_adapted_again(model, lots, tmp_path):
    once = adapt(model, part(lots.away, slice(0, 30)))
    twice = adapt(
        load_classical(save_bundle(once, tmp_path / "once.cvpark")), part(lots.away, slice(30, 60))
    )
    path = save_bundle(twice, tmp_path / "twice.cvpark")
    expected = twice.decision_function(lots.patches)
    compiled = load_model(path).decision_function(lots.patches)
    assert np.abs(compiled - expected).max() < 1e-5 * np.abs(expected).max()
    assert read_manifest(path)["adapted_from"]["adapted_from"]["name"] == model.name


def test_the_model_it_starts_from_is_not_changed(model, lots):
    before = model.decision_function(lots.patches)
    card = json.dumps(model.card)
    adapt(model, part(lots.away, slice(0, 40)))
    assert (model.decision_function(lots.patches) == before).all()
    assert json.dumps(model.card) == card


def test_patches_it_gets_right_change_little(model, lots):
    adapted = adapt(model, part(lots.home, slice(0, 40)))
    assert accuracy(adapted, lots.home) >= accuracy(model, lots.home) - 0.02


def test_two_runs_give_the_same_bits(model, lots):
    seen = part(lots.away, slice(0, 40))
    first, second = adapt(model, seen), adapt(model, seen)
    assert first.calibration == second.calibration
    assert (first.decision_function(lots.patches) == second.decision_function(lots.patches)).all()


def test_the_mode_is_where_forces_are_residuals(lots):
    """At the mode each label pulls with what is left to explain; scipy finds the same."""
    from scipy.optimize import minimize

    rng = np.random.default_rng(1)
    prior, labels = rng.normal(0, 3, 12), rng.integers(0, 2, 12).astype(np.uint8)
    root = rng.normal(size=(12, 12))
    covariance = root @ root.T
    forces = _mode(prior, labels, covariance)
    log_odds = prior + covariance @ forces
    assert np.allclose(forces, labels - 1 / (1 + np.exp(-log_odds)), atol=1e-5)

    def cost(f):
        z = prior + covariance @ f
        return np.logaddexp(0, -(2.0 * labels - 1) * z).sum() + 0.5 * f @ covariance @ f

    assert cost(forces) <= minimize(cost, np.zeros(12)).fun + 1e-6


def test_an_isotonic_calibration_is_continued_as_a_sigmoid(model, lots):
    from dataclasses import replace

    scores = model.classifier.decision_function(lots.home.X)
    isotonic = replace(model, calibration=Isotonic.fit(scores, lots.home.y))
    adapted = adapt(isotonic, part(lots.away, slice(0, 50)))
    assert isinstance(adapted.calibration, Sigmoid)
    assert adapted.calibration.slope > 0
    unseen = part(lots.away, slice(50, None))
    assert accuracy(adapted, unseen) > accuracy(model, unseen)


def test_the_sigmoid_nearest_to_a_sampled_sigmoid_is_itself():
    scores = np.linspace(-2, 2, 30)
    nearest = _as_sigmoid(Isotonic(scores, Sigmoid(3.0, -0.5)(scores)[:, 1]))
    assert (nearest.slope, nearest.intercept) == pytest.approx((3.0, -0.5), rel=1e-6)


def test_patches_of_one_class_are_refused(linear, lots):
    free = np.flatnonzero(lots.away.y == 0)[:5]
    with pytest.raises(DatasetError, match="all of one class; adapting needs free and busy"):
        adapt(linear, part(lots.away, free))


def test_too_many_patches_are_refused(linear, lots):
    rows = np.arange(MAX_PATCHES + 1) % len(lots.away.y)
    with pytest.raises(DatasetError, match="at most 2,000"):
        adapt(linear, part(lots.away, rows))


def test_swapped_labels_are_told(linear, lots):
    swapped = LabelledFeatures("lot", "f00d", lots.home.X, 1 - lots.home.y)
    with pytest.raises(DatasetError, match="are the labels swapped"):
        adapt(linear, swapped, refit=False)


def test_a_cnn_is_refused():
    with pytest.raises(ModelFormatError, match="cnn: a CNN has no last layer"):
        load_classical("cnn")


# the measure


def test_no_patch_is_rated_by_a_model_that_saw_it_or_its_slot(linear, class_folders, monkeypatch):
    import cvpark.evaluation._adaptation as module

    split = labelled_split(class_folders(range(40)))
    slots = slot_groups(split.paths)
    X = linear.descriptor.transform([read_image(file) for file in split.files])
    rows = {row.tobytes(): number for number, row in enumerate(X)}
    assert len(rows) == len(split)
    ratings, fitted_on = [], {}
    real_adapt, real_busy = module.adapt, module._busy

    def spy_adapt(model, labelled, **how):
        adapted = real_adapt(model, labelled, **how)
        fitted_on[id(adapted)] = adapted, {rows[row.tobytes()] for row in labelled.X}
        return adapted

    def spy_busy(model, lot):
        if id(model) in fitted_on:
            ratings.append(
                (fitted_on[id(model)][1], {rows[row.tobytes()] for row in lot.features.X})
            )
        return real_busy(model, lot)

    monkeypatch.setattr(module, "adapt", spy_adapt)
    monkeypatch.setattr(module, "_busy", spy_busy)
    measure_adaptation(linear, split)
    assert len(ratings) == 50
    for seen, rated in ratings:
        assert not {slots[i] for i in seen} & {slots[i] for i in rated}
    assert sum(len(rated) for _, rated in ratings) == 10 * len(split)


def test_the_measure_agrees_with_patches_never_seen(linear, class_folders):
    split = labelled_split(class_folders(range(60)))
    unseen = labelled_split(class_folders(range(60, 300), into="other"))
    document = measure_adaptation(linear, split, unseen).document
    test = document["test"]
    assert (document["n_patches"], test["n_patches"]) == (60, 240)
    assert document["after"]["accuracy"] > document["before"]["accuracy"]
    assert test["after"]["accuracy"] > test["before"]["accuracy"]
    assert test["after"]["brier"] < test["before"]["brier"]
    for when in ("before", "after"):
        (low, high), (test_low, test_high) = (part[when]["interval"] for part in (document, test))
        assert max(low, test_low) < min(high, test_high)
    assert document["before"]["free_called_busy"] > document["after"]["free_called_busy"]


def test_a_share_of_the_slots_is_held_back(linear, class_folders):
    split = labelled_split(class_folders(range(90)))
    document = measure_adaptation(linear, split, 0.3, seed=1).document
    assert document["n_patches"] + document["test"]["n_patches"] == len(split)
    assert document["n_slots"] + document["test"]["n_slots"] == len(set(slot_groups(split.paths)))
    assert 15 < document["test"]["n_patches"] < 45


def test_the_seed_decides_the_folds(linear, class_folders):
    split = labelled_split(class_folders(range(40)))
    documents = [measure_adaptation(linear, split, seed=seed).document for seed in (1, 1, 2)]
    assert documents[0] == documents[1]
    assert documents[0]["after"]["brier"] != documents[2]["after"]["brier"]


def test_unreadable_images_are_raised_or_skipped(linear, class_folders):
    root = class_folders(range(40))
    (root / "free" / "broken.jpg").write_bytes(b"\xff\xd8\xff no image")
    split = labelled_split(root)
    with pytest.raises(DatasetError, match=r"broken\.jpg"):
        measure_adaptation(linear, split)
    done = measure_adaptation(linear, split, on_error="skip")
    assert done.document["n_patches"] == 40
    assert len(done.skipped) == 1
    assert "broken.jpg" in done.skipped[0]


def test_a_test_of_the_same_patches_is_refused(linear, class_folders):
    split = labelled_split(class_folders(range(40)))
    with pytest.raises(DatasetError, match="40 of its patches are among those to adapt to"):
        measure_adaptation(linear, split, split)


def test_one_patch_of_a_class_is_too_few(linear, lots, class_folders):
    free, busy = (np.flatnonzero(lots.away.y == label) for label in (0, 1))
    split = labelled_split(class_folders([*free[:9], busy[0]]))
    with pytest.raises(DatasetError, match="9 free and 1 busy patches"):
        measure_adaptation(linear, split)


def test_intervals_know_what_patches_of_one_slot_are_worth():
    rng = np.random.default_rng(0)
    correct = (rng.random(60) < 0.8).astype(float)
    alone = share_interval(correct, np.arange(60))
    together = share_interval(np.repeat(correct, 5), np.repeat(np.arange(60), 5))
    assert together == pytest.approx(alone, abs=0.005)
    assert np.diff(share_interval(np.repeat(correct, 5), np.arange(300))) < np.diff(alone)
    low, high = share_interval(np.ones(100), np.repeat([0, 1], 50))
    assert high == pytest.approx(1.0)
    assert low < 0.5


# labelled patches


@pytest.mark.parametrize("names", [("free", "busy"), ("Empty", "Occupied"), ("0", "1")])
def test_class_folders_of_any_usual_name(class_folders, lots, names):
    split = labelled_split(class_folders(range(20), names))
    assert len(split) == 20
    assert split.labels.sum() == lots.away.y[:20].sum()
    assert all(file.is_file() for file in split.files)
    lines = [f"{path} {label}" for path, label in zip(split.paths, split.labels, strict=True)]
    expected = hashlib.sha256("".join(line + "\n" for line in sorted(lines)).encode()).hexdigest()
    assert split.fingerprint == expected


def test_the_class_folder_nearest_to_the_image_counts(tmp_path):
    for path in (
        "free/day1/busy/a.jpg",
        "day2/Free/deep/b.PNG",
        "neither/c.jpg",
        "free/.d.jpg",
        "free/e.txt",
    ):
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    split = labelled_split(tmp_path)
    assert dict(zip(split.paths, split.labels.tolist(), strict=True)) == {
        "day2/Free/deep/b.PNG": 0,
        "free/day1/busy/a.jpg": 1,
    }


@pytest.mark.parametrize("where", ["data", "beside the list"])
def test_a_list_file(tmp_path, where):
    data, other = tmp_path / "data", tmp_path / "other"
    root = data if where == "data" else other
    for folder in (data, other, root / "x"):
        folder.mkdir(parents=True, exist_ok=True)
    for name in ("x/a.jpg", "b c.jpg"):
        (root / name).touch()
    (other / "mine.txt").write_text("x/a.jpg 1\nb c.jpg 0\n")
    split = labelled_split(data, labels=other / "mine.txt")
    assert (split.name, split.paths, split.labels.tolist()) == (
        "mine",
        ("x/a.jpg", "b c.jpg"),
        [1, 0],
    )
    assert all(file.is_file() for file in split.files)


def test_the_published_layout(sample):
    split = labelled_split(sample, expression="val")
    assert isinstance(split, Split)
    assert split.fingerprint == Dataset(sample).split("val").fingerprint
    with pytest.raises(DatasetError, match="name a split of it"):
        labelled_split(sample)


def test_what_is_wrong_with_labels_is_said(tmp_path):
    with pytest.raises(DatasetError, match="no such folder"):
        labelled_split(tmp_path / "absent")
    with pytest.raises(DatasetError, match="no JPEG or PNG in folders named free, empty, 0, busy"):
        labelled_split(tmp_path)
    lines = tmp_path / "list.txt"
    lines.write_text("")
    with pytest.raises(DatasetError, match="lists no patches"):
        labelled_split(tmp_path, labels=lines)
    lines.write_text("a.jpg 1\nb.jpg 0\n")
    with pytest.raises(DatasetError, match=r"2 of 2 listed patches are not in .*such as a\.jpg"):
        labelled_split(tmp_path, labels=lines)
    lines.write_text("a.jpg busy\n")
    with pytest.raises(DatasetError, match=r"list\.txt:1: expected 'path label'"):
        labelled_split(tmp_path, labels=lines)
    with pytest.raises(ValueError, match="not from both"):
        labelled_split(tmp_path, labels=lines, expression="val")


def test_slots_by_the_names_of_three_datasets():
    names = [
        "SUNNY/2015-11-22/camera6/S_2015-11-22_12.48_C06_312.jpg",
        "RAINY/2015-12-22/camera2/R_2015-12-22_09.18_C02_312.jpg",
        "A/busy/20150703_1410_33.jpg",
        "free/20150703_0810_33.jpg",
        "PUC/Sunny/2012-09-12/Occupied/2012-09-12_06_05_16#004.jpg",
        "Empty/2012-09-11_15_53_00#004.jpg",
        "free/IMG_2020.jpg",
        "busy/IMG_2020.jpg",
    ]
    groups = slot_groups(names)
    assert groups[0] == groups[1]
    assert groups[2] == groups[3]
    assert groups[4] == groups[5]
    assert len(set(groups)) == 5


# the command


def test_the_command_reports_and_writes_a_model(run, class_folders, model_file, linear, tmp_path):
    root, other = class_folders(range(50)), class_folders(range(50, 150), into="other")
    out = tmp_path / "adapted.cvpark"
    status, text, err = run("adapt", model_file, "--data", root, "--test", other, "--out", out)
    assert status == 0, err
    manifest = read_manifest(out)
    adaptation = manifest["adaptation"]
    assert f"{adaptation['before']['accuracy']:.4f}" in text
    assert f"{adaptation['after']['accuracy']:.4f}" in text
    assert f"{adaptation['test']['after']['accuracy']:.4f}" in text
    assert "cross-validated, 10 times in 5 folds" in text
    assert adaptation["fingerprint"] == labelled_split(root).fingerprint
    assert adaptation["n_free"] + adaptation["n_busy"] == adaptation["n_patches"] == 50
    source = manifest["adapted_from"]
    assert source["name"] == "mine"
    assert source["sha256"] == read_manifest(model_file)["sha256"]
    assert manifest["validation"]["fingerprint"] == adaptation["fingerprint"]
    assert f"wrote {out}" in err
    files = sorted(other.rglob("*.png"))
    status, text, err = run("predict", out, "--format", "csv", *files)
    assert status == 0, err
    right = [line.split(",")[1] == str(int("/busy/" in line)) for line in text.splitlines()[1:]]
    assert np.mean(right) == pytest.approx(adaptation["test"]["after"]["accuracy"])


def test_the_command_is_repeatable(run, class_folders, model_file, tmp_path):
    root = class_folders(range(40))
    texts = [
        run("adapt", model_file, "--data", root, "--seed", "3", "--out", tmp_path / f"{i}.cvpark")[
            1
        ]
        for i in range(2)
    ]
    assert texts[0] == texts[1]
    first, second = (read_manifest(tmp_path / f"{i}.cvpark") for i in range(2))
    assert first["sha256"]["compiled.npz"] == second["sha256"]["compiled.npz"]
    assert first["calibration"] == second["calibration"]


def test_the_command_recalibrates_only_and_skips(run, class_folders, model_file, tmp_path):
    root = class_folders(range(40))
    (root / "busy" / "broken.png").write_bytes(b"no image")
    out = tmp_path / "o.cvpark"
    status, _, err = run("adapt", model_file, "--data", root, "--recalibrate", "--out", out)
    assert status == 1
    assert "broken.png" in err
    assert not out.exists()
    status, _, err = run(
        "adapt", model_file, "--data", root, "--recalibrate", "--on-error", "skip", "--out", out
    )
    assert status == 0
    assert "skipped" in err
    assert (
        read_manifest(out)["sha256"]["compiled.npz"]
        == read_manifest(model_file)["sha256"]["compiled.npz"]
    )


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["cnn", "--data", "{lot}"], 1, "a CNN has no last layer"),
        (["absent", "--data", "{lot}"], 1, "no such file and no shipped model"),
        (["svm-linear", "--data", "absent"], 1, "absent: no such folder"),
        (["svm-linear"], 2, "Missing option '--data'"),
        (["svm-linear", "--data", "{lot}", "--test", "0.9"], 2, "a share above 0 up to 0.5"),
        (
            ["svm-linear", "--data", "{lot}", "--labels", "a", "--split", "b"],
            2,
            "exclude each other",
        ),
        (["svm-linear", "--data", "{lot}", "--split", "val"], 1, "no LABELS/*.txt"),
    ],
)
def test_what_the_command_refuses(run, class_folders, arguments, status, message):
    lot = str(class_folders(range(6)))
    code, out, err = run("adapt", *(argument.format(lot=lot) for argument in arguments))
    assert (code, out) == (status, "")
    assert message in " ".join(err.split())
    assert "Traceback" not in err
