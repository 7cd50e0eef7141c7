"""Accuracy on parts of a split: per camera, weather, hour, brightness, patch size."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ._statistics import Groups, Resampling

if TYPE_CHECKING:
    import pandas as pd

# The same bins for every split, so that slices of two splits can be compared.
_BRIGHTNESS = (40, 80, 120, 160)
_SHORTER_SIDE = (64, 100, 125, 150)


def slice_keys(scores: pd.DataFrame) -> dict[str, pd.Series[Any]]:
    """What each patch is sliced by: slice name -> value of each patch, values sorted.

    Parameters
    ----------
    scores : pandas.DataFrame
        As in `Measurements`.

    Returns
    -------
    dict of pandas.Series
        Ordered categories, of which each has patches.

    Examples
    --------
    >>> import pandas as pd
    >>> facts = {"camera": ["10", "9"], "weather": "RAINY", "time": "07:10", "height": 150}
    >>> table = pd.DataFrame(facts | {"brightness": [12.5, 230], "width": [126, 150]})
    >>> {name: list(key) for name, key in slice_keys(table).items()}
    {'camera': ['10', '9'], 'weather': ['RAINY', 'RAINY'], 'hour': ['07', '07'],
     'brightness': ['below 40', '160 and more'], 'patch_size': ['125 to 149', '150 and more']}
    """
    import pandas as pd

    shorter = scores[["height", "width"]].min(axis=1)
    keys = {
        "camera": scores.camera,
        "weather": scores.weather,
        "hour": scores.time.str[:2],
    }
    sorted_keys = {
        name: pd.Series(pd.Categorical(key, sorted(key.unique(), key=_natural)))
        for name, key in keys.items()
    }
    return sorted_keys | {
        "brightness": _bins(scores.brightness, _BRIGHTNESS),
        "patch_size": _bins(shorter, _SHORTER_SIDE),
    }


def _natural(value: str) -> tuple[int, str]:
    return (int(value), "") if value.isdecimal() else (-1, value)


def _bins(values: pd.Series[Any], bounds: tuple[int, ...]) -> pd.Series[Any]:
    import pandas as pd

    between = [f"{low} to {high - 1}" for low, high in pairwise(bounds)]
    names = [f"below {bounds[0]}", *between, f"{bounds[-1]} and more"]
    cut = pd.cut(values, [-np.inf, *bounds, np.inf], right=False, labels=names)
    return cut.cat.remove_unused_categories()


def slice_accuracy(
    scores: pd.DataFrame, correct: Mapping[str, NDArray[np.bool_]], groups: Groups, *, seed: int
) -> dict[str, list[dict[str, Any]]]:
    """Accuracy of each model on each slice.

    Parameters
    ----------
    scores : pandas.DataFrame
        As in `Measurements`.
    correct : mapping of str to ndarray of bool
        Which patches each model is right about.
    groups : ndarray of int
        Cluster of each patch.
    seed : int

    Returns
    -------
    dict of list of dict
        Slice name -> its values, each with ``value``, ``n_patches``, ``n_busy``, ``n_clusters``,
        and ``accuracy`` and ``intervals`` (None of fewer than five clusters) of each model.
    """
    found = {}
    for name, key in slice_keys(scores).items():
        codes = key.cat.codes.to_numpy()
        found[name] = [
            _slice(str(value), codes == code, scores.occupancy.to_numpy(), correct, groups, seed)
            for code, value in enumerate(key.cat.categories)
        ]
    return found


def _slice(
    value: str,
    rows: NDArray[np.bool_],
    labels: NDArray[np.generic],
    correct: Mapping[str, NDArray[np.bool_]],
    groups: Groups,
    seed: int,
) -> dict[str, Any]:
    numbered = np.unique(groups[rows], return_inverse=True)[1].astype(np.int64)
    resampling = Resampling(numbered, seed=seed)
    return {
        "value": value,
        "n_patches": int(rows.sum()),
        "n_busy": int(labels[rows].sum()),
        "n_clusters": resampling.n_clusters,
        "accuracy": {model: float(right[rows].mean()) for model, right in correct.items()},
        "intervals": {
            model: resampling.share_interval(right[rows]) for model, right in correct.items()
        },
    }
