"""A model adapted to another car park, and what that gained there."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..datasets import Split, read_image, slot_groups
from ..exceptions import DatasetError
from ..models import ClassicalModel, LabelledFeatures, adapt, describe_split

_CHUNK = 512  # patches decoded at a time
_FOLDS, _REPEATS = 5, 10
_RATINGS = 1000  # of patches: the more there are, the less it matters how they fall into folds
_Z = 1.959964  # of a normal distribution, 95 %

Progress = Callable[[Iterable[Any], int, str], Iterable[Any]]
OnError = Literal["raise", "skip"]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Adaptation:
    """An adapted model and what was measured.

    Parameters
    ----------
    model : ClassicalModel
        Adapted on all the patches it was given. Its card holds ``document`` as ``adaptation``.
    document : dict
        JSON-able: the patches; ``before`` and ``after``, each with ``accuracy``, its ``interval``
        of 95 %, ``free_called_busy``, ``busy_called_free`` and ``brier``; the same of a ``test``.
    skipped : tuple of str
        What is wrong with each image that was left out.

    Examples
    --------
    >>> from cvpark.models import load_classical
    >>> done = Adaptation(load_classical("svm"), {"n_patches": 40}, ("a.jpg: damaged",))
    >>> done.document["n_patches"], len(done.skipped)
    (40, 1)
    """

    model: ClassicalModel
    document: dict[str, Any]
    skipped: tuple[str, ...]


def measure_adaptation(
    model: ClassicalModel,
    split: Split,
    test: Split | float | None = None,
    *,
    refit: bool = True,
    on_error: OnError = "raise",
    seed: int = 0,
    progress: Progress = lambda items, total, label: items,
) -> Adaptation:
    """Adapt a model to labelled patches of another car park, and rate it there.

    What it gained is measured on the patches themselves by cross-validation, in five folds and up
    to ten times: no patch is rated by a model that saw it, or one of the same slot where names
    tell. The model returned has seen them all.

    Parameters
    ----------
    model : ClassicalModel
        See `load_classical`.
    split : Split
        Labelled patches of the new lot, such as `labelled_split` gives.
    test : Split or float, optional
        Other patches to rate the adapted model on; or a share, up to 0.5, of the slots of
        ``split``, which are then not adapted to.
    refit : bool
        See `adapt`.
    on_error : {"raise", "skip"}
        What to do about an image that cannot be read.
    seed : int
        Of folds and of the share held back.
    progress : callable
        Called with items, their number and a label; passes the items through.

    Returns
    -------
    Adaptation

    Raises
    ------
    DatasetError
        Fewer than two patches of a class, too many patches, unreadable images, or a test split
        that shares patches with ``split``.
    ValueError
        A share that is none.

    Notes
    -----
    Intervals are Wilson's, with the number of patches divided by the design effect of slots:
    Dean and Pagano, "Evaluating confidence interval methods for binomial proportions in clustered
    surveys", Journal of Survey Statistics and Methodology 3 (2015), doi:10.1093/jssam/smv024.

    Examples
    --------
    >>> from cvpark.datasets import Dataset, sample_path
    >>> dataset = Dataset(sample_path(n_patches=120))

    >>> from cvpark.models import load_classical
    >>> done = measure_adaptation(load_classical("svm-linear"), dataset.split("val"))
    >>> done.model.name, done.document["n_patches"] == len(dataset.split("val"))
    ('svm-linear', True)
    """
    skipped: list[str] = []
    labelled = _read(model, split, on_error, skipped, progress)
    if isinstance(test, Split):
        _check_apart(split, test)
        tested = _read(model, test, on_error, skipped, progress)
    elif test is not None:
        labelled, tested = _hold_back(labelled, test, seed)
    document = _cross_validated(model, labelled, refit, seed, progress)
    adapted = adapt(model, labelled.features, refit=refit)
    if test is not None:
        document["test"] = tested.about() | {
            "before": tested.figures(_busy(model, tested)[np.newaxis], model.threshold_),
            "after": tested.figures(_busy(adapted, tested)[np.newaxis], adapted.threshold_),
        }
    adapted.card["adaptation"] = document
    return Adaptation(adapted, document, tuple(skipped))


@dataclass(frozen=True)
class _Lot:
    """Descriptors of labelled patches with the slot of each."""

    features: LabelledFeatures
    paths: tuple[str, ...]

    @property
    def slots(self) -> NDArray[np.int64]:
        return slot_groups(self.paths)

    def select(self, keep: NDArray[np.bool_], name: str) -> _Lot:
        paths = tuple(path for path, kept in zip(self.paths, keep, strict=True) if kept)
        part = Split(name, paths, self.features.y[keep])
        return _Lot(
            LabelledFeatures(name, part.fingerprint, self.features.X[keep], part.labels), paths
        )

    def about(self) -> dict[str, Any]:
        part = self.features
        return describe_split(part.name, part.fingerprint, len(part.y)) | {
            "n_free": int(np.sum(part.y == 0)),
            "n_busy": int(np.sum(part.y == 1)),
            "n_slots": len(np.unique(self.slots)),
        }

    def figures(self, busy: Floats, threshold: float) -> dict[str, Any]:
        """Of P(busy), shape (n_ratings, n_patches): each patch may be rated several times."""
        y = self.features.y
        wrong = ((busy >= threshold) != y).mean(axis=0)
        return {
            "accuracy": float(1 - wrong.mean()),
            "interval": share_interval(1 - wrong, self.slots),
            "free_called_busy": float(wrong[y == 0].mean()) if (y == 0).any() else None,
            "busy_called_free": float(wrong[y == 1].mean()) if (y == 1).any() else None,
            "brier": float(((busy - y) ** 2).mean()),
        }


def _read(
    model: ClassicalModel, split: Split, on_error: OnError, skipped: list[str], progress: Progress
) -> _Lot:
    """Descriptors of the patches that can be read."""
    blocks, readable = [], np.ones(len(split), bool)
    starts = range(0, len(split), _CHUNK)
    for start in progress(starts, len(starts), f"read {split.name}"):
        patches = []
        for row, file in enumerate(split.files[start : start + _CHUNK], start):
            try:
                patches.append(read_image(file))
            except DatasetError as error:
                if on_error == "raise":
                    raise
                skipped.append(str(error))
                readable[row] = False
        if patches:
            blocks.append(model.descriptor.transform(patches))
    if not blocks:
        raise DatasetError(f"split {split.name!r}: none of its {len(split):,} images can be read")
    kept = split.select(readable)
    X = np.concatenate(blocks)
    return _Lot(LabelledFeatures(kept.name, kept.fingerprint, X, kept.labels), kept.paths)


def _check_apart(split: Split, test: Split) -> None:
    files = {file.resolve() for file in split.files}
    if shared := sum(file.resolve() in files for file in test.files):
        raise DatasetError(
            f"split {test.name!r}: {shared:,} of its patches are among those to adapt to; a test "
            "needs others"
        )


def _hold_back(lot: _Lot, share: float, seed: int) -> tuple[_Lot, _Lot]:
    """Adapt to all slots but about this share of them."""
    from sklearn.model_selection import StratifiedGroupKFold

    if not 0 < share <= 0.5:
        raise ValueError(f"a share of {share:g} held back for the test, expected above 0 to 0.5")
    n_folds = round(1 / share)
    name, slots = lot.features.name, lot.slots
    _check_classes(lot, n_folds, f"holding back {share:g} of them")
    folds = StratifiedGroupKFold(n_folds, shuffle=True, random_state=seed)
    _, rows = next(folds.split(lot.features.X, lot.features.y, slots))
    held = np.isin(np.arange(len(slots)), rows)
    return lot.select(~held, f"{name} less {share:g}"), lot.select(held, f"{share:g} of {name}")


def _check_classes(lot: _Lot, needed: int, purpose: str) -> None:
    counts = np.bincount(lot.features.y, minlength=2)
    n_slots = len(np.unique(lot.slots))
    if counts.min() < needed or n_slots < needed:
        raise DatasetError(
            f"split {lot.features.name!r}: {counts[0]} free and {counts[1]} busy patches of "
            f"{n_slots} slots; {purpose} takes at least {needed} of each"
        )


def _cross_validated(
    model: ClassicalModel, lot: _Lot, refit: bool, seed: int, progress: Progress
) -> dict[str, Any]:
    """What the patches are, how they are rated before, and after without having been seen."""
    from sklearn.model_selection import StratifiedGroupKFold

    _check_classes(lot, 2, "cross-validation")
    part, slots = lot.features, lot.slots
    n_folds = int(min(_FOLDS, *np.bincount(part.y), len(np.unique(slots))))
    n_repeats = max(1, min(_REPEATS, _RATINGS // len(part.y)))
    before, after = _busy(model, lot), np.empty((n_repeats, len(part.y)))
    for repeat in progress(range(n_repeats), n_repeats, "cross-validate"):
        folds = StratifiedGroupKFold(n_folds, shuffle=True, random_state=seed + repeat)
        for learned, rated in folds.split(part.X, part.y, slots):
            held = np.isin(np.arange(len(slots)), rated)
            seen = lot.select(~held, part.name).features
            # Without the fold there may be one class left, which teaches nothing.
            two = len(np.unique(part.y[learned])) == 2
            fitted = adapt(model, seen, refit=refit) if two else model
            after[repeat, held] = _busy(fitted, lot.select(held, part.name))
    return lot.about() | {
        "refit": refit,
        "folds": n_folds,
        "repeats": n_repeats,
        "seed": seed,
        "before": lot.figures(before[np.newaxis], model.threshold_),
        "after": lot.figures(after, 0.5),
    }


def _busy(model: ClassicalModel, lot: _Lot) -> Floats:
    scores = model.classifier.decision_function(lot.features.X)
    return model.calibration(np.ascontiguousarray(scores, np.float64))[:, 1]


def share_interval(correct: Floats, groups: NDArray[np.int64]) -> tuple[float, float]:
    """Wilson's 95 % interval of a share, with as many patches as the groups are worth.

    Parameters
    ----------
    correct : ndarray of float64, shape (n,)
        From 0 to 1: how often the answer to a patch was right.
    groups : ndarray of int, shape (n,)
        Patches of a group may err together.

    Returns
    -------
    tuple of float
        Never of no width, however good the answers.

    Examples
    --------
    >>> low, high = share_interval(np.ones(50), np.arange(50))
    >>> round(low, 3), round(high, 3)
    (0.929, 1.0)
    """
    n, share = len(correct), float(correct.mean())
    sizes = np.unique(groups, return_counts=True)[1]
    errors = np.bincount(np.unique(groups, return_inverse=True)[1], weights=correct - share)
    n_groups = len(sizes)
    effect = float(n_groups)
    single = share * (1 - share) / n
    if single > 0 and n_groups > 1:
        effect = n_groups / (n_groups - 1) * float(errors @ errors) / n**2 / single
    worth = n / max(1.0, effect) if single > 0 else float(n_groups)
    middle = (share + _Z**2 / (2 * worth)) / (1 + _Z**2 / worth)
    spread = share * (1 - share) / worth + _Z**2 / (4 * worth**2)
    half = _Z * spread**0.5 / (1 + _Z**2 / worth)
    return max(0.0, middle - half), min(1.0, middle + half)
