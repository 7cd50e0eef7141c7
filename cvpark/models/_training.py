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
from ._calibration import Sigmoid
from ._card import describe_split, rate, versions
from ._classical import ClassicalModel
from ._narrow import fit_narrow
from ._registry import FACTORIES


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
    """

    name: str
    fingerprint: str
    X: NDArray[np.float32]
    y: NDArray[np.uint8]


def train(
    kind: str,
    training: LabelledFeatures,
    validation: LabelledFeatures,
    descriptor: Descriptor,
    *,
    parameters: Mapping[str, Any] | None = None,
    seed: int = 0,
    facts: Mapping[str, Any] | None = None,
) -> ClassicalModel:
    """Fit one kind of model.

    Parameters
    ----------
    kind : {"svm", "svm-linear", "gbdt"}
    training : LabelledFeatures
        What the classifier is fitted on.
    validation : LabelledFeatures
        What its scores are calibrated and rated on.
    descriptor : Descriptor
        Fitted; the one both were computed with.
    parameters : mapping, optional
        Of the kind's factory, such as ``{"C": 3.0}``; those left out keep their defaults.
    seed : int
    facts : mapping, optional
        More for the model's card, such as the data's name and licence, the protocol.

    Returns
    -------
    ClassicalModel
        ``card["validation"]`` holds accuracy, auc and brier.

    Raises
    ------
    DatasetError
        A part has patches of one class only.
    """
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
    model = ClassicalModel(kind, kind, descriptor, classifier, Sigmoid.fit(scores, validation.y))
    busy = model.calibration(scores)[:, 1]
    model.card = {
        **(facts or {}),
        "training": describe_split(training.name, training.fingerprint, len(training.y)),
        "validation": describe_split(validation.name, validation.fingerprint, len(validation.y))
        | rate(validation.y, busy, model.threshold_),
        "parameters": dict(parameters or {}),
        "seed": seed,
        "date": datetime.now(UTC).date().isoformat(),
        "versions": versions("numpy", "scikit-learn"),
    }
    return model
