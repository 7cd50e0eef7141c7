"""Fit a model on training descriptors, calibrate and rate it on validation ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
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
from ._selection import calibration_folds, check_targets, choose_calibration, choose_threshold


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

    Examples
    --------
    >>> X, y = np.zeros((2, 160), np.float32), np.array([0, 1], np.uint8)
    >>> LabelledFeatures("mine", "053487cb", X, y).X.shape
    (2, 160)
    """

    name: str
    fingerprint: str
    X: NDArray[np.float32]
    y: NDArray[np.uint8]
    groups: NDArray[np.int64] | None = None


def train(
    kind: str,
    training: LabelledFeatures,
    validation: LabelledFeatures | None,
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
    validation : LabelledFeatures or None
        What its scores are calibrated and rated on, and the threshold is chosen on. None: the
        training patches, each scored by a classifier fitted without its group. This takes six fits
        and leaves nothing out of the last.
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
        ``card["validation"]`` holds what `rate` gives at its threshold, and ``cross_fitted`` where
        there was no validation data; ``card["calibrations"]``
        what each way to calibrate measured on validation data held out, see
        `choose_calibration`, and ``card["threshold_target"]`` a target there was.

    Raises
    ------
    DatasetError
        A part has patches of one class only or, without validation data, too few groups; or the
        precision is out of reach.
    ValueError
        Two targets, or one that is no share.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> patches = rng.integers(0, 256, (40, 48, 48, 3), np.uint8)
    >>> y = np.arange(40, dtype=np.uint8) % 2
    >>> patches[y == 1, 16:32] = 0  # a black bar tells the classes apart
    >>> descriptor = Descriptor(extractors=["color"]).fit()
    >>> X = descriptor.transform(patches)
    >>> parts = [LabelledFeatures(name, name, X[rows], y[rows]) for name, rows in
    ...          (("train", slice(0, 20)), ("val", slice(20, 40)))]
    >>> model = train("svm-linear", *parts, descriptor)
    >>> model.card["validation"]["accuracy"]
    1.0
    """
    check_targets(target_precision, target_recall)
    for part in (training, validation or training):
        if len(np.unique(part.y)) < 2:
            raise DatasetError(
                f"split {part.name!r}: its {len(part.y):,} patches are all of one class; "
                "training needs free and busy ones"
            )
    fit = partial(_fit, kind, dict(parameters or {}), seed)
    classifier = fit(training.X, training.y)
    if validation is None:
        rated, scores = training, _cross_fitted(fit, training)
        how = {"cross_fitted": True}
    else:
        rated, scores = validation, classifier.decision_function(validation.X)
        how = {}
    if kind == "gbdt":
        drop_bins(classifier)
    calibration, calibrations = choose_calibration(scores, rated.y, rated.groups)
    busy = calibration(scores)[:, 1]
    targets = {"target_precision": target_precision, "target_recall": target_recall}
    threshold = choose_threshold(rated.y, busy, **targets)
    model = ClassicalModel(kind, kind, descriptor, classifier, calibration, threshold)
    model.card = {
        **(facts or {}),
        "training": describe_split(training.name, training.fingerprint, len(training.y)),
        "validation": describe_split(rated.name, rated.fingerprint, len(rated.y))
        | how
        | rate(rated.y, busy, threshold),
        "calibrations": calibrations,
        "threshold_target": {name: value for name, value in targets.items() if value is not None},
        "parameters": dict(parameters or {}),
        "seed": seed,
        "date": datetime.now(UTC).date().isoformat(),
        "versions": versions("numpy", "scikit-learn"),
    }
    return model


def _fit(
    kind: str, parameters: dict[str, Any], seed: int, X: NDArray[np.float32], y: NDArray[np.uint8]
) -> Any:
    return fit_narrow(FACTORIES[kind](seed, **parameters), X, y)


def _cross_fitted(fit: Callable[..., Any], training: LabelledFeatures) -> NDArray[np.float64]:
    """Score of each patch by a classifier that never saw its group."""
    scores = np.full(len(training.y), np.nan)
    for known, held in calibration_folds(training.y, training.groups):
        scores[held] = fit(training.X[known], training.y[known]).decision_function(training.X[held])
    if np.isnan(scores).any():
        raise DatasetError(
            f"split {training.name!r}: too few camera-days with free and busy patches to hold some "
            "out; name a split to calibrate on"
        )
    return scores
