"""Comparisons of models that do not exist, with figures as a test wants them."""

from __future__ import annotations

import hashlib

import numpy as np
import pandas as pd

from cvpark.datasets import Split
from cvpark.evaluation import Comparison, Measurements, summarize
from cvpark.evaluation._measurements import FACTS, SCHEMA_VERSION, describe_measured

# name: (kind, share of wrong answers, microseconds a patch)
MODELS = {"svm": ("svm", 0.03, 90.0), "gbdt": ("gbdt", 0.06, 60.0), "cnn": ("cnn", 0.03, 150.0)}


def any_split(n_patches=480, n_days=8):
    """A split of files that are not there: two cameras, slots and hours in turn."""
    paths = tuple(
        f"SUNNY/2015-11-{11 + k % n_days}/camera{1 + k % 2}/"
        f"S_2015-11-{11 + k % n_days}_{8 + k % 9:02d}.00_C0{1 + k % 2}_{k}.jpg"
        for k in range(n_patches)
    )
    labels = (np.random.default_rng(1).random(n_patches) < 0.6).astype(np.uint8)
    return Split("val", paths, labels, n_listed=n_patches)


def measurements(split=None, models=MODELS, *, threads=(1, 2), seed=0):
    """Measurements of ``split``: name -> (kind, share of errors, microseconds)."""
    split = any_split() if split is None else split
    rng = np.random.default_rng(seed)
    info = {
        "schema_version": SCHEMA_VERSION,
        "created": "2026-01-02T03:04:05+00:00",
        "cvpark": "0.1.0",
        "seed": 0,
        "split": describe_measured(split),
        "training": None,
        "models": [
            {"name": name, "kind": kind, "threshold": 0.5, "model_bytes": 1000 * len(name),
             "seen": [], "card": {}}
            for name, (kind, _, _) in models.items()
        ],
        "environment": {"cpu": "any CPU", "cores": 2, "warning": None, "packages": {"numpy": "2"}},
        "cold_start": [_cold_start(name) for name in models],
        "costs": [{"model": name, "n_patches": 9, "cpu_s_per_1000": 0.1, "energy_j_per_1000": None}
                  for name in models],
    }  # fmt: skip
    stages = [(name, stage, 1, ns) for name in models for stage, ns in
              (("decode", 90_000), ("resize", 9_000), ("classifier", 40_000))]  # fmt: skip
    return Measurements(
        info,
        _scores(split, models, rng),
        _latency(models, threads, rng),
        pd.DataFrame(stages, columns=["model", "stage", "n_patches", "ns"]),
    )


def comparison(*args, **options):
    """`measurements` and what follows from them."""
    measured = measurements(*args, **options)
    return Comparison(summarize(measured), measured)


def _scores(split, models, rng):
    table = split.metadata()
    table["capture"] = table.camera + "/" + table.day + "/" + table.time
    table["brightness"] = rng.uniform(30, 200, len(split)).round(1)
    table["contrast"] = 20.0
    table["height"] = table["width"] = 150
    table["digest"] = [hashlib.sha256(path.encode()).hexdigest()[:16] for path in split.paths]
    table = table[list(FACTS)]
    for name, (_, error, _) in models.items():
        wrong = rng.random(len(split)) < error
        sure = rng.uniform(0.55, 0.999, len(split))
        table[name] = np.where((split.labels == 1) ^ wrong, sure, 1 - sure)
    return table


def _latency(models, threads, rng):
    rows = [
        (scenario, n, name, k, size, int(1000 * us * size * rng.lognormal(0, 0.1)))
        for name, (_, _, us) in models.items()
        for scenario, size, n_rounds in (("single_stream", 1, 200), ("frame", 40, 20))
        for n in threads
        for k in range(n_rounds)
    ]
    return pd.DataFrame(rows, columns=["scenario", "threads", "model", "round", "n_patches", "ns"])


def _cold_start(name):
    parts = ("seconds", "import_s", "load_s", "first_answer_s")
    times = {part: [0.5, 0.7, 0.6] for part in parts}
    return {"model": name, "runtime": "cvpark", **times, "peak_memory_mb": [90.0, 91.0, 92.0],
            "dependencies": {"numpy": 7_000_000}, "dependency_bytes": 7_000_000}  # fmt: skip
