"""Whole lots: how many slots of a capture are counted busy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ._statistics import Groups, Resampling

if TYPE_CHECKING:
    import pandas as pd


class Lots:
    """The captures of a split: the slots one camera saw at one time.

    Parameters
    ----------
    scores : pandas.DataFrame
        As in `Measurements`.
    groups : ndarray of int
        Cluster of each patch. Where a capture lies in several of them, there are no intervals.
    seed : int

    Examples
    --------
    >>> import pandas as pd
    >>> scores = pd.DataFrame({"capture": ["a", "a", "b"], "occupancy": [1, 0, 1]})
    >>> found = Lots(scores, np.array([0, 0, 1]))(np.array([True, True, True]))
    >>> found["exact_share"], found["mean_absolute_error"]
    (0.5, 0.5)
    """

    def __init__(self, scores: pd.DataFrame, groups: Groups, *, seed: int = 0) -> None:
        capture = np.unique(scores.capture, return_inverse=True)[1]
        self._capture = capture.astype(np.int64)
        self.n_captures = int(capture.max()) + 1
        self._labels = scores.occupancy.to_numpy()
        cluster = np.zeros(self.n_captures, np.int64)
        cluster[capture] = groups
        is_nested = np.array_equal(cluster[capture], groups)
        self._resampling = Resampling(cluster, seed=seed) if is_nested else None

    def __call__(self, answers: NDArray[np.bool_]) -> dict[str, Any]:
        """How well busy slots are counted.

        Parameters
        ----------
        answers : ndarray of bool, shape (n_patches,)
            Patches called busy.

        Returns
        -------
        dict
            ``n_captures``; ``exact_share`` of captures whose count is right and
            ``mean_absolute_error`` of the count, in slots, with ``intervals`` of both.
        """
        error = answers.astype(float) - self._labels
        off = np.abs(np.bincount(self._capture, error, self.n_captures))
        exact = off == 0
        known = self._resampling
        return {
            "n_captures": self.n_captures,
            "exact_share": float(exact.mean()),
            "mean_absolute_error": float(off.mean()),
            "intervals": {
                "exact_share": known.share_interval(exact) if known else None,
                "mean_absolute_error": known.share_interval(off, "count") if known else None,
            },
        }
