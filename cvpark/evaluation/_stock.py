"""Stock models trained on the spot: scikit-image descriptors, plain scikit-learn."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..datasets import Split, read_image
from ..models import FACTORIES, Sigmoid, StockModel, describe_split, describe_stock
from ._folds import thin_out
from ._latency import Progress

MAX_TRAINING, MAX_VALIDATION = 6000, 2000
_CHUNK = 64  # files a task
# The default of gamma is tuned to another descriptor.
_PARAMETERS: dict[str, dict[str, Any]] = {"svm": {"gamma": "scale"}}


def train_stock(
    kinds: Sequence[str],
    training: Split,
    validation: Split,
    *,
    n_jobs: int | None = -1,
    seed: int = 0,
    progress: Progress = lambda items, total, label: items,
) -> list[StockModel]:
    """Train the classifiers of the shipped models on what scikit-image describes.

    Descriptors take some milliseconds a patch, so of the splits at most 6,000 and 2,000 patches
    are used, each day and class by its share; see `thin_out`. Cards say which. Latency does not
    depend on how many there were; accuracy may gain a little from all of them.

    Parameters
    ----------
    kinds : sequence of {"svm", "svm-linear", "gbdt"}
    training, validation : Split
        What the classifiers are fitted on, and the sigmoids that make probabilities of their
        scores; see `protocol_splits`.
    n_jobs : int or None
        Processes that read and describe patches, now and when the models are asked.
    seed : int
        Of the choice of patches and of the classifiers.
    progress : callable
        Called with parts of the work, their number and a label; passes them through.

    Returns
    -------
    list of StockModel
        Named ``stock-svm`` and so on.

    Examples
    --------
    >>> from cvpark.datasets import Dataset, sample_path
    >>> dataset = Dataset(sample_path(n_patches=120))

    >>> parts = dataset.split("train"), dataset.split("val")
    >>> [model] = train_stock(["svm-linear"], *parts, n_jobs=1)
    >>> model.kind, model.card["training"]["n_patches"]
    ('stock', 60)
    """
    from joblib import effective_n_jobs
    from threadpoolctl import threadpool_limits

    parts = [
        thin_out(training, MAX_TRAINING, seed=seed),
        thin_out(validation, MAX_VALIDATION, seed=seed),
    ]
    X = _describe([file for part in parts for file in part.files], n_jobs, progress)
    fit, held = X[: len(parts[0])], X[len(parts[0]) :]
    # The fingerprints are those of the whole splits: figures on these flatter.
    card = {
        "training": describe_split(parts[0].name, training.fingerprint, len(parts[0])),
        "validation": describe_split(parts[1].name, validation.fingerprint, len(parts[1])),
    }
    models = []
    with threadpool_limits(effective_n_jobs(n_jobs)):
        for kind in kinds:
            classifier = FACTORIES[kind](seed, **_PARAMETERS.get(kind, {}))
            classifier.fit(fit, parts[0].labels)
            sigmoid = Sigmoid.fit(classifier.decision_function(held), parts[1].labels)
            name = f"{StockModel.kind}-{kind}"
            model = StockModel(classifier, sigmoid.slope, sigmoid.intercept, name=name, card=card)
            model.n_jobs = n_jobs
            models.append(model)
    return models


def _describe(files: list[Path], n_jobs: int | None, progress: Progress) -> NDArray[np.float32]:
    from joblib import Parallel, delayed

    chunks = [files[start : start + _CHUNK] for start in range(0, len(files), _CHUNK)]
    work = delayed(_describe_files)
    pool = Parallel(n_jobs=n_jobs, return_as="generator")
    found = pool(work(chunk) for chunk in chunks)
    return np.concatenate(list(progress(found, len(chunks), "scikit-image descriptors")))


def _describe_files(files: list[Path]) -> NDArray[np.float32]:
    return np.stack([describe_stock(read_image(file)) for file in files])
