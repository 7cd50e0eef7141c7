"""Figures of each model and baseline, with intervals, with and without defects."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from ._lots import Lots
from ._measurements import Measurements
from ._metrics import METRICS, SCALES, Figures, WeightedFigures, figures, resampled_figures
from ._statistics import LEAST_CLUSTERS, Groups, Resampling

if TYPE_CHECKING:
    import pandas as pd

Progress = Callable[[Iterable[Any], int, str], Iterable[Any]]

_N_RESAMPLES = 1000
_BLACK = 1.0  # mean gray of a placeholder; the darkest real patches have 4
_BASELINE_THRESHOLD = 0.5


def rate_columns(
    measurements: Measurements,
    groups: Groups,
    lots: Lots,
    *,
    progress: Progress = lambda items, total, label: items,
) -> dict[str, dict[str, Any]]:
    """All that P(busy) tells of each model and baseline.

    Parameters
    ----------
    measurements : Measurements
    groups : ndarray of int64, shape (n,)
        Cluster of each patch, see `clusters`.
    lots : Lots
        Of the same patches.
    progress : callable
        Called with batches of resamples, their number and a label; passes them through.

    Returns
    -------
    dict of dict
        Of each column of scores: what `figures` gives; ``intervals`` of each figure, ``clustered``
        and ``naive``; ``threshold``; ``without_defects``, the figures without black and repeated
        patches, None where there are no others; ``lot``, what `Lots` gives.
    """
    scores = measurements.scores
    labels = scores.occupancy.to_numpy(np.uint8)
    sound = ~(is_black(scores) | is_duplicate(scores)).to_numpy()
    models = measurements.info["models"]
    thresholds = {model["name"]: float(model["threshold"]) for model in models}
    thresholds |= dict.fromkeys(measurements.baselines, _BASELINE_THRESHOLD)
    rows: dict[str, dict[str, Any]] = {}
    rated = []
    for name, threshold in thresholds.items():
        busy = scores[name].to_numpy(float)
        rated.append(WeightedFigures(labels, busy, threshold))
        without = figures(labels[sound], busy[sound], threshold) if sound.any() else None
        rows[name] = {
            **figures(labels, busy, threshold),
            "threshold": threshold,
            "without_defects": without and {"n_patches": int(sound.sum()), **without},
            "lot": lots(busy >= threshold),
        }
    seed = measurements.info["seed"]
    intervals = _intervals(list(rows.values()), rated, groups, seed, progress)
    for row, found in zip(rows.values(), intervals, strict=True):
        row["intervals"] = found
    return rows


def _intervals(
    rows: list[Figures], rated: list[WeightedFigures], groups: Groups, seed: int, progress: Progress
) -> list[dict[str, Any]]:
    """Metric -> its clustered and its naive interval, of each model."""
    found: list[dict[str, Any]] = [{metric: {} for metric in METRICS} for _ in rows]
    for way, units in (("clustered", groups), ("naive", np.arange(len(groups)))):
        resampling = Resampling(units, n_resamples=_N_RESAMPLES, seed=seed)
        labelled = partial(_labelled, progress, f"{way} intervals")
        each = resampled_figures(rated, resampling, labelled)
        for row, samples, intervals in zip(rows, each, found, strict=True):
            for metric, scale in SCALES.items():
                interval = resampling.interval(row[metric], samples[metric], scale)
                intervals[metric][way] = interval
    return found


def _labelled(progress: Progress, label: str, items: Iterable[Any], total: int) -> Iterable[Any]:
    return progress(items, total, label)


def clusters(scores: pd.DataFrame) -> tuple[Groups, str]:
    """What is resampled whole: the camera-day, or the slot where camera-days are few.

    Parameters
    ----------
    scores : pandas.DataFrame
        With columns camera, day and slot_id.

    Returns
    -------
    groups : ndarray of int64, shape (n,)
        Numbered from 0.
    kind : {"camera-day", "slot"}
        The two cameras of CNRPark were recorded on a single day each: there it is the slot.

    Examples
    --------
    >>> import pandas as pd
    >>> facts = {"camera": "A", "day": "2015-07-03", "slot_id": ["4", "7", "4"]}
    >>> clusters(pd.DataFrame(facts))
    (array([0, 1, 0]), 'slot')
    """
    days, slots = (
        np.unique(scores.camera + "/" + scores[column], return_inverse=True)[1].astype(np.int64)
        for column in ("day", "slot_id")
    )
    return (days, "camera-day") if days.max() + 1 >= LEAST_CLUSTERS else (slots, "slot")


def is_black(scores: pd.DataFrame) -> pd.Series[bool]:
    """Placeholders that were written where there was no image."""
    return scores.brightness < _BLACK


def is_duplicate(scores: pd.DataFrame) -> pd.Series[bool]:
    """Patches whose pixels an earlier one has, to the last."""
    return scores.digest.duplicated()
