"""Calibration and threshold, chosen on validation data."""

from __future__ import annotations

import json

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from cvpark.exceptions import DatasetError
from cvpark.models import (
    Isotonic,
    Sigmoid,
    choose_calibration,
    choose_threshold,
    expected_calibration_error,
    make_calibration,
    rate,
)
from cvpark.models._selection import _standard_error


def staircase(scores):
    """A truth that no sigmoid comes near to: all but level on both sides of 0."""
    return np.where(scores < 0, 0.2, 0.7) + 0.02 * scores


def drawn(truth, n=20_000, seed=0):
    """Scores, and labels drawn with the probability that ``truth`` gives each."""
    rng = np.random.default_rng(seed)
    scores = rng.uniform(-4, 4, n)
    return scores, (rng.random(n) < truth(scores)).astype(np.uint8)


def test_the_sigmoid_that_labels_were_drawn_from_is_found():
    true = Sigmoid(2.0, -0.5)
    fitted = Sigmoid.fit(*drawn(lambda scores: true(scores)[:, 1]))
    assert fitted.slope == pytest.approx(2.0, rel=0.05)
    assert fitted.intercept == pytest.approx(-0.5, abs=0.1)


@pytest.mark.parametrize("unit", [1e-4, 1.0, 1e4])
def test_the_sigmoid_does_not_hang_on_the_unit_of_the_scores(unit):
    scores, labels = drawn(lambda scores: Sigmoid(2.0, -0.5)(scores)[:, 1])
    fitted, same = Sigmoid.fit(scores, labels), Sigmoid.fit(scores * unit, labels)
    assert same.slope * unit == pytest.approx(fitted.slope, rel=1e-5)
    assert same.intercept == pytest.approx(fitted.intercept, rel=1e-5)


def test_classes_that_do_not_overlap_have_a_finite_slope():
    fitted = Sigmoid.fit([-2, -1, 1, 2] * 10, [0, 0, 1, 1] * 10)
    busy = fitted(np.array([-2.0, -1.0, 1.0, 2.0]))[:, 1]
    assert_array_equal(busy > 0.5, [False, False, True, True])
    assert 0.9 < busy[3] < 1 - 1e-4


def test_isotonic_regression_finds_any_truth_that_ascends():
    scores, labels = drawn(staircase)
    fitted = Isotonic.fit(scores, labels)
    at = np.array([-3.5, -2.0, -0.5, 0.5, 2.0, 3.5])
    np.testing.assert_allclose(fitted(at)[:, 1], staircase(at), atol=0.04)
    assert 2 < fitted.scores.size < 200


def test_isotonic_regression_is_never_certain():
    fitted = Isotonic.fit(np.arange(20.0), np.repeat([0, 1], 10))
    assert_array_equal(fitted(np.array([-9.0, 99.0]))[:, 1], [1 / 12, 11 / 12])


@pytest.mark.filterwarnings("ignore:The inner solver")
def test_equal_scores_are_as_busy_as_their_patches():
    labels = np.repeat([0, 1, 1, 1], 5)
    for kind in (Isotonic, Sigmoid):
        assert kind.fit(np.full(20, 3.0), labels)(np.array([3.0]))[0, 1] == pytest.approx(0.75, 0.1)


@pytest.mark.parametrize("calibration", [Sigmoid(1.5, -0.1), Isotonic([-0.1, 1 / 3], [0.1, 0.7])])
def test_a_calibration_survives_json(calibration):
    config = json.loads(json.dumps(calibration.to_config()))
    scores = np.linspace(-1, 1, 50)
    assert_array_equal(make_calibration(config)(scores), calibration(scores))


def test_a_calibration_of_no_named_kind_is_refused():
    with pytest.raises(KeyError):
        make_calibration({"slope": 2.0, "intercept": 0.5})


def isotonic(scores, probabilities):
    return {"kind": "isotonic", "scores": scores, "probabilities": probabilities}


@pytest.mark.parametrize(
    ("config", "complaint"),
    [
        ({"kind": "beta"}, "unknown calibration 'beta'"),
        ({"kind": "sigmoid", "slope": "nan", "intercept": 0}, "finite"),
        ({"kind": "sigmoid", "slope": 1, "intercept": float("inf")}, "finite"),
        (isotonic([0, 1, 2], [0, 1]), "as many"),
        (isotonic([[0, 1]], [[0, 1]]), "as many"),
        (isotonic(0, 1), "knots"),
        (isotonic([], []), "knots"),
        (isotonic([0], [0.5]), "knots"),
        (isotonic(list(range(4097)), [0.5] * 4097), "2 to 4096 knots, not 4097"),
        (isotonic([0, 0], [0, 1]), "ascend strictly"),
        (isotonic([1, 0], [0, 1]), "ascend strictly"),
        (isotonic([0, None], [0, 1]), "ascend strictly"),
        (isotonic([0, 1, float("inf")], [0, 1, 1]), "finite"),
        (isotonic([-1.7e308, 1.7e308], [0, 1]), "finite"),
        (isotonic([0, 1], [0.5, 0.4]), "never descend"),
        (isotonic([0, 1], [-0.1, 1]), "0 to 1"),
        (isotonic([0, 1], [0, 1.1]), "0 to 1"),
        (isotonic([0, 1, 2], [0, None, 1]), "never descend"),
        (isotonic([0, 1], ["x", 1]), "x"),
    ],
)
@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning")
def test_what_is_no_calibration_is_refused(config, complaint):
    with pytest.raises(ValueError, match=complaint):
        make_calibration(config)


def test_knots_cannot_be_changed_from_outside():
    scores = np.array([0.0, 1.0])
    calibration = Isotonic(scores, [0.25, 0.75])
    scores[:] = 0
    assert calibration(np.array([0.5]))[0, 1] == 0.5
    with pytest.raises(ValueError, match="read-only"):
        calibration.scores[0] = 7


@pytest.mark.parametrize("grouped", [False, True])
@pytest.mark.parametrize(
    ("truth", "better"),
    [(lambda scores: Sigmoid(2.0, 0.3)(scores)[:, 1], Sigmoid), (staircase, Isotonic)],
)
def test_the_calibration_that_fits_is_chosen(truth, better, grouped):
    scores, labels = drawn(truth, 4000)
    groups = np.arange(4000) // 100 if grouped else None
    calibration, measured = choose_calibration(scores, labels, groups)
    assert isinstance(calibration, better)
    assert measured["n_folds"] == 5
    assert measured["held_out"] == ("groups" if grouped else "patches")
    gain = measured["sigmoid"]["brier"] - measured["isotonic"]["brier"]
    assert gain > 0.01 if better is Isotonic else gain < 0.001
    assert measured[calibration.to_config()["kind"]]["ece"] < 0.05


@pytest.mark.parametrize("n", [120, 1000, 5000])
def test_classes_that_do_not_overlap_leave_the_sigmoid(n):
    """Isotonic regression would tell no two free slots apart, nor any two busy ones."""
    labels = np.arange(n) % 2
    scores = np.where(labels == 1, 1.5, -1.5) + np.random.default_rng(n).uniform(-1, 1, n)
    calibration, measured = choose_calibration(scores, labels)
    assert isinstance(calibration, Sigmoid)
    assert measured["isotonic"]["brier"] < measured["sigmoid"]["brier"]


def test_few_patches_leave_the_sigmoid():
    scores, labels = drawn(staircase, 999)
    assert isinstance(choose_calibration(scores, labels)[0], Sigmoid)


def test_copies_within_a_group_make_nothing_more_certain():
    values = np.random.default_rng(0).normal(size=30)
    once = _standard_error(values, None)
    assert once == pytest.approx(values.std(ddof=1) / 30**0.5)
    assert _standard_error(np.repeat(values, 7), np.repeat(np.arange(30), 7)) == pytest.approx(once)
    assert _standard_error(np.repeat(values, 7), None) < once / 2


def test_groups_are_held_out_whole():
    """Patches of a group are copies: to have seen one is to know the others."""
    rng = np.random.default_rng(0)
    scores = np.repeat(rng.normal(size=40), 50)
    labels = np.repeat(rng.integers(0, 2, 40), 50).astype(np.uint8)
    order = rng.permutation(2000)
    scores, labels, groups = scores[order], labels[order], np.repeat(np.arange(40), 50)[order]
    whole = choose_calibration(scores, labels, groups)[1]
    leaky = choose_calibration(scores, labels)[1]
    for kind in ("sigmoid", "isotonic"):
        assert whole[kind]["brier"] > leaky[kind]["brier"]


@pytest.mark.parametrize(
    ("labels", "groups"),
    [([0, 1, 1, 1], None), ([0, 0, 1, 1], [0, 0, 0, 0]), ([0, 0, 1, 1], [0, 0, 1, 1])],
)
def test_too_few_to_hold_any_out_leave_the_sigmoid(labels, groups):
    calibration, measured = choose_calibration([-1.0, 0.0, 1.0, 2.0], labels, groups)
    assert isinstance(calibration, Sigmoid)
    assert measured == {}


LABELS = [0, 0, 1, 0, 1, 0, 1, 1]
BUSY = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.9]


@pytest.mark.parametrize(
    ("target", "threshold"),
    [
        ({}, 0.5),
        ({"target_precision": 0.1}, 0.05),  # 4 of 8: all called busy
        ({"target_precision": 0.5}, 0.05),
        ({"target_precision": 0.55}, 0.15),  # 4 of 7
        ({"target_precision": 4 / 6}, 0.25),  # 4 of 6, reached exactly
        ({"target_precision": 0.7}, 0.45),  # 3 of 4, while 3 of 5 at 0.35 are too few
        ({"target_precision": 0.8}, 0.65),
        ({"target_precision": 1.0}, 0.65),
        ({"target_recall": 1.0}, 0.25),
        ({"target_recall": 0.75}, 0.45),
        ({"target_recall": 0.6}, 0.45),
        ({"target_recall": 0.5}, 0.65),
        ({"target_recall": 0.01}, 0.8),
    ],
)
def test_thresholds_meet_their_target_and_no_more(target, threshold):
    assert choose_threshold(LABELS, BUSY, **target) == pytest.approx(threshold)


def test_probabilities_that_are_equal_are_called_together():
    labels, busy = [0, 1, 1, 0, 1], [0.2, 0.5, 0.5, 0.5, 0.9]
    assert choose_threshold(labels, busy, target_recall=0.5) == pytest.approx(0.35)
    assert choose_threshold(labels, busy, target_precision=0.8) == pytest.approx(0.7)


@pytest.mark.parametrize("name", ["precision", "recall"])
@pytest.mark.parametrize("target", [0.6, 0.8, 0.9, 0.99])
def test_targets_are_reached_by_the_least_change(name, target):
    scores, labels = drawn(lambda scores: Sigmoid(2.0, 0.3)(scores)[:, 1], 5000)
    busy = Sigmoid(2.0, 0.3)(scores)[:, 1]
    threshold = choose_threshold(labels, busy, **{f"target_{name}": target})
    assert rate(labels, busy, threshold)[name] >= target
    beyond = busy[busy < threshold] if name == "precision" else busy[busy >= threshold]
    if beyond.size:
        other = beyond.max() if name == "precision" else np.nextafter(beyond.min(), 1)
        assert rate(labels, busy, other)[name] < target


def test_neighbours_in_floating_point_are_told_apart():
    low, high = 0.3, np.nextafter(0.3, 1)
    threshold = choose_threshold([0, 1], [low, high], target_precision=1.0)
    assert low < threshold <= high


def test_a_precision_out_of_reach_says_what_can_be_reached():
    with pytest.raises(DatasetError, match=r"precision of 0\.9 .* highest is 0\.6667"):
        choose_threshold([0, 1, 1, 0], [0.1, 0.5, 0.6, 0.7], target_precision=0.9)


@pytest.mark.parametrize(
    "target",
    [
        {"target_precision": 0.9, "target_recall": 0.9},
        {"target_precision": 0.0},
        {"target_recall": 1.01},
        {"target_recall": float("nan")},
    ],
)
def test_what_is_no_target_is_refused(target):
    with pytest.raises(ValueError, match="target_"):
        choose_threshold(LABELS, BUSY, **target)


def test_the_calibration_error_by_hand():
    labels, busy = [0, 0, 1, 1, 1], [0.05, 0.05, 0.95, 0.95, 0.5]
    # bins 0, 14 and 7: 2 of 5 off by .05, 2 of 5 off by .05, 1 of 5 off by .5
    assert expected_calibration_error(labels, busy) == pytest.approx(0.14)
    assert expected_calibration_error(labels, busy, n_bins=1) == pytest.approx(0.1)
    assert expected_calibration_error([1, 0], [1.0, 0.0]) == 0


def test_errors_of_free_and_of_busy_do_not_cancel_out():
    """By the probability of the answer, as Guo et al. bin, this would be perfect."""
    labels = [1] * 9 + [0] + [0] * 7 + [1] * 3
    busy = [0.8] * 10 + [0.2] * 10
    assert expected_calibration_error(labels, busy) == pytest.approx(0.1)


def test_true_probabilities_have_an_error_near_0():
    scores, labels = drawn(staircase, 50_000)
    assert expected_calibration_error(labels, staircase(scores)) < 0.01
    assert expected_calibration_error(labels, staircase(scores) + 0.1) == pytest.approx(0.1, 0.1)


@pytest.mark.parametrize(
    ("labels", "busy"), [([], []), ([0, 1], [0.5]), ([1], [1.1]), ([1], [float("nan")])]
)
def test_an_error_of_what_is_no_probability_is_refused(labels, busy):
    with pytest.raises(ValueError, match="probabilit"):
        expected_calibration_error(labels, busy)


def test_ratings_of_answers_and_of_probabilities():
    rated = rate(np.array(LABELS, np.uint8), np.array(BUSY), 0.45)
    assert rated["accuracy"] == 0.75
    assert (rated["precision"], rated["recall"]) == (0.75, 0.75)
    assert rated["brier"] == pytest.approx(np.mean((np.array(LABELS) - BUSY) ** 2))
    assert rate(np.array(LABELS, np.uint8), np.array(BUSY), 0.95)["precision"] == 0
