"""One model trained the way a protocol says."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..datasets import Dataset, Protocol, Split
from ..exceptions import DatasetError
from ..features import FeatureStore
from ..models import ClassicalModel, LabelledFeatures, train


def protocol_splits(
    dataset: Dataset, protocol: Protocol, *, allow_missing: bool = False
) -> tuple[Split, Split]:
    """Training and validation split of a protocol.

    Where the protocol names no validation split, a fifth of the training patches is held out,
    whole camera-days at a time: the same parked car is in neighbouring captures. The two cameras
    of CNRPark were recorded on a single day each; there whole slots are held out.

    Parameters
    ----------
    dataset : Dataset
    protocol : Protocol
    allow_missing : bool
        Use what is on disk of incomplete splits.

    Returns
    -------
    tuple of Split
        Without a patch in common.

    Raises
    ------
    DatasetError
        Unknown or incomplete splits, or two that overlap.
    """
    training = dataset.split(protocol.train, allow_missing=allow_missing)
    if protocol.val is None:
        return _hold_out(training)
    validation = dataset.split(protocol.val, allow_missing=allow_missing)
    if shared := set(training.paths) & set(validation.paths):
        raise DatasetError(
            f"protocol {protocol.name!r}: {len(shared):,} patches are in both {training.name!r} "
            f"and {validation.name!r}"
        )
    return training, validation


def _hold_out(split: Split) -> tuple[Split, Split]:
    from sklearn.model_selection import StratifiedGroupKFold

    facts = split.metadata()
    groups = facts.camera + facts.day
    if groups.nunique() < 5:
        groups = facts.camera + "/" + facts.slot_id
    folds = StratifiedGroupKFold(n_splits=5, shuffle=True, random_state=0)
    _, held = next(folds.split(np.zeros(len(split)), split.labels, groups))
    out = np.zeros(len(split), bool)
    out[held] = True
    return split.select(~out, name=f"{split.name} less a fifth"), split.select(
        out, name=f"a fifth of {split.name}"
    )


def train_protocol(
    kind: str,
    training: Split,
    validation: Split,
    store: FeatureStore,
    *,
    seed: int = 0,
    allow_missing: bool = False,
    facts: Mapping[str, object] | None = None,
) -> ClassicalModel:
    """Train one kind of model on the stored descriptors of two splits.

    Parameters
    ----------
    kind : {"svm", "svm-linear", "gbdt"}
    training, validation : Split
        See `protocol_splits`.
    store : FeatureStore
        Holds the descriptors of both.
    seed : int
    allow_missing : bool
        Leave out patches the store does not hold.
    facts : mapping, optional
        More for the model's card.

    Raises
    ------
    SplitMismatchError
        The store was made from other splits.
    """
    parts = []
    for split in (training, validation):
        store.check_split(split.name, split.fingerprint)
        stored = np.array([path in store or not allow_missing for path in split.paths])
        used = split.select(stored)
        X = store.matrix(used.paths)
        parts.append(LabelledFeatures(used.name, used.fingerprint, X, used.labels))
    return train(kind, parts[0], parts[1], store.descriptor, seed=seed, facts=facts)
