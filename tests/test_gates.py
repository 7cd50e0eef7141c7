"""Bounds on accuracy and latency, and what is said when they are not kept."""

from __future__ import annotations

import pytest

from cvpark.evaluation import parse_gates, unmet

NAMES = ["svm", "cnn", "models/svm.cvpark"]


def row(name, accuracy, p50, ratio_to=None):
    return {
        "name": name,
        "accuracy": accuracy,
        "intervals": {"accuracy": {"clustered": [accuracy - 0.01, accuracy + 0.005]}},
        "latency_us": {"single_stream": {"p50": p50, "ratio_to": ratio_to or {}}},
    }


@pytest.fixture
def document():
    ratio = {"cnn": {"ratio": 0.9, "interval": [0.85, 0.95]}}
    return {
        "models": [
            row("svm", 0.98, 90.0, ratio),
            row("cnn", 0.99, 100.0),
            row("models/svm.cvpark", 0.9, 50.0),
        ]
    }


@pytest.mark.parametrize(
    ("accuracy", "ratio"),
    [(["svm=0.98"], []), (["svm=0.5", "cnn=0.99"], ["svm/cnn=0.9"]), ([], ["svm/cnn=2"])],
)
def test_what_is_met_is_not_spoken_of(document, accuracy, ratio):
    assert unmet(parse_gates(accuracy, ratio, NAMES), document) == []


def test_each_unmet_gate_is_a_line_of_its_own(document):
    gates = parse_gates(["svm=0.981", "cnn=0.98"], ["svm/cnn=0.8", "cnn/svm=1.1"], NAMES)
    assert unmet(gates, document) == [
        "accuracy of svm is 0.9800 (0.9700 to 0.9850), at least 0.981 was asked",
        "latency of svm is 0.900 times that of cnn (0.8500 to 0.9500), at most 0.8 was asked",
        "latency of cnn is 1.111 times that of svm, at most 1.1 was asked",
    ]


def test_names_may_hold_slashes(document):
    gates = parse_gates([], ["models/svm.cvpark/cnn=0.4", "cnn/models/svm.cvpark=1"], NAMES)
    assert len(unmet(gates, document)) == 2


@pytest.mark.parametrize("text", ["svm", "svm=", "=0.9", "svm=much", "svm=1.1", "svm=nan", "x=0.9"])
def test_an_accuracy_that_cannot_be_is_refused(text):
    with pytest.raises(ValueError, match=f"'{text}'"):
        parse_gates([text], [], NAMES)


@pytest.mark.parametrize(
    "text", ["svm=1", "svm/=1", "svm/x=1", "svm/cnn", "svm/cnn=-1", "svm/cnn=inf", "svm/cnn=nan"]
)
def test_a_ratio_that_cannot_be_is_refused(text):
    with pytest.raises(ValueError, match=f"'{text}'"):
        parse_gates([], [text], NAMES)
