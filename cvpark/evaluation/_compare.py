"""Several models on the identical patches of one split."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import accuracy_score, roc_auc_score

from ..datasets import Split, read_image
from ..models import Model
from ._environment import describe_environment
from ._latency import percentiles_us, single_stream
from ._statistics import clustered_interval

if TYPE_CHECKING:
    import pandas as pd

SCHEMA_VERSION = 1
_CHUNK = 512  # patches decoded at a time: 35 MB, so a split of any size fits in memory

Progress = Callable[[Iterable[Any], int, str], Iterable[Any]]


@dataclass(frozen=True)
class Comparison:
    """Stored measurements and what follows from them.

    Parameters
    ----------
    document : dict
        JSON-able summary: schema_version, split, models, environment.
    scores : pandas.DataFrame
        Column path, occupancy, and P(busy) of each model, a row a patch.
    latency_ns : pandas.DataFrame
        Nanoseconds of each single-stream call, a column a model.
    """

    document: dict[str, Any]
    scores: pd.DataFrame
    latency_ns: pd.DataFrame


def compare(
    models: Sequence[Model],
    split: Split,
    *,
    n_latency: int = 300,
    seed: int = 0,
    progress: Progress = lambda items, total, label: items,
) -> Comparison:
    """Accuracy and latency of models on one split.

    Every patch is decoded once and goes to all models in the same order; thresholds come from the
    models.

    Parameters
    ----------
    models : sequence of Model
        With names that differ.
    split : Split
    n_latency : int
        Patches, drawn from the split, whose single calls are timed.
    seed : int
        Of that draw, of the order of models and of the bootstrap.
    progress : callable
        Called with items, their number and a label; passes the items through.

    Returns
    -------
    Comparison
    """
    import pandas as pd

    names = [model.name for model in models]
    if len(set(names)) < len(names):
        raise ValueError(f"models need names that differ, got {', '.join(names)}")
    busy = _scores(models, split, progress)
    drawn = np.random.default_rng(seed).permutation(len(split))[:n_latency]
    patches = [read_image(split.locate(split.paths[row])) for row in sorted(drawn)]
    latency = single_stream(
        models,
        patches,
        seed=seed,
        progress=lambda items, total: progress(items, total, "latency"),
    )
    groups = split.groups()
    rows = [
        _row(model, split, busy[:, column], groups, latency[:, column], seed)
        for column, model in enumerate(models)
    ]
    document = {
        "schema_version": SCHEMA_VERSION,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "split": {
            "name": split.name,
            "fingerprint": split.fingerprint,
            "n_patches": len(split),
            "n_listed": split.n_listed,
            "n_free": int(np.sum(split.labels == 0)),
            "n_busy": int(np.sum(split.labels == 1)),
            "n_camera_days": len(np.unique(groups)),
        },
        "models": rows,
        "seed": seed,
        "environment": describe_environment(),
    }
    scores = pd.DataFrame({"path": split.paths, "occupancy": split.labels})
    scores[names] = busy
    return Comparison(document, scores, pd.DataFrame(latency, columns=names))


def _scores(models: Sequence[Model], split: Split, progress: Progress) -> NDArray[np.float64]:
    """P(busy), a row a patch, a column a model."""
    files = split.files
    chunks = [slice(start, start + _CHUNK) for start in range(0, len(files), _CHUNK)]
    busy = np.empty((len(files), len(models)))
    chunk: slice
    for chunk in progress(chunks, len(chunks), "accuracy"):
        patches = [read_image(file) for file in files[chunk]]
        for column, model in enumerate(models):
            busy[chunk, column] = model.predict_proba(patches)[:, 1]
    return busy


def _row(
    model: Model,
    split: Split,
    busy: NDArray[np.float64],
    groups: NDArray[np.int64],
    latency: NDArray[np.int64],
    seed: int,
) -> dict[str, Any]:
    predicted = busy >= model.threshold_
    one_class = len(np.unique(split.labels)) < 2  # the area under the curve is undefined
    return {
        "name": model.name,
        "kind": model.kind,
        "accuracy": float(accuracy_score(split.labels, predicted)),
        "accuracy_interval": clustered_interval(predicted == split.labels, groups, seed=seed),
        "auc": None if one_class else float(roc_auc_score(split.labels, busy)),
        "threshold": model.threshold_,
        "latency_us": {"single_stream": percentiles_us(latency)},
        "model_bytes": model.model_bytes,
        "seen": _seen(model, split),
    }


def _seen(model: Model, split: Split) -> list[str]:
    """What of a model's making happened on this very split: a figure on it flatters."""
    parts = ("training", "validation")
    return [
        part for part in parts if model.card.get(part, {}).get("fingerprint") == split.fingerprint
    ]
