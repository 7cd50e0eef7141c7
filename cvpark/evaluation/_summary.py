"""Figures, intervals and warnings out of measurements."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._latency import percentiles_us, ratio_of_medians
from ._lots import Lots
from ._measurements import BASELINE, SCHEMA_VERSION, Measurements
from ._rates import clusters, is_black, is_duplicate, rate_columns
from ._slices import slice_accuracy
from ._statistics import Groups, Resampling, mcnemar_exact

Progress = Callable[[Iterable[Any], int, str], Iterable[Any]]

_COSTS = ("cpu_s_per_1000", "energy_j_per_1000")


def summarize(
    measurements: Measurements,
    *,
    progress: Progress = lambda items, total, label: items,
) -> dict[str, Any]:
    """All that a report tells, and nothing that does not follow from the measurements.

    Parameters
    ----------
    measurements : Measurements
    progress : callable
        Called with items, their number and a label; passes the items through.

    Returns
    -------
    dict
        JSON-able; ``comparison.schema.json`` describes it.

    Examples
    --------
    >>> from cvpark.datasets import Dataset, sample_path
    >>> from cvpark.evaluation import measure
    >>> from cvpark.models import load_model
    >>> split = Dataset(sample_path(n_patches=120)).split("val")
    >>> document = summarize(measure([load_model("svm")], split, timing="none"))
    >>> document["models"][0]["name"], document["split"]["n_patches"] == len(split)
    ('svm', True)
    """
    info, scores = measurements.info, measurements.scores
    groups, cluster = clusters(scores)
    lots = Lots(scores, groups, seed=info["seed"])
    rows = rate_columns(measurements, groups, lots, progress=progress)
    labels = scores.occupancy.to_numpy()
    correct = {
        name: (scores[name].to_numpy() >= rows[name]["threshold"]) == labels
        for name in measurements.names
    }
    reference = next((model["name"] for model in info["models"] if model["kind"] == "cnn"), None)
    document = {
        "schema_version": SCHEMA_VERSION,
        **{name: info[name] for name in ("created", "cvpark", "seed")},
        "split": _describe(measurements, groups, cluster, lots.n_captures),
        "training": info["training"],
        "reference": reference,
        "models": [_model(model, rows, measurements, reference) for model in info["models"]],
        "baselines": [
            {"name": name.removeprefix(BASELINE), **rows[name]} for name in measurements.baselines
        ],
        "pairs": _pairs(correct, Resampling(groups, seed=info["seed"])),
        "slices": slice_accuracy(scores, correct, groups, seed=info["seed"]),
        "environment": info["environment"],
    }
    return document | {"warnings": _warnings(document, info)}


def _describe(
    measurements: Measurements, groups: Groups, cluster: str, n_captures: int
) -> dict[str, Any]:
    split, scores = measurements.info["split"], measurements.scores
    return {
        **{name: split[name] for name in ("name", "fingerprint", "protocol")},
        "n_patches": len(scores),
        "n_listed": split["n_listed"],
        "n_free": int((scores.occupancy == 0).sum()),
        "n_busy": int((scores.occupancy == 1).sum()),
        "n_camera_days": int((scores.camera + "/" + scores.day).nunique()),
        "cluster": cluster,
        "n_clusters": int(groups.max()) + 1,
        "n_captures": n_captures,
        "n_black": int(is_black(scores).sum()),
        "n_duplicates": int(is_duplicate(scores).sum()),
    }


def _model(
    model: dict[str, Any],
    rows: dict[str, dict[str, Any]],
    measurements: Measurements,
    reference: str | None,
) -> dict[str, Any]:
    name = model["name"]
    stages = measurements.stages[measurements.stages.model == name]
    per_patch = (stages.ns / stages.n_patches / 1000).groupby(stages.stage, sort=False).median()
    costs = [each for each in measurements.info["costs"] if each["model"] == name]
    starts = [
        _cold_start(each) for each in measurements.info["cold_start"] if each["model"] == name
    ]
    own = starts[0] if starts else {}
    return {
        "name": name,
        "kind": model["kind"],
        **rows[name],
        "latency_us": _latency(measurements, name, reference),
        "stages_us": {stage: float(value) for stage, value in per_patch.items()},
        "cold_starts": starts,
        "cold_start_s": own.get("median_s"),
        "peak_memory_mb": own.get("peak_memory_mb"),
        "dependency_bytes": own.get("dependency_bytes"),
        "model_bytes": model["model_bytes"],
        **{cost: costs[0][cost] if costs else None for cost in _COSTS},
        "seen": model["seen"],
        "card": model["card"],
    }


def _cold_start(measured: dict[str, Any]) -> dict[str, Any]:
    """Medians of the processes that ran a model by one runtime."""
    peaks = [peak for peak in measured["peak_memory_mb"] if peak is not None]
    parts = ("import_s", "load_s", "first_answer_s")
    return {
        "runtime": measured["runtime"],
        "median_s": float(np.median(measured["seconds"])),
        "samples_s": measured["seconds"],
        **{part: float(np.median(measured[part])) for part in parts},
        "peak_memory_mb": float(np.median(peaks)) if peaks else None,
        "dependency_bytes": measured["dependency_bytes"],
    }


def _latency(measurements: Measurements, name: str, reference: str | None) -> dict[str, Any]:
    """Microseconds a patch by scenario, with one thread unless the key says otherwise."""
    found: dict[str, Any] = {}
    table = measurements.latency
    for scenario, threads in dict.fromkeys(zip(table.scenario, table.threads, strict=True)):
        calls = table[(table.scenario == scenario) & (table.threads == threads)]
        per_patch = {
            str(model): part.sort_values("round").ns.to_numpy() / part.n_patches.to_numpy()
            for model, part in calls.groupby("model")
        }
        if name not in per_patch:
            continue
        ns = per_patch[name]
        key = str(scenario) if threads == 1 else f"{scenario}_{threads}_threads"
        found[key] = {
            **percentiles_us(ns, seed=measurements.info["seed"]),
            "n_patches": int(calls.n_patches.iloc[0]),
            "threads": int(threads),
            "ratio_to": {},
        }
        if reference is not None and reference in per_patch and reference != name:
            found[key]["ratio_to"][reference] = ratio_of_medians(
                ns, per_patch[reference], seed=measurements.info["seed"]
            )
    return found


def _pairs(correct: dict[str, NDArray[np.bool_]], resampling: Resampling) -> list[dict[str, Any]]:
    """Differences in accuracy between any two models, on the same patches."""
    pairs = []
    for first, second in combinations(correct, 2):
        gained = correct[first].astype(int) - correct[second]
        only_first, only_second = int((gained > 0).sum()), int((gained < 0).sum())
        pairs.append(
            {
                "first": first,
                "second": second,
                "difference": float(gained.mean()),
                "interval": resampling.share_interval(gained, "difference"),
                "only_first_right": only_first,
                "only_second_right": only_second,
                "mcnemar_p": mcnemar_exact(only_first, only_second),
            }
        )
    return pairs


def _warnings(document: dict[str, Any], info: dict[str, Any]) -> list[str]:
    """What a reader should know before believing the figures."""
    split, models = document["split"], document["models"]
    found = []
    for part, did in (("training", "trained"), ("validation", "calibrated or chosen")):
        names = [model["name"] for model in models if part in model["seen"]]
        if names:
            found.append(f"{', '.join(names)}: {did} on patches of this split; figures flatter")
    if split["n_patches"] < split["n_listed"]:
        found.append(
            f"{split['n_patches']:,} of the {split['n_listed']:,} patches of the split were there"
        )
    if split["cluster"] == "slot":
        found.append(
            f"{split['n_camera_days']} camera-days are too few to resample: intervals are over "
            f"{split['n_clusters']:,} slots"
        )
    if perfect := [model["name"] for model in models if model["accuracy"] == 1]:
        found.append(f"{', '.join(perfect)}: no error, of which a bootstrap tells no interval")
    if warning := info["environment"]["warning"]:
        found.append(warning)
    return found
