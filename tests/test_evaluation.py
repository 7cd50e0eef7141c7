"""Comparisons: identical work, honest intervals, stored samples."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from cvpark.datasets import Dataset, get_protocol
from cvpark.evaluation import clustered_interval, compare, percentiles_us, protocol_splits
from cvpark.exceptions import DatasetError
from cvpark.reporting import render_json, render_table, write_comparison


class Brightness:
    """A model that calls bright patches busy and remembers what it was shown."""

    kind = "brightness"
    classes_ = np.array([0, 1])
    model_bytes = 8

    def __init__(self, name, threshold=0.5, card=None):
        self.name, self.threshold_, self.card = name, threshold, card or {}
        self.shown = []

    def predict_proba(self, patches):
        patches = [patches] if isinstance(patches, np.ndarray) and patches.ndim == 3 else patches
        self.shown += [hash(patch.tobytes()) for patch in patches]
        busy = np.array([patch.mean() / 255 for patch in patches])
        return np.column_stack([1 - busy, busy])

    def predict(self, patches):
        return (self.predict_proba(patches)[:, 1] >= self.threshold_).astype(np.uint8)


@pytest.fixture(scope="module")
def split(sample):
    return Dataset(sample).split("val")


def test_all_models_see_the_same_patches_and_figures_follow_from_the_stored_scores(split):
    models = [Brightness("dim", 0.3), Brightness("bright", 0.6)]
    comparison = compare(models, split, n_latency=10)
    assert sorted(models[0].shown) == sorted(models[1].shown)
    scores, document = comparison.scores, comparison.document
    assert scores.path.tolist() == list(split.paths)
    for row, model in zip(document["models"], models, strict=True):
        predicted = scores[model.name] >= model.threshold_
        assert row["accuracy"] == pytest.approx((predicted == scores.occupancy).mean())
        low, high = row["accuracy_interval"]
        assert low <= row["accuracy"] <= high
        samples = comparison.latency_ns[model.name]
        assert row["latency_us"]["single_stream"]["p50"] == samples.median() / 1000
        assert len(samples) == 10
    assert document["split"]["fingerprint"] == split.fingerprint


def test_what_a_model_has_seen_of_the_split_is_said(split):
    card = {"training": {"fingerprint": "other"}, "validation": {"fingerprint": split.fingerprint}}
    comparison = compare([Brightness("peeked", card=card), Brightness("b")], split, n_latency=2)
    assert [row["seen"] for row in comparison.document["models"]] == [["validation"], []]
    assert "peeked calibrated or chosen on this split" in render_table(comparison.document)


def test_models_of_one_name_are_refused(split):
    with pytest.raises(ValueError, match="names that differ"):
        compare([Brightness("a"), Brightness("a")], split)


def test_a_split_of_one_class_has_no_auc(split):
    free = split.select(split.labels == 0)
    comparison = compare([Brightness("a")], free, n_latency=2)
    assert comparison.document["models"][0]["auc"] is None
    assert " - " in render_table(comparison.document)


def test_files_hold_what_the_report_says(split, tmp_path):
    comparison = compare([Brightness("a")], split, n_latency=5)
    files = write_comparison(comparison, tmp_path / "out")
    assert sorted(file.name for file in files) == sorted(
        file.name for file in (tmp_path / "out").iterdir()
    )
    document = json.loads((tmp_path / "out/comparison.json").read_text())
    assert document == json.loads(render_json(comparison))
    scores = pd.read_csv(tmp_path / "out/scores.csv")
    predicted = scores.a >= document["models"][0]["threshold"]
    assert (predicted == scores.occupancy).mean() == pytest.approx(
        document["models"][0]["accuracy"]
    )


def test_grouped_errors_give_a_wider_interval_than_scattered_ones():
    groups = np.repeat(np.arange(20), 50)
    scattered = np.tile(np.arange(50) >= 5, 20)
    grouped = groups >= 2  # the same tenth wrong, all in two groups
    narrow = np.ptp(clustered_interval(scattered, groups))
    assert np.ptp(clustered_interval(grouped, groups)) > 5 * max(narrow, 0.01)


def test_interval_covers_the_truth_about_as_often_as_it_says():
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(40), 25)
    hits = 0
    for trial in range(200):
        share = rng.beta(18, 2, 40)[groups]  # mean 0.9, camera-days differ
        correct = rng.random(groups.size) < share
        low, high = clustered_interval(correct, groups, n_resamples=500, seed=trial)
        hits += low <= 0.9 <= high
    assert 0.88 <= hits / 200 <= 0.99


def test_percentiles_are_in_microseconds():
    assert percentiles_us(np.arange(1000, 102_000, 1000)) == {
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
