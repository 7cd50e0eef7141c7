"""Two short runs of the latency part, without judging them."""

from __future__ import annotations

from .repeatability import MODELS, rows


def test_both_runs_give_a_ratio_for_each_scenario_and_model():
    found = list(rows(40, quick=True))
    assert {name for (_, _, name), _, _ in found} == set(MODELS) - {"cnn"}
    assert {scenario for (scenario, _, _), _, _ in found} == {"single_stream", "frame", "offline"}
    assert all(first > 0 and second > 0 for _, first, second in found)
