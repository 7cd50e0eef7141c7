"""Several models on the identical patches of one split."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from .. import __version__
from ..datasets import Split, read_image
from ..models import Model, describe_split
from ._baselines import baseline_scores
from ._busy import MachineWatch
from ._cold_start import measure_cold_start
from ._costs import measure_costs
from ._environment import describe_environment
from ._latency import SCENARIOS, measure_latency
from ._measurements import (
    BASELINE,
    FACTS,
    LATENCY,
    SCHEMA_VERSION,
    STAGES,
    Measurements,
    describe_measured,
)
from ._stages import measure_stages
from ._summary import summarize

if TYPE_CHECKING:
    import pandas as pd

_CHUNK = 512  # patches decoded at a time: 35 MB, so a split of any size fits in memory
_N_LATENCY = 1024  # patches timed, which are all decoded at once
_N_STAGES = 200
_ATTEMPTS = 3  # processes of each model to measure its cold start

Progress = Callable[[Iterable[Any], int, str], Iterable[Any]]
Timing = Literal["full", "quick", "none"]


@dataclass(frozen=True)
class Comparison:
    """What was measured and what follows from it.

    Parameters
    ----------
    document : dict
        JSON-able, see `summarize`.
    measurements : Measurements

    Examples
    --------
    >>> from cvpark.datasets import Dataset, sample_path
    >>> from cvpark.models import load_model
    >>> split = Dataset(sample_path(n_patches=120)).split("val")

    >>> comparison = compare([load_model("svm")], split, timing="none")
    >>> comparison.measurements.names
    ['svm']
    """

    document: dict[str, Any]
    measurements: Measurements


def compare(
    models: Sequence[Model],
    split: Split,
    *,
    progress: Progress = lambda items, total, label: items,
    **options: Any,
) -> Comparison:
    """Accuracy and latency of models on one split.

    Parameters
    ----------
    models, split, progress
        As for `measure`.
    **options
        Its further ones.

    Returns
    -------
    Comparison

    Examples
    --------
    >>> from cvpark.datasets import Dataset, sample_path
    >>> from cvpark.models import load_model
    >>> split = Dataset(sample_path(n_patches=120)).split("val")

    >>> comparison = compare([load_model("svm"), load_model("cnn")], split, timing="none")
    >>> [model["name"] for model in comparison.document["models"]]
    ['svm', 'cnn']
    >>> comparison.document["split"]["n_patches"] == len(split)
    True
    """
    measurements = measure(models, split, progress=progress, **options)
    return Comparison(summarize(measurements, progress=progress), measurements)


def measure(
    models: Sequence[Model],
    split: Split,
    *,
    training: Split | None = None,
    protocol: str | None = None,
    timing: Timing = "full",
    threads: Iterable[int] | None = None,
    seed: int = 0,
    progress: Progress = lambda items, total, label: items,
) -> Measurements:
    """Measure models on one split.

    Every patch is decoded once and goes to all models in the same order; thresholds come from the
    models.

    Parameters
    ----------
    models : sequence of Model
        With names that differ from each other and from the columns ``FACTS`` of scores.
    split : Split
    training : Split, optional
        What baselines are fitted on; there are none without it, or if it has patches of ``split``.
    protocol : str, optional
        Name of the experiment this is part of.
    timing : {"full", "quick", "none"}
        ``full``: latency in all scenarios, stages, CPU time and energy, cold starts. ``quick``:
        single-stream latency with one thread. ``none``: P(busy) alone.
    threads : iterable of int, optional
        Of the full timing, see `measure_latency`.
    seed : int
        Of the patches that are timed, of the order of models and of the bootstrap.
    progress : callable
        Called with items, their number and a label; passes the items through.

    Returns
    -------
    Measurements

    Examples
    --------
    >>> from cvpark.datasets import Dataset, sample_path
    >>> from cvpark.models import load_model
    >>> split = Dataset(sample_path(n_patches=120)).split("val")

    >>> measurements = measure([load_model("svm")], split, timing="none")
    >>> len(measurements.scores) == len(split), "svm" in measurements.scores
    (True, True)
    """
    _check_names([model.name for model in models])
    watch = MachineWatch()
    scores = _scores(models, split, progress)
    flattered = {split.fingerprint}
    if training is not None and not set(training.paths).isdisjoint(split.paths):
        # A model trained on it has seen a part of the split, and so would have a baseline.
        flattered.add(training.fingerprint)
        training = None
    if training is not None:
        for name, busy in baseline_scores(training, split).items():
            scores[BASELINE + name] = busy
    timings = _time(models, split, timing, threads, seed, progress)
    info = {
        "schema_version": SCHEMA_VERSION,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "cvpark": __version__,
        "seed": seed,
        "split": describe_measured(split, protocol),
        "training": training and describe_split(training.name, training.fingerprint, len(training)),
        "models": [_describe(model, flattered) for model in models],
        "environment": describe_environment() | watch.report(),
        "cold_start": timings.pop("cold_start"),
        "costs": timings.pop("costs"),
    }
    return Measurements(info, scores, **timings)


def _time(
    models: Sequence[Model],
    split: Split,
    timing: Timing,
    threads: Iterable[int] | None,
    seed: int,
    progress: Progress,
) -> dict[str, Any]:
    """Tables of latency and stages, lists of cold starts and costs."""
    import pandas as pd

    nothing = {"latency": LATENCY, "stages": STAGES}
    found: dict[str, Any] = {
        name: pd.DataFrame(columns=[*columns]) for name, columns in nothing.items()
    } | {"cold_start": [], "costs": []}
    if timing == "none":
        return found
    drawn = np.sort(np.random.default_rng(seed).permutation(len(split))[:_N_LATENCY])
    files = [split.files[row] for row in drawn]
    patches = [read_image(file) for file in files]
    given: dict[str, Any] = {"seed": seed, "progress": progress}
    if timing == "quick":
        found["latency"] = measure_latency(
            models, patches, threads=(1,), scenarios=SCENARIOS[:1], **given
        )
        return found
    contents = [file.read_bytes() for file in files[:_N_STAGES]]
    return {
        "latency": measure_latency(models, patches, threads=threads, **given),
        "stages": measure_stages(models, contents, **given),
        "costs": measure_costs(models, patches, **given),
        "cold_start": measure_cold_start(models, attempts=_ATTEMPTS, progress=progress),
    }


def _describe(model: Model, flattered: set[str]) -> dict[str, Any]:
    """A model, and what of its making happened on the split measured: figures flatter then."""
    parts = ("training", "validation")
    return {
        "name": model.name,
        "kind": model.kind,
        "threshold": float(model.threshold_),
        "model_bytes": model.model_bytes,
        "seen": [
            part for part in parts if model.card.get(part, {}).get("fingerprint") in flattered
        ],
        "card": model.card,
    }


def _check_names(names: list[str]) -> None:
    if len(set(names)) < len(names):
        raise ValueError(f"models need names that differ, got {', '.join(names)}")
    if taken := [name for name in names if name in FACTS or name.startswith(BASELINE)]:
        raise ValueError(
            f"a model cannot be called {taken[0]!r}: scores have a column of that name"
        )


def _scores(models: Sequence[Model], split: Split, progress: Progress) -> pd.DataFrame:
    """What is known of each patch and its P(busy), a column a model."""
    import pandas as pd

    files = split.files
    chunks = [slice(start, start + _CHUNK) for start in range(0, len(files), _CHUNK)]
    busy = np.empty((len(files), len(models)))
    looks: list[tuple[Any, ...]] = []
    chunk: slice
    for chunk in progress(chunks, len(chunks), "decode and predict"):
        patches = [read_image(file) for file in files[chunk]]
        looks += map(_look, patches)
        for column, model in enumerate(models):
            busy[chunk, column] = model.predict_proba(patches)[:, 1]
    table = split.metadata()
    table["capture"] = table.camera + "/" + table.day + "/" + table.time
    columns = ["brightness", "contrast", "height", "width", "digest"]
    table[columns] = pd.DataFrame(looks, columns=columns)
    table = table[list(FACTS)]
    table[[model.name for model in models]] = busy
    return table


def _look(patch: NDArray[np.uint8]) -> tuple[float, float, int, int, str]:
    """Mean and standard deviation of gray, size, digest of the pixels."""
    import cv2

    mean, deviation = cv2.meanStdDev(cv2.cvtColor(patch, cv2.COLOR_RGB2GRAY))
    digest = hashlib.sha256(patch.tobytes()).hexdigest()[:16]
    return round(mean.item(), 1), round(deviation.item(), 1), *patch.shape[:2], digest
