"""Adapt a model to another car park, from a few labelled patches of it."""

from __future__ import annotations

from copy import copy
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..exceptions import DatasetError, ModelFormatError
from ._bundle import load_bundle, read_estimator
from ._calibration import Calibration, Sigmoid
from ._card import describe_split
from ._classical import ClassicalModel
from ._registry import find_model
from ._scorers._estimators import LARGEST, grid_steps
from ._training import LabelledFeatures

MAX_PATCHES = 2000  # more of them are a training set

# How far a new car park is expected to change a model, as standard deviations in log odds: of the
# factor on its own log odds, of their offset, and of what depends on the patch.
_SLOPE, _OFFSET, _RESIDUAL = 0.3, 2.0, 12.0
_LOWEST_SLOPE = 0.05
_TOLERANCE, _MAX_STEPS = 1e-9, 100

Floats = NDArray[np.float64]


def load_classical(path_or_name: str | Path, *, n_jobs: int | None = 1) -> ClassicalModel:
    """A classical model with the scikit-learn classifier in its file, which `adapt` changes.

    Parameters
    ----------
    path_or_name : str or path
        ``svm``, ``svm-linear`` or ``gbdt``; or a ``.cvpark`` file. See `load_estimator` for whose
        files to open.
    n_jobs : int or None
        Threads for the descriptors of a batch; None is one, -1 one for each core.

    Raises
    ------
    ModelFormatError
        No such model, the file is not one, or it is a CNN.

    Examples
    --------
    >>> load_classical("svm-linear").kind
    'svm-linear'
    """
    path, name = find_model(path_or_name)
    if path.suffix == ".tflite":
        raise ModelFormatError(
            f"{path_or_name}: a CNN has no last layer here to refit; svm, svm-linear, gbdt and "
            ".cvpark files can be adapted"
        )
    loaded = load_bundle(path, name=name)
    descriptor, classifier = (step for _, step in read_estimator(path).steps)
    return ClassicalModel(
        name=loaded.name,
        kind=loaded.kind,
        descriptor=descriptor.set_params(n_jobs=n_jobs),
        classifier=classifier,
        calibration=loaded.calibration,
        threshold_=loaded.threshold_,
        card=loaded.card,
        model_bytes=loaded.model_bytes,
    )


def adapt(
    model: ClassicalModel, labelled: LabelledFeatures, *, refit: bool = True
) -> ClassicalModel:
    """Recalibrate a model on a few labelled patches, and refit its last layer.

    The log odds of the adapted model are ``slope * old + offset + residual(patch)``. What is known
    before a label is seen is that slope, offset and residual are near 1, 0 and 0: they have normal
    distributions, the residual that of a Gaussian process whose covariance is the kernel of the
    support vector machine. The most probable ones given the labels are kept. So a dozen patches
    move little but the offset, and a hundred correct what the model does not know of the lot.

    The residual is a sum of kernels around the labelled patches: for an RBF SVM they become
    support vectors, for a linear one they change its weights. Boosted trees have none, they are
    recalibrated.

    Parameters
    ----------
    model : ClassicalModel
        Not changed.
    labelled : LabelledFeatures
        Descriptors of patches of the new lot by the model's own descriptor; at most 2,000.
    refit : bool
        False leaves the classifier as it is and recalibrates only.

    Returns
    -------
    ClassicalModel
        With a threshold of 0.5, whatever it was before. Its card tells in ``adapted_from`` which
        model it was, and in ``validation`` which patches it was calibrated on.

    Raises
    ------
    DatasetError
        All patches are of one class, there are too many, or the labels contradict the model.

    Notes
    -----
    Rasmussen and Williams, "Gaussian Processes for Machine Learning", 2006, section 3.4,
    https://doi.org/10.7551/mitpress/3206.001.0001. We keep the mode and drop their Laplace
    approximation of its uncertainty: a model file holds one function.

    Examples
    --------
    >>> model = load_classical("svm-linear")
    >>> ground, car = np.full((2, 64, 64, 3), 90, np.uint8)
    >>> car[16:48, 16:48] = 200
    >>> X = model.descriptor.transform(np.stack([ground, car]))
    >>> lot = LabelledFeatures("mine", "", X, np.array([0, 1], np.uint8))
    >>> adapt(model, lot).predict(np.stack([ground, car]))
    array([0, 1], dtype=uint8)
    """
    _check(labelled)
    old = _as_sigmoid(model.calibration)
    log_odds = old.slope * model.classifier.decision_function(labelled.X) + old.intercept
    covariance = _OFFSET**2 + _SLOPE**2 * np.outer(log_odds, log_odds)
    points, kernel = _last_layer(model.classifier, labelled.X) if refit else (None, 0.0)
    forces = _mode(log_odds, labelled.y, covariance + _RESIDUAL**2 * kernel)
    slope = 1 + _SLOPE**2 * float(log_odds @ forces)
    if slope < _LOWEST_SLOPE:
        raise DatasetError(
            f"split {labelled.name!r}: the model takes its free patches for busy and its busy ones "
            "for free; are the labels swapped?"
        )
    offset = _OFFSET**2 * float(forces.sum())
    new = Sigmoid(slope * old.slope, slope * old.intercept + offset)
    classifier = model.classifier
    if points is not None:
        classifier = _with_residual(classifier, points, _RESIDUAL**2 * forces / new.slope)
    return replace(
        model,
        classifier=classifier,
        calibration=new,
        threshold_=0.5,
        card=_card(model, labelled),
        model_bytes=0,
    )


def _check(labelled: LabelledFeatures) -> None:
    n = len(labelled.y)
    if len(np.unique(labelled.y)) < 2:
        raise DatasetError(
            f"split {labelled.name!r}: its {n:,} patches are all of one class; adapting needs free "
            "and busy ones"
        )
    if n > MAX_PATCHES:
        raise DatasetError(
            f"split {labelled.name!r}: {n:,} patches, adapting takes at most {MAX_PATCHES:,}; "
            "so many are enough to train on"
        )


def _as_sigmoid(calibration: Calibration) -> Sigmoid:
    """The calibration, or the sigmoid nearest to it where probabilities are undecided."""
    if isinstance(calibration, Sigmoid):
        return calibration
    busy = np.clip(calibration.probabilities, 1e-6, 1 - 1e-6)
    weights = np.sqrt(busy * (1 - busy))
    slope, intercept = np.polyfit(calibration.scores, np.log(busy / (1 - busy)), 1, w=weights)
    return Sigmoid(float(slope), float(intercept))


def _last_layer(classifier: Any, X: NDArray[np.float32]) -> tuple[Floats | None, Floats | float]:
    """What is to be added for each patch, and how alike the last layer finds any two of them."""
    from sklearn.pipeline import Pipeline
    from sklearn.svm import SVC

    if not isinstance(classifier, Pipeline):
        return None, 0.0
    points = classifier[:-1].transform(X).astype(np.float64)
    machine = classifier[-1]
    if isinstance(machine, SVC):
        # Compiled, the centres are 8-bit integers on the grid of those that are there.
        steps = grid_steps(machine.support_vectors_)
        points = np.clip(np.rint(points / steps), -LARGEST, LARGEST) * steps
        squares = (points**2).sum(axis=1)
        distances = squares[:, np.newaxis] + squares - 2 * points @ points.T
        return points, np.exp(-machine._gamma * np.maximum(distances, 0.0))
    products = points @ points.T
    scale = float(np.trace(products)) / len(points)  # the kernel of a patch and itself is about 1
    return points / scale, products / scale


def _mode(prior: Floats, labels: NDArray[np.uint8], covariance: Floats) -> Floats:
    """Forces by which labels pull the most probable log odds, ``prior + covariance @ forces``.

    Newton's method, with steps halved as long as they would lead down.
    """
    signs = 2.0 * labels - 1.0

    def cost(forces: Floats, log_odds: Floats) -> float:
        misfit = np.logaddexp(0.0, -signs * log_odds).sum()
        return float(misfit + 0.5 * forces @ (log_odds - prior))

    forces, log_odds = np.zeros(len(prior)), prior
    lowest = cost(forces, log_odds)
    for _ in range(_MAX_STEPS):
        busy = 0.5 * (1 + np.tanh(0.5 * log_odds))
        root = np.sqrt(np.maximum(busy * (1 - busy), 1e-10))
        wanted = root**2 * (log_odds - prior) + labels - busy
        matrix = np.eye(len(prior)) + root[:, np.newaxis] * covariance * root
        newton = wanted - root * np.linalg.solve(matrix, root * (covariance @ wanted)) - forces
        step = 1.0
        while step > 1e-6:
            tried = forces + step * newton
            reached = cost(tried, prior + covariance @ tried)
            if reached <= lowest:
                break
            step /= 2
        else:
            break
        forces, log_odds, gain = tried, prior + covariance @ tried, lowest - reached
        lowest = reached
        if gain < _TOLERANCE:
            break
    return forces


def _with_residual(classifier: Any, points: Floats, weights: Floats) -> Any:
    """The same pipeline with kernels around ``points`` added to its decision function."""
    from sklearn.pipeline import Pipeline
    from sklearn.svm import SVC

    *before, (name, machine) = classifier.steps
    machine = copy(machine)
    if isinstance(machine, SVC):
        n = len(points)
        machine.support_vectors_ = np.vstack([machine.support_vectors_, points])
        machine.dual_coef_ = np.hstack([machine.dual_coef_, weights[np.newaxis]])
        machine._dual_coef_ = -machine.dual_coef_  # libsvm's own sign for two classes
        # Between two classes it does not matter of which a support vector is.
        machine._n_support = machine._n_support + np.array([0, n], machine._n_support.dtype)
        first = int(machine.support_.max()) + 1
        added = np.arange(first, first + n, dtype=machine.support_.dtype)
        machine.support_ = np.concatenate([machine.support_, added])
    else:
        machine.coef_ = machine.coef_ + weights @ points
    return Pipeline([*before, (name, machine)])


def _card(model: ClassicalModel, labelled: LabelledFeatures) -> dict[str, Any]:
    about = {"name": model.name, "calibration": model.calibration.to_config()}
    kept = ("sha256", "threshold", "validation", "adapted_from")
    about |= {key: model.card[key] for key in kept if key in model.card}
    # What was measured and chosen on the old validation split holds no longer.
    stale = (*kept, "calibrations", "threshold_target")
    return {
        **{key: value for key, value in model.card.items() if key not in stale},
        "adapted_from": about,
        "validation": describe_split(labelled.name, labelled.fingerprint, len(labelled.y)),
        "date": datetime.now(UTC).date().isoformat(),
    }
