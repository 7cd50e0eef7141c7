"""Fit a model on training descriptors, calibrate and rate it on validation ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..exceptions import DatasetError
from ..features import Descriptor
from ._boosting import drop_bins
from ._card import describe_split, rate, versions
from ._classical import ClassicalModel
from ._narrow import fit_narrow
from ._registry import FACTORIES
from ._selection import check_targets, choose_calibration, choose_threshold


@dataclass(frozen=True)
class LabelledFeatures:
    """Descriptors of a split with its labels and its identity.

    Parameters
    ----------
    name, fingerprint : str
        Of the split.
    X : ndarray of float32, shape (n, n_features)
    y : ndarray of uint8, shape (n,)
        0 free, 1 busy.
    groups : ndarray of int64, shape (n,), optional
        Patches of one number are not independent of each other: the camera-day. None where it is
        not known.
    """

    name: str
    fingerprint: str
    X: NDArray[np.float32]
    y: NDArray[np.uint8]
    groups: NDArray[np.int64] | None = None


def train(
    kind: str,
    training: LabelledFeatures,
    validation: LabelledFeatures,
    descriptor: Descriptor,
    *,
    parameters: Mapping[str, Any] | None = None,
    seed: int = 0,
    facts: Mapping[str, Any] | None = None,
    target_precision: float | None = None,
    target_recall: float | None = None,
) -> ClassicalModel:
    """Fit one kind of model.

    Parameters
    ----------
    kind : {"svm", "svm-linear", "gbdt"}
    training : LabelledFeatures
        What the classifier is fitted on.
    validation : LabelledFeatures
        What its scores are calibrated and rated on, and the threshold is chosen on.
    descriptor : Descriptor
        Fitted; the one both were computed with.
    parameters : mapping, optional
        Of the kind's factory, such as ``{"C": 3.0}``; those left out keep their defaults.
    seed : int
    facts : mapping, optional
        More for the model's card, such as the data's name and licence, the protocol.
    target_precision, target_recall : float, optional
        What the threshold is to reach on the validation data, see `choose_threshold`; by default
        it is 0.5.

    Returns
    -------
    ClassicalModel
        ``card["validation"]`` holds what `rate` gives at its threshold, ``card["calibrations"]``
        what each way to calibrate measured on validation data held out, see
        `choose_calibration`, and ``card["threshold_target"]`` a target there was.

    Raises
    ------
    DatasetError
        A part has patches of one class only, or the precision is out of reach.
    ValueError
        Two targets, or one that is no share.
    """
    check_targets(target_precision, target_recall)
    for part in (training, validation):
        if len(np.unique(part.y)) < 2:
            raise DatasetError(
                f"split {part.name!r}: its {len(part.y):,} patches are all of one class; "
                "training needs free and busy ones"
            )
    classifier = FACTORIES[kind](seed, **(parameters or {}))
    fit_narrow(classifier, training.X, training.y)
    if kind == "gbdt":
        drop_bins(classifier)
    scores = classifier.decision_function(validation.X)
    calibration, calibrations = choose_calibration(scores, validation.y, validation.groups)
    busy = calibration(scores)[:, 1]
    targets = {"target_precision": target_precision, "target_recall": target_recall}
    threshold = choose_threshold(validation.y, busy, **targets)
    model = ClassicalModel(kind, kind, descriptor, classifier, calibration, threshold)
    model.card = {
        **(facts or {}),
        "training": describe_split(training.name, training.fingerprint, len(training.y)),
        "validation": describe_split(validation.name, validation.fingerprint, len(validation.y))
        | rate(validation.y, busy, threshold),
        "calibrations": calibrations,
        "threshold_target": {name: value for name, value in targets.items() if value is not None},
        "parameters": dict(parameters or {}),
        "seed": seed,
        "date": datetime.now(UTC).date().isoformat(),
        "versions": versions("numpy", "scikit-learn"),
    }
    return model
