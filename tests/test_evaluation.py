"""Comparisons: identical work, honest intervals, stored measurements."""

from __future__ import annotations

import json
from importlib.resources import files

import jsonschema
import numpy as np
import pandas as pd
import pytest
from sklearn import metrics

from cvpark.datasets import Dataset, Split, get_protocol, read_image
from cvpark.evaluation import (
    Measurements,
    compare,
    measure,
    percentiles_us,
    protocol_splits,
    read_measurements,
    summarize,
    write_measurements,
)
from cvpark.exceptions import DatasetError, SplitMismatchError


class Brightness:
    """A model that calls bright patches busy and remembers what it was shown."""

    kind = "brightness"
    classes_ = np.array([0, 1])
    model_bytes = 8
    n_jobs = 1
    path = None

    def __init__(self, name, threshold=0.5, card=None, kind="brightness"):
        self.name, self.threshold_, self.card, self.kind = name, threshold, card or {}, kind
        self.shown = []

    def predict_proba(self, patches):
        patches = [patches] if isinstance(patches, np.ndarray) and patches.ndim == 3 else patches
        self.shown += [hash(patch.tobytes()) for patch in patches]
        busy = np.array([patch.mean() / 255 for patch in patches])
        return np.column_stack([1 - busy, busy])

    def predict(self, patches):
        return (self.predict_proba(patches)[:, 1] >= self.threshold_).astype(np.uint8)


@pytest.fixture(scope="module")
def dataset(sample):
    return Dataset(sample)


@pytest.fixture(scope="module")
def split(dataset):
    return dataset.split("val")


@pytest.fixture(scope="module")
def comparison(dataset, split):
    models = [Brightness("dim", 0.3), Brightness("bright", 0.45, kind="cnn")]
    return compare(models, split, training=dataset.split("train"), timing="quick")


@pytest.fixture
def folder(comparison, tmp_path):
    write_measurements(comparison.measurements, tmp_path)
    return tmp_path


def test_all_models_see_the_same_patches_in_the_same_order(split):
    models = [Brightness("a"), Brightness("b")]
    found = measure(models, split, timing="none")
    expected = [hash(read_image(file).tobytes()) for file in split.files]
    assert models[0].shown == models[1].shown == expected
    assert found.scores.path.tolist() == list(split.paths)
    assert found.latency.empty
    assert summarize(found)["models"][0]["latency_us"] == {}


def test_figures_follow_from_the_stored_scores(comparison, split):
    scores, document = comparison.measurements.scores, comparison.document
    labels = split.labels
    for row, threshold in zip(document["models"], (0.3, 0.45), strict=True):
        busy = scores[row["name"]]
        predicted = busy >= threshold  # the model's own
        assert row["threshold"] == threshold
        assert row["accuracy"] == pytest.approx((predicted == labels).mean())
        assert row["balanced_accuracy"] == metrics.balanced_accuracy_score(labels, predicted)
        assert row["mcc"] == metrics.matthews_corrcoef(labels, predicted)
        assert row["auc"] == metrics.roc_auc_score(labels, busy)
        assert row["pr_auc"] == metrics.average_precision_score(labels, busy)
        assert row["brier"] == pytest.approx(metrics.brier_score_loss(labels, busy))
        for metric, both in row["intervals"].items():
            for low, high in both.values():
                assert low <= row[metric] + 0.05, metric
                assert high >= row[metric] - 0.05, metric
        low, high = row["intervals"]["accuracy"]["clustered"]
        assert low <= row["accuracy"] <= high
    assert document["split"]["fingerprint"] == split.fingerprint


def test_latency_follows_from_the_stored_samples(comparison):
    table = comparison.measurements.latency
    rows = {row["name"]: row["latency_us"] for row in comparison.document["models"]}
    for name, latency in rows.items():
        ns = table[table.model == name].ns
        assert list(latency) == ["single_stream"]
        assert latency["single_stream"]["p50"] == ns.median() / 1000
        assert latency["single_stream"]["n_samples"] == len(ns)
    assert comparison.document["reference"] == "bright"
    ratio = rows["dim"]["single_stream"]["ratio_to"]["bright"]["ratio"]
    assert ratio == pytest.approx(
        rows["dim"]["single_stream"]["p50"] / rows["bright"]["single_stream"]["p50"]
    )
    assert rows["bright"]["single_stream"]["ratio_to"] == {}


def test_pairs_count_the_patches_one_model_alone_is_right_about(comparison, split):
    scores = comparison.measurements.scores
    first, second = (scores.dim >= 0.3) == split.labels, (scores.bright >= 0.45) == split.labels
    (pair,) = comparison.document["pairs"]
    assert (pair["first"], pair["second"]) == ("dim", "bright")
    assert pair["difference"] == pytest.approx(first.mean() - second.mean())
    assert pair["only_first_right"] == (first & ~second).sum()
    assert pair["only_second_right"] == (second & ~first).sum()
    low, high = pair["interval"]
    assert low <= pair["difference"] <= high


def test_slices_are_parts_of_the_whole(comparison, split):
    slices = comparison.document["slices"]
    assert list(slices) == ["camera", "weather", "hour", "brightness", "patch_size"]
    for name, parts in slices.items():
        assert sum(part["n_patches"] for part in parts) == len(split), name
        right = sum(part["accuracy"]["dim"] * part["n_patches"] for part in parts)
        assert right / len(split) == pytest.approx(comparison.document["models"][0]["accuracy"])
    facts = split.metadata()
    rainy = next(part for part in slices["weather"] if part["value"] == "RAINY")
    assert rainy["n_patches"] == (facts.weather == "RAINY").sum()
    assert [part["value"] for part in slices["hour"]] == sorted(facts.time.str[:2].unique())


def test_lots_count_the_busy_slots_of_a_capture(comparison, split):
    scores = comparison.measurements.scores
    called = (scores.dim >= 0.3).astype(int)
    captures = [scores.camera, scores.day, scores.time]
    off = (called - scores.occupancy).groupby(captures).sum().abs()
    lot = comparison.document["models"][0]["lot"]
    assert lot["n_captures"] == len(off) == comparison.document["split"]["n_captures"]
    assert lot["exact_share"] == pytest.approx((off == 0).mean())
    assert lot["mean_absolute_error"] == pytest.approx(off.mean())
    low, high = lot["intervals"]["mean_absolute_error"]
    assert low <= lot["mean_absolute_error"] <= high


def test_baselines_know_the_training_split_alone(comparison, dataset, split):
    training = dataset.split("train")
    rows = {row["name"]: row for row in comparison.document["baselines"]}
    majority = float(training.labels.mean() >= 0.5)
    assert rows["majority"]["accuracy"] == pytest.approx((split.labels == majority).mean())
    share = training.metadata().groupby("slot_id").occupancy.mean()
    scores = comparison.measurements.scores
    expected = scores.slot_id.map(share).fillna(training.labels.mean())
    np.testing.assert_allclose(scores["baseline:position"], expected)
    assert comparison.document["training"]["fingerprint"] == training.fingerprint


def test_a_training_split_that_overlaps_gives_no_baseline_and_flatters(dataset, split):
    everything = dataset.split("all")
    peeked = Brightness("peeked", card={"training": {"fingerprint": everything.fingerprint}})
    found = compare([peeked], split, training=everything, timing="none")
    assert found.document["baselines"] == []
    assert found.document["training"] is None
    assert found.document["models"][0]["seen"] == ["training"]
    assert "peeked: trained on patches of this split" in found.document["warnings"][0]


def test_what_a_model_has_seen_of_the_split_is_said(split):
    card = {"training": {"fingerprint": "other"}, "validation": {"fingerprint": split.fingerprint}}
    found = compare([Brightness("peeked", card=card), Brightness("b")], split, timing="none")
    assert [row["seen"] for row in found.document["models"]] == [["validation"], []]
    assert "peeked: calibrated or chosen on patches" in found.document["warnings"][0]


def test_models_need_names_of_their_own(split):
    with pytest.raises(ValueError, match="names that differ"):
        compare([Brightness("a"), Brightness("a")], split)
    with pytest.raises(ValueError, match="cannot be called 'camera'"):
        compare([Brightness("camera")], split)


def test_a_split_of_one_class_leaves_figures_undefined(split):
    free = split.select(split.labels == 0)
    (row,) = compare([Brightness("a", 0.3)], free, timing="none").document["models"]
    for name in ("auc", "pr_auc", "f1", "mcc", "balanced_accuracy"):
        assert row[name] is None, name
        assert row["intervals"][name] == {"clustered": None, "naive": None}
    assert 0 < row["accuracy"] < 1


def test_black_and_repeated_patches_are_reported_with_and_without(write_dataset):
    import cv2

    path = "SUNNY/2015-11-{}/camera{}/S_2015-11-{}_12.48_C0{}_{}.jpg"
    lines = [
        path.format(day, camera, day, camera, slot) + f" {slot % 2}"
        for day in (10, 11, 12) for camera in (1, 2) for slot in (1, 2, 3)
    ]  # fmt: skip
    root = write_dataset({"LABELS/val.txt": lines})
    split = Dataset(root).split("val")
    black = cv2.imencode(".jpg", np.zeros((20, 20, 3), np.uint8))[1].tobytes()
    for row in (0, 1, 5):
        split.files[row].write_bytes(black)
    split.files[7].write_bytes(split.files[6].read_bytes())
    document = compare([Brightness("a", 0.45)], split, timing="none").document
    assert document["split"]["n_black"] == 3
    assert document["split"]["n_duplicates"] == 3  # two of the black ones, and the copy
    kept = np.setdiff1d(np.arange(18), [0, 1, 5, 7])
    busy = np.array([read_image(split.files[row]).mean() / 255 for row in kept])
    without = document["models"][0]["without_defects"]
    assert without["n_patches"] == 14
    assert without["accuracy"] == ((busy >= 0.45) == split.labels[kept]).mean()
    assert without["accuracy"] != document["models"][0]["accuracy"]


def test_cnrpark_of_two_days_resamples_slots(write_dataset):
    lines = [
        f"{camera}/{word}/{day}_14{minute}_{slot}.jpg {label}"
        for camera, day in (("A", "20150703"), ("B", "20150704"))
        for minute in (10, 15) for slot in range(1, 5)
        for word, label in [("busy", 1) if slot % 2 else ("free", 0)]
    ]  # fmt: skip
    split = Dataset(write_dataset({"CNRPark/even.txt": lines})).split("cnrpark-even")
    document = compare([Brightness("a")], split, timing="none").document
    assert document["split"]["n_camera_days"] == 2
    assert (document["split"]["cluster"], document["split"]["n_clusters"]) == ("slot", 8)
    assert document["models"][0]["intervals"]["accuracy"]["clustered"] is not None
    assert document["models"][0]["lot"]["intervals"]["exact_share"] is None
    assert any("too few to resample" in warning for warning in document["warnings"])


def test_what_was_stored_gives_the_same_figures_without_measuring(comparison, folder):
    found = read_measurements(folder)
    assert found.info == comparison.measurements.info
    for name in ("scores", "latency"):
        pd.testing.assert_frame_equal(
            getattr(found, name), getattr(comparison.measurements, name), check_dtype=False
        )
    assert summarize(found) == comparison.document


def test_numbers_survive_the_file_to_the_last_bit(comparison, folder):
    found = read_measurements(folder).scores.dim.to_numpy()
    assert found.tobytes() == comparison.measurements.scores.dim.to_numpy().tobytes()


def alter(folder, change):
    scores = pd.read_csv(folder / "scores.csv", dtype={"occupancy": int})
    change(scores).to_csv(folder / "scores.csv", index=False)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda scores: scores.assign(occupancy=scores.occupancy.map("10".__getitem__)), "another"),
        (lambda scores: scores.iloc[1:], "another split"),
        (lambda scores: scores.assign(path=["x.jpg", *scores.path[1:]]), "another split"),
        (lambda scores: scores.iloc[::-1], "in another order"),
    ],
    ids=["label", "missing patch", "path", "order"],
)
def test_scores_of_other_patches_labels_or_order_are_refused(folder, change, complaint):
    alter(folder, change)
    with pytest.raises(SplitMismatchError, match=complaint):
        read_measurements(folder)


def test_another_split_is_refused(comparison, dataset, split):
    measured = comparison.measurements
    measured.check_split(split)
    reversed_split = Split("val", split.paths[::-1], split.labels[::-1])
    flipped = Split("val", split.paths, 1 - split.labels)
    for other in (dataset.split("test"), reversed_split, flipped):
        with pytest.raises(SplitMismatchError):
            measured.check_split(other)


def test_measurements_that_do_not_fit_together_are_refused(comparison):
    measured = comparison.measurements
    with pytest.raises(SplitMismatchError):
        Measurements(measured.info, measured.scores[::-1], measured.latency, measured.stages)
    with pytest.raises(DatasetError, match="scores lack bright"):
        Measurements(
            measured.info,
            measured.scores.drop(columns="bright"),
            measured.latency,
            measured.stages,
        )


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("measurements.json", "{"),
        ("measurements.json", '{"schema_version": 1}'),
        ("measurements.json", "[]"),
        ("scores.csv", ""),
        ("latency.csv", "no,such,columns\n1,2,3\n"),
    ],
)
def test_damaged_measurements_are_refused(folder, file, content):
    (folder / file).write_text(content)
    with pytest.raises(DatasetError, match="measure again"):
        read_measurements(folder)


def test_an_interrupted_writing_leaves_nothing_that_looks_whole(comparison, folder, monkeypatch):
    monkeypatch.setattr(pd.DataFrame, "to_csv", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write_measurements(comparison.measurements, folder)
    with pytest.raises(DatasetError, match="holds no measurements"):
        read_measurements(folder)


def schema():
    file = files("cvpark.evaluation") / "comparison.schema.json"
    found = json.loads(file.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(found)
    return jsonschema.Draft202012Validator(found)


def test_the_document_keeps_to_its_schema(comparison, split):
    document = json.loads(json.dumps(comparison.document))
    schema().validate(document)
    free = split.select(split.labels == 0)
    schema().validate(compare([Brightness("a")], free, timing="none").document)
    del document["models"][0]["auc"]
    with pytest.raises(jsonschema.ValidationError, match="'auc' is a required property"):
        schema().validate(document)


@pytest.mark.slow
def test_all_that_is_timed_is_in_the_document(split):
    from cvpark.models import load_model

    few = split.select(np.arange(len(split)) < 30)
    progress = []

    def watch(items, total, label):
        progress.append(label)
        return items

    models = [load_model("svm-linear"), load_model("cnn")]
    document = compare(models, few, progress=watch, threads=(1, 2)).document
    schema().validate(document)
    scenarios = ("single_stream", "frame", "offline")
    for row in document["models"]:
        names = [*scenarios, *(f"{name}_2_threads" for name in scenarios)]
        assert list(row["latency_us"]) == names
        assert {"decode", "resize", "classifier"} <= row["stages_us"].keys()
        for cost in ("cold_start_s", "dependency_bytes", "cpu_s_per_1000"):
            assert row[cost] > 0, cost
    runtimes = [start["runtime"] for start in document["models"][1]["cold_starts"]]
    assert runtimes == ["cvpark", "ai-edge-litert"]
    for label in ("decode and predict", "frame, 2 threads", "cold start", "clustered intervals"):
        assert label in progress


@pytest.mark.realdata
@pytest.mark.slow
def test_on_real_patches_the_clustered_interval_is_wider_than_the_naive_one(real_data):
    from cvpark.models import load_model

    split = Dataset(real_data).split("val")
    models = [load_model(name, n_jobs=-1) for name in ("svm-linear", "cnn")]
    document = compare(models, split, timing="none").document
    for row in document["models"]:
        for metric in ("accuracy", "balanced_accuracy", "mcc", "auc", "brier"):
            both = row["intervals"][metric]
            assert np.ptp(both["clustered"]) > 1.5 * np.ptp(both["naive"]), metric


def test_percentiles_are_in_microseconds():
    found = percentiles_us(np.arange(1000, 102_000, 1000))
    assert {name: found[name] for name in ("p50", "p95", "p99", "n_samples")} == {
        "p50": 51.0, "p95": 96.0, "p99": 100.0, "n_samples": 101,
    }  # fmt: skip


def test_protocols_without_validation_hold_out_whole_groups(sample):
    training, validation = protocol_splits(Dataset(sample), get_protocol("sunny"))
    assert not set(training.paths) & set(validation.paths)
    whole = Dataset(sample).split("sunny")
    assert len(training) + len(validation) == len(whole)
    assert 0.05 < len(validation) / len(whole) < 0.4
    key = ["camera", "slot_id", "day"]
    parts = [set(map(tuple, part.metadata()[key].to_numpy())) for part in (training, validation)]
    assert not parts[0] & parts[1]


def test_overlapping_training_and_validation_are_refused(write_dataset):
    lines = [f"SUNNY/2015-11-22/camera{k}/S_2015-11-22_12.48_C0{k}_1.jpg 1" for k in (1, 2)]
    dataset = Dataset(write_dataset({"LABELS/train.txt": lines, "LABELS/val.txt": lines[:1]}))
    with pytest.raises(DatasetError, match="1 patches are in both 'train' and 'val'"):
        protocol_splits(dataset, get_protocol("cnr-ext"))
