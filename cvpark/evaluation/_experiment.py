"""One model trained the way a protocol says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..datasets import Dataset, Protocol, Split
from ..exceptions import DatasetError, SettingsError
from ..features import FeatureStore
from ..models import ClassicalModel, LabelledFeatures, default_parameters, train

_N_PARTS = 5


def training_splits(
    dataset: Dataset, protocol: Protocol, *, allow_missing: bool = False
) -> tuple[Split, Split | None]:
    """Training split of a protocol, and the validation split where it names one.

    Parameters
    ----------
    dataset : Dataset
    protocol : Protocol
    allow_missing : bool
        Use what is on disk of incomplete splits.

    Returns
    -------
    training : Split
    validation : Split or None

    Raises
    ------
    DatasetError
        Unknown or incomplete splits, or two that overlap.

    Examples
    --------
    >>> from cvpark.datasets import Dataset, sample_path
    >>> dataset = Dataset(sample_path(n_patches=120))

    >>> training_splits(dataset, dataset.default_protocol())
    (Split('train', 60 patches), Split('val', 30 patches))
    """
    training = dataset.split(protocol.train, allow_missing=allow_missing)
    if protocol.val is None:
        return training, None
    validation = dataset.split(protocol.val, allow_missing=allow_missing)
    if shared := set(training.paths) & set(validation.paths):
        raise DatasetError(
            f"protocol {protocol.name!r}: {len(shared):,} patches are in both {training.name!r} "
            f"and {validation.name!r}"
        )
    return training, validation


def protocol_splits(
    dataset: Dataset, protocol: Protocol, *, allow_missing: bool = False
) -> tuple[Split, Split]:
    """Training and validation split of a protocol, for what cannot do without the latter.

    Where the protocol names no validation split, a fifth of the training patches is held out,
    in whole `independent_groups`.

    Parameters
    ----------
    dataset, protocol, allow_missing
        As for `training_splits`.

    Returns
    -------
    tuple of Split
        Without a patch in common.

    Raises
    ------
    DatasetError
        Unknown or incomplete splits, or two that overlap.

    Examples
    --------
    >>> from cvpark.datasets import Dataset, sample_path
    >>> dataset = Dataset(sample_path(n_patches=120))

    >>> from cvpark.datasets import Protocol
    >>> training, held_out = protocol_splits(dataset, Protocol("mine", "sunny", None, "rainy"))
    >>> held_out.name, len(training) + len(held_out) == len(dataset.split("sunny"))
    ('a fifth of sunny', True)
    """
    training, validation = training_splits(dataset, protocol, allow_missing=allow_missing)
    return _hold_out(training) if validation is None else (training, validation)


def independent_groups(split: Split) -> NDArray[np.int64]:
    """A number for each patch; those of one show the same parked cars.

    They are camera-days. The two cameras of CNRPark were recorded on a single day each: with fewer
    than five camera-days they are slots.
    """
    groups = split.groups()
    if np.unique(groups).size >= _N_PARTS:
        return groups
    facts = split.metadata()
    names = facts.camera + "/" + facts.slot_id
    return np.unique(names.to_numpy(str), return_inverse=True)[1].astype(np.int64)


def _hold_out(split: Split) -> tuple[Split, Split]:
    from sklearn.model_selection import StratifiedGroupKFold

    folds = StratifiedGroupKFold(n_splits=_N_PARTS, shuffle=True, random_state=0)
    groups = independent_groups(split)
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

    Returns
    -------
    Split

    Raises
    ------
    SplitMismatchError
        A store was made from another split of that name.

    Examples
    --------
    >>> from cvpark.datasets import Dataset, sample_path
    >>> dataset = Dataset(sample_path(n_patches=120))

    >>> import tempfile
    >>> from cvpark.datasets import read_image
    >>> from cvpark.features import Descriptor
    >>> store = FeatureStore(tempfile.mkdtemp())
    >>> read = lambda path: read_image(dataset.locate(path))

    >>> split = dataset.split("val")
    >>> store.extend(split.paths[:10], read, Descriptor(extractors=["lbp"]))
    {}
    >>> len(stored_part(split, [store], allow_missing=True))
    10
    """
    for store in stores:
        store.check_split(split.name, split.fingerprint)
    if not allow_missing:
        return split
    return split.select(np.array([all(path in store for store in stores) for path in split.paths]))


def train_protocol(
    kind: str,
    training: Split,
    validation: Split | None,
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
    training : Split
    validation : Split or None
        See `training_splits`. Without it, calibration and threshold are cross-fitted on the
        training split, in whole `independent_groups`.
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

    Returns
    -------
    ClassicalModel
        Its ``card`` tells of both splits.

    Raises
    ------
    SplitMismatchError
        The store was made from other splits.
    SettingsError
        More components than the descriptor has columns or the split patches.

    Examples
    --------
    >>> from cvpark.datasets import Dataset, sample_path
    >>> dataset = Dataset(sample_path(n_patches=120))

    >>> import tempfile
    >>> from cvpark.datasets import read_image
    >>> from cvpark.features import Descriptor
    >>> store = FeatureStore(tempfile.mkdtemp())
    >>> read = lambda path: read_image(dataset.locate(path))

    >>> store.extend(dataset.everything().paths, read, Descriptor(extractors=["lbp", "color"]))
    {}
    >>> model = train_protocol("svm-linear", dataset.split("train"), dataset.split("val"), store)
    >>> model.card["training"]["n_patches"]
    60
    """
    parts = []
    for split in (training, *([] if validation is None else [validation])):
        used = stored_part(split, [store], allow_missing=allow_missing)
        X, groups = store.matrix(used.paths), independent_groups(used)
        parts.append(LabelledFeatures(used.name, used.fingerprint, X, used.labels, groups))
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
        None if validation is None else parts[1],
        store.descriptor,
        parameters=parameters,
        seed=seed,
        facts=facts,
        target_precision=target_precision,
        target_recall=target_recall,
    )
