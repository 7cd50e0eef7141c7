"""Intervals and tests, held to known truths and to scipy."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import pytest
from scipy.stats import binomtest

from cvpark.evaluation import Resampling, clustered_interval, figures, mcnemar_exact
from cvpark.evaluation._metrics import METRICS, WeightedFigures, resampled_figures


def covered(intervals, truth):
    return np.mean([low <= truth <= high for low, high in intervals])


# Camera-days of unequal size whose error rates differ: a validation split, a smaller one, a sample.
@pytest.mark.parametrize(
    ("n_clusters", "sizes", "error", "spread"),
    [
        (27, (171, 1027), 0.03, 100),
        (27, (171, 1027), 0.01, 300),
        (40, (20, 30), 0.1, 20),
        (15, (40, 60), 0.05, 40),
        (8, (100, 300), 0.1, 30),
    ],
)
def test_interval_of_an_accuracy_covers_the_truth_as_often_as_it_says(
    n_clusters, sizes, error, spread
):
    rng = np.random.default_rng(0)
    intervals, naive = [], []
    for trial in range(1000):
        groups = np.repeat(np.arange(n_clusters), rng.integers(*sizes, n_clusters))
        rate = rng.beta(error * spread, (1 - error) * spread, n_clusters)
        correct = rng.random(groups.size) >= rate[groups]
        intervals.append(clustered_interval(correct, groups, n_resamples=1000, seed=trial))
        share = correct.mean()
        half = 1.96 * np.sqrt(share * (1 - share) / correct.size)
        naive.append((share - half, share + half))
    assert 0.92 <= covered(intervals, 1 - error) <= 0.98
    assert covered(naive, 1 - error) < 0.90  # what is told beside it, and why not to believe it


def test_interval_of_a_difference_covers_the_truth():
    rng = np.random.default_rng(1)
    groups = np.repeat(np.arange(30), 40)
    intervals = []
    for trial in range(600):
        rates = rng.beta(1.0, [[19.0], [24.0]], (2, 30))  # 1 in 20 and 1 in 25 wrong
        first, second = rng.random((2, groups.size)) >= rates[:, groups]
        gained = first.astype(int) - second
        intervals.append(
            Resampling(groups, n_resamples=1000, seed=trial).share_interval(gained, "difference")
        )
    assert 0.92 <= covered(intervals, 1 / 25 - 1 / 20) <= 0.98


def test_intervals_of_other_figures_cover_the_truth():
    rng = np.random.default_rng(2)
    groups = np.repeat(np.arange(40), 20)
    apart, within, between = 2.0, 1.0, 0.5
    found = {"auc": [], "brier": []}
    for trial in range(400):
        labels = (rng.random(groups.size) < 0.5).astype(np.uint8)
        shift = rng.normal(0, between, 40)[groups]
        scores = apart * labels + shift + rng.normal(0, within, groups.size)
        busy = 1 / (1 + np.exp(apart / 2 - scores))
        resampling = Resampling(groups, n_resamples=500, seed=trial)
        (samples,) = resampled_figures([WeightedFigures(labels, busy, 0.5)], resampling)
        estimates = figures(labels, busy, 0.5)
        for name, intervals in found.items():
            intervals.append(resampling.interval(estimates[name], samples[name], "share"))
    deviation = np.hypot(within, between)
    auc = NormalDist().cdf(apart / (deviation * np.sqrt(2)))
    noise = deviation * rng.standard_normal(10**6)  # by symmetry both classes have the same Brier
    brier = np.mean(1 / (1 + np.exp(noise + apart / 2)) ** 2)
    assert 0.92 <= covered(found["auc"], auc) <= 0.98
    assert 0.92 <= covered(found["brier"], brier) <= 0.98


def test_grouped_errors_give_a_wider_interval_than_scattered_ones():
    groups = np.repeat(np.arange(20), 50)
    scattered = np.tile(np.arange(50) >= 5, 20)
    grouped = groups >= 2  # the same tenth wrong, all in two groups
    narrow = np.ptp(clustered_interval(scattered, groups))
    assert np.ptp(clustered_interval(grouped, groups)) > 5 * max(narrow, 0.01)


def test_of_few_clusters_no_interval_is_told():
    assert clustered_interval(np.array([True, False] * 20), np.repeat(np.arange(4), 10)) is None
    assert clustered_interval(np.array([True, False] * 20), np.repeat(np.arange(5), 8)) is not None


def test_samples_are_the_same_for_every_figure_and_each_holds_as_many_clusters():
    resampling = Resampling(np.repeat(np.arange(7), 3), n_resamples=100, seed=3)
    counts = np.concatenate(list(resampling.batches()))
    np.testing.assert_array_equal(counts, np.concatenate(list(resampling.batches())))
    np.testing.assert_array_equal(counts.sum(axis=1), 7)
    assert counts.shape == (100, 7)
    assert counts.mean() == pytest.approx(1)
    assert counts.var(axis=0) == pytest.approx(6 / 7, rel=0.6)


@pytest.mark.parametrize("pair", [(0, 0), (1, 0), (0, 5), (3, 3), (10, 21), (150, 211), (2000, 7)])
def test_mcnemar_is_the_exact_binomial_test(pair):
    n = sum(pair)
    expected = binomtest(pair[0], n, 0.5).pvalue if n else 1.0
    assert mcnemar_exact(*pair) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("digits", [1, 6])  # with and without ties
def test_figures_of_a_resample_are_those_of_its_patches(digits):
    rng = np.random.default_rng(4)
    labels = (rng.random(300) < 0.3).astype(np.uint8)
    busy = np.round(np.clip(0.4 * labels + rng.random(300) * 0.6, 0, 1), digits)
    weights = rng.integers(0, 4, (5, 300)).astype(np.float32)
    found = WeightedFigures(labels, busy, 0.5)(weights)
    assert tuple(found) == METRICS
    for number, row in enumerate(weights.astype(int)):
        expected = figures(np.repeat(labels, row), np.repeat(busy, row), 0.5)
        for name in METRICS:
            assert found[name][number] == pytest.approx(expected[name], abs=2e-6), name


def test_a_resample_of_one_class_leaves_figures_undefined():
    labels, busy = np.array([0, 0, 1], np.uint8), np.array([0.1, 0.7, 0.9])
    found = WeightedFigures(labels, busy, 0.5)(np.array([[2, 1, 0]], np.float32))
    assert found["accuracy"] == pytest.approx(2 / 3)
    for name in ("balanced_accuracy", "mcc", "auc", "pr_auc"):
        assert np.isnan(found[name][0]), name
    expected = figures(labels[:2], busy[:2], 0.5)
    assert {name for name, value in expected.items() if value is None} == {
        "balanced_accuracy", "f1", "mcc", "auc", "pr_auc",
    }  # fmt: skip
