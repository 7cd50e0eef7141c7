"""One model trained the way a protocol says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..datasets import Dataset, Protocol, Split
from ..exceptions import DatasetError, SettingsError
from ..features import FeatureStore
from ..models import ClassicalModel, LabelledFeatures, default_parameters, train


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


def stored_part(split: Split, stores: Sequence[FeatureStore], *, allow_missing: bool) -> Split:
    """The patches of a split whose descriptors the stores are to give.

    Parameters
    ----------
    split : Split
    stores : sequence of FeatureStore
    allow_missing : bool
        Leave out patches that are not in every store.

    Raises
    ------
    SplitMismatchError
        A store was made from another split of that name.
    """
    for store in stores:
        store.check_split(split.name, split.fingerprint)
    if not allow_missing:
        return split
    return split.select(np.array([all(path in store for store in stores) for path in split.paths]))


def train_protocol(
    kind: str,
    training: Split,
    validation: Split,
    store: FeatureStore,
    *,
    parameters: Mapping[str, Any] | None = None,
    seed: int = 0,
    allow_missing: bool = False,
    facts: Mapping[str, object] | None = None,
    target_precision: float | None = None,
    target_recall: float | None = None,
) -> ClassicalModel:
    """Train one kind of model on the stored descriptors of two splits.

    Parameters
    ----------
    kind : {"svm", "svm-linear", "gbdt"}
    training, validation : Split
        See `protocol_splits`.
    store : FeatureStore
        Holds the descriptors of both.
    parameters : mapping, optional
        Of the classifier; those left out keep their defaults.
    seed : int
    allow_missing : bool
        Leave out patches the store does not hold.
    facts : mapping, optional
        More for the model's card.
    target_precision, target_recall : float, optional
        What the threshold is to reach on the validation split; by default it is 0.5.

    Raises
    ------
    SplitMismatchError
        The store was made from other splits.
    SettingsError
        More components than the descriptor has columns or the split patches.
    """
    parts = []
    for split in (training, validation):
        used = stored_part(split, [store], allow_missing=allow_missing)
        X = store.matrix(used.paths)
        parts.append(LabelledFeatures(used.name, used.fingerprint, X, used.labels, used.groups()))
    n_components = (default_parameters(kind) | dict(parameters or {})).get("n_components", 0)
    n_patches, n_columns = parts[0].X.shape
    if n_components > min(n_patches, n_columns):
        raise SettingsError(
            f"{kind}: n_components is {n_components}, but there are {n_columns:,} columns of "
            f"{n_patches:,} patches to make them from; choose fewer in a settings file (--config)"
        )
    return train(
        kind,
        parts[0],
        parts[1],
        store.descriptor,
        parameters=parameters,
        seed=seed,
        facts=facts,
        target_precision=target_precision,
        target_recall=target_recall,
    )
