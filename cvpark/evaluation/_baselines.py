"""What a model must beat: answers that do not look at the patch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..datasets import Split
from ..exceptions import DatasetError
from ._statistics import Floats

if TYPE_CHECKING:
    import pandas as pd


def baseline_scores(training: Split, split: Split) -> dict[str, Floats]:
    """P(busy) of baselines fitted on one split, for the patches of another.

    Parameters
    ----------
    training, split : Split
        Without a patch in common.

    Returns
    -------
    dict of ndarray of float64
        ``majority``: the share of busy patches in ``training``, whatever the patch;
        ``position``: that of the patch's slot, or of all where ``training`` lacks the slot.

    Raises
    ------
    DatasetError
        The splits have patches in common.

    Examples
    --------
    >>> names = [f"A/busy/20150703_14{minute}_{slot}.jpg" for minute in (10, 15) for slot in (1, 2)]
    >>> training = Split("known", tuple(names), np.array([1, 0, 1, 1], np.uint8))
    >>> split = Split("new", tuple(name.replace("_14", "_15") for name in names), training.labels)
    >>> baseline_scores(training, split)["position"].tolist()
    [1.0, 0.5, 1.0, 0.5]
    """
    if shared := len(set(training.paths) & set(split.paths)):
        raise DatasetError(
            f"{training.name!r} and {split.name!r} have {shared:,} patches in common"
        )
    share = float(training.labels.mean())
    busy = training.metadata().occupancy.groupby(_slots(training)).mean()
    position = _slots(split).map(busy).fillna(share).to_numpy(float)
    return {"majority": np.full(len(split), share), "position": position}


def _slots(split: Split) -> pd.Series[str]:
    """The slot of each patch; ids of CNR-EXT name the same slot for every camera."""
    facts = split.metadata()
    local = ~facts.camera.str.isdecimal()
    return facts.slot_id.mask(local, facts.camera + "/" + facts.slot_id)
