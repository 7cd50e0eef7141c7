"""The official experiments: models trained on one part of the data, tested on others."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .. import __version__
from ..datasets import PROTOCOLS, Dataset, Protocol, Split
from ..exceptions import CVParkError, DatasetError
from ..features import FeatureStore
from ..models import load_model, read_manifest, save_bundle
from ._compare import measure
from ._experiment import train_protocol, training_splits
from ._measurements import BASELINE, Measurements, read_measurements, write_measurements
from ._metrics import figures
from ._rates import clusters
from ._statistics import Resampling

if TYPE_CHECKING:
    import pandas as pd

SCHEMA_VERSION = 1
Progress = Callable[[Iterable[Any], int, str], Iterable[Any]]

# Experiments that belong together: each trains on one part and is tested on the others.
_FAMILIES = {"weather": ("sunny", "overcast", "rainy"), "camera": ("camera1", "camera8")}


def experiments(name: str, split_names: Collection[str] | None = None) -> list[Protocol]:
    """The protocols of a family, ``weather`` or ``camera``, or the one of that name.

    Parameters
    ----------
    name : str
    split_names : collection of str, optional
        Splits there are: of a family only what they allow is left.

    Raises
    ------
    DatasetError
        No such name; the message lists the ones there are.

    Examples
    --------
    >>> [protocol.name for protocol in experiments("weather")]
    ['sunny', 'overcast', 'rainy']
    >>> experiments("camera", ["camera1", "camera2"])
    [Protocol(name='camera1', train='camera1', val=None, test='camera2')]
    """
    if name not in _FAMILIES and name not in PROTOCOLS:
        known = ", ".join([*_FAMILIES, *PROTOCOLS])
        raise DatasetError(f"no protocol {name!r}; there are: {known}")
    found = [PROTOCOLS[each] for each in _FAMILIES.get(name, (name,))]
    if split_names is None or name not in _FAMILIES:
        return found
    there = [
        replace(each, test="+".join(term for term in each.test.split("+") if term in split_names))
        for each in found
        if each.train in split_names
    ]
    if not all(each.test for each in there) or not there:
        raise DatasetError(
            f"protocol {name!r}: the data have no lists for it, such as {found[0].test}"
        )
    return there


def run_experiment(
    protocol: Protocol,
    dataset: Dataset,
    kinds: Sequence[str],
    folder: Path,
    store: Callable[[Sequence[Split]], FeatureStore],
    *,
    seed: int = 0,
    n_jobs: int | None = -1,
    allow_missing: bool = False,
    progress: Progress = lambda items, total, label: items,
    say: Callable[[str], None] = lambda text: None,
) -> Measurements:
    """Train models on a protocol's training split and measure them on its test split.

    Each model is kept in the folder as soon as it is trained, and so are the measurements; what is
    there from the same splits, descriptor and seed is not made again.

    Parameters
    ----------
    protocol : Protocol
    dataset : Dataset
    kinds : sequence of {"svm", "svm-linear", "gbdt"}
    folder : path
        Where models and measurements lie or will lie.
    store : callable
        Called with the training and validation split, gives a store of their descriptors.
    seed : int
    n_jobs : int or None
        Threads for prediction.
    allow_missing : bool
        Use what is on disk of incomplete splits.
    progress : callable
        Called with items, their number and a label; passes the items through.
    say : callable
        Called with a line about each model that is trained.

    Returns
    -------
    Measurements
        Of P(busy) alone, without latency.

    Raises
    ------
    DatasetError
        Splits that are not on disk, or a test split that has patches of the others.

    Examples
    --------
    >>> import tempfile
    >>> from cvpark.datasets import Dataset, Protocol, read_image, sample_path
    >>> from cvpark.features import Descriptor
    >>> dataset = Dataset(sample_path(n_patches=120))
    >>> store = FeatureStore(tempfile.mkdtemp())
    >>> store.extend(
    ...     dataset.everything().paths,
    ...     lambda path: read_image(dataset.locate(path)),
    ...     Descriptor(extractors=["color"]),
    ... )
    {}
    >>> protocol = Protocol("mine", "train", "val", "test")
    >>> out = Path(tempfile.mkdtemp())

    >>> measured = run_experiment(protocol, dataset, ["svm-linear"], out, lambda splits: store)
    >>> measured.info["split"]["protocol"], (out / "svm-linear.cvpark").is_file()
    ('mine', True)
    """
    test = dataset.split(protocol.test, allow_missing=allow_missing)
    training, validation = training_splits(dataset, protocol, allow_missing=allow_missing)
    parts = [training] if validation is None else [training, validation]
    for part in parts:
        if shared := len(set(part.paths) & set(test.paths)):
            raise DatasetError(
                f"protocol {protocol.name!r}: {shared:,} patches are in both {part.name!r} and "
                f"{test.name!r}"
            )
    descriptors = store(parts)
    folder.mkdir(parents=True, exist_ok=True)
    identity = _identity(parts, descriptors, seed)
    files = {kind: folder / f"{kind}.cvpark" for kind in kinds}
    missing = [kind for kind, file in files.items() if _made_from(file) != identity]
    if not missing and (known := _measured(folder, test, kinds, identity)):
        return known
    facts = {"data": dataset.about(), "protocol": protocol.name, "identity": identity}
    for kind in missing:
        say(f"{protocol.name}: training {kind} on {training.name}, {len(training):,} patches")
        model = train_protocol(
            kind,
            training,
            validation,
            descriptors,
            seed=seed,
            allow_missing=allow_missing,
            facts=facts,
        )
        save_bundle(model, files[kind])
    measurements = measure(
        [load_model(files[kind], n_jobs=n_jobs) for kind in kinds],
        test,
        training=dataset.split(protocol.train, allow_missing=allow_missing),
        protocol=protocol.name,
        timing="none",
        seed=seed,
        progress=lambda items, total, label: progress(items, total, f"{protocol.name}: {label}"),
    )
    write_measurements(measurements, folder)
    return measurements


def _identity(parts: Sequence[Split], store: FeatureStore, seed: int) -> dict[str, Any]:
    """What makes a trained model another one."""
    return {
        "training": parts[0].fingerprint,
        "validation": parts[-1].fingerprint,  # its own where there is no other
        "descriptor": store.descriptor.to_config(),
        "seed": seed,
        "cvpark": __version__,
    }


def _made_from(file: Path) -> Any:
    """Identity of a kept model, or None."""
    try:
        return read_manifest(file).get("identity") if file.exists() else None
    except CVParkError:
        return None  # damaged: it is trained anew


def _measured(
    folder: Path, test: Split, kinds: Sequence[str], identity: dict[str, Any]
) -> Measurements | None:
    """Measurements an earlier run left of just this."""
    try:
        found = read_measurements(folder)
        found.check_split(test)
    except CVParkError:
        return None
    made_from = [model["card"].get("identity") for model in found.info["models"]]
    same = found.names == list(kinds) and all(each == identity for each in made_from)
    return found if same else None


def matrix(name: str, measured: Sequence[Measurements]) -> dict[str, Any]:
    """Accuracy of each model and baseline for each part it was trained and tested on.

    Parameters
    ----------
    name : str
        As `experiments` takes it.
    measured : sequence of Measurements
        What `run_experiment` gave of each.

    Returns
    -------
    dict
        JSON-able: ``schema_version``, ``protocol``, ``created``, ``cvpark``, ``models``, and
        ``experiments``, each with ``protocol``, ``train`` and its ``cells``: ``test``, the split,
        ``n_patches``, ``n_busy``, ``cluster``, ``n_clusters`` and ``models``, of each its
        ``accuracy``, the clustered ``interval`` of it, and ``auc``.

    Examples
    --------
    >>> import tempfile
    >>> from cvpark.datasets import Dataset, Protocol, read_image, sample_path
    >>> from cvpark.features import Descriptor
    >>> dataset = Dataset(sample_path(n_patches=120))
    >>> store = FeatureStore(tempfile.mkdtemp())
    >>> store.extend(
    ...     dataset.everything().paths,
    ...     lambda path: read_image(dataset.locate(path)),
    ...     Descriptor(extractors=["color"]),
    ... )
    {}
    >>> protocol = Protocol("mine", "train", "val", "test")
    >>> out = Path(tempfile.mkdtemp())

    >>> measured = run_experiment(protocol, dataset, ["svm-linear"], out, lambda splits: store)
    >>> document = matrix("mine", [measured])
    >>> document["models"][0], document["experiments"][0]["cells"][0]["test"]
    ('svm-linear', 'test')
    """
    return {
        "schema_version": SCHEMA_VERSION,
        "protocol": name,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "cvpark": __version__,
        "models": [
            name.removeprefix(BASELINE) for name in (*measured[0].names, *measured[0].baselines)
        ],
        "experiments": [
            {
                "protocol": one.info["split"]["protocol"],
                "train": one.info["training"],
                "validation": one.info["models"][0]["card"]["validation"]["split"],
                "fingerprint": one.info["split"]["fingerprint"],
                "cells": [
                    _cell(one, test, rows)
                    for test, rows in _parts(one.info["split"]["name"], one.scores).items()
                ],
            }
            for one in measured
        ],
    }


def _parts(expression: str, scores: pd.DataFrame) -> dict[str, NDArray[np.bool_]]:
    """Rows of each weather or camera that a test split is a union of, else all of them."""
    terms = expression.split("+")
    keys = {value.lower(): scores.weather == value for value in scores.weather.unique()}
    keys |= {f"camera{value}": scores.camera == value for value in scores.camera.unique()}
    parts = {term: keys[term].to_numpy(bool) for term in terms if term in keys}
    covers = sum(int(rows.sum()) for rows in parts.values()) == len(scores)
    return parts if covers else {expression: np.ones(len(scores), bool)}


def _cell(measured: Measurements, test: str, rows: NDArray[np.bool_]) -> dict[str, Any]:
    scores = measured.scores[rows]
    groups, cluster = clusters(scores)
    resampling = Resampling(groups, seed=measured.info["seed"])
    labels = scores.occupancy.to_numpy(np.uint8)
    thresholds = {model["name"]: model["threshold"] for model in measured.info["models"]}
    found = {}
    for name in (*measured.names, *measured.baselines):
        busy, threshold = scores[name].to_numpy(float), thresholds.get(name, 0.5)
        rated = figures(labels, busy, threshold)
        found[name.removeprefix(BASELINE)] = {
            "accuracy": rated["accuracy"],
            "interval": resampling.share_interval((busy >= threshold) == labels),
            "auc": rated["auc"],
        }
    return {
        "test": test,
        "n_patches": len(scores),
        "n_busy": int(labels.sum()),
        "cluster": cluster,
        "n_clusters": resampling.n_clusters,
        "models": found,
    }
