"""Search for the parameters of a classifier, resumable."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from time import perf_counter
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .._files import atomic_write
from ..datasets import Split
from ..exceptions import DatasetError, MissingExtraError, SplitMismatchError
from ..features import FeatureStore
from ..models import Settings, default_parameters, write_settings
from ._folds import cross_validate, day_folds
from ._spaces import SPACES

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial, Trial

Progress = Callable[[Iterable[Any], int], Iterable[Any]]

_PATIENCE = 5  # trials that must have reached a fold before one is given up there
_N_FOR_SCALE = 5000  # patches that tell the variances of principal components


@dataclass(frozen=True)
class Tuning:
    """What a search has found so far.

    Parameters
    ----------
    settings : Settings
        The best, every parameter spelled out.
    best, defaults : dict
        Rows of ``trials``: that of the highest accuracy, and the first, with default parameters.
    trials : list of dict
        A row each: number, state (complete or pruned), accuracy, auc, brier, fit_seconds, the
        folder of the features, the parameters, and the accuracy of each fold.
    settings_file, trials_file : Path
        Where both are on disk.

    Examples
    --------
    >>> import tempfile
    >>> from cvpark.datasets import Dataset, read_image, sample_path
    >>> from cvpark.features import Descriptor
    >>> dataset = Dataset(sample_path(n_patches=120))
    >>> split = dataset.split("train+val")
    >>> store = FeatureStore(tempfile.mkdtemp())
    >>> read = lambda path: read_image(dataset.locate(path))
    >>> store.extend(split.paths, read, Descriptor(extractors=["color"]))
    {}
    >>> found = tune("svm-linear", split, [store], tempfile.mkdtemp(), n_trials=2, n_folds=2)

    >>> found.defaults["number"], found.best in found.trials, found.settings.model
    (0, True, 'svm-linear')
    """

    settings: Settings
    best: dict[str, Any]
    defaults: dict[str, Any]
    trials: list[dict[str, Any]]
    settings_file: Path
    trials_file: Path


def tune(
    kind: str,
    split: Split,
    stores: Sequence[FeatureStore],
    out: str | Path,
    *,
    n_trials: int,
    n_folds: int = 5,
    seed: int = 0,
    timeout: float | None = None,
    progress: Progress = lambda items, total: items,
) -> Tuning:
    """Search for the parameters of highest accuracy over folds of whole days.

    The first trial has the default parameters and the first store, so the best is never worse.
    The others are drawn by a tree-structured Parzen estimator (Bergstra et al., "Algorithms for
    hyper-parameter optimization", NIPS 2011). A trial is given up after two folds or more when it
    is then below the median of what trials had there: that median rule of Google Vizier (Golovin
    et al., KDD 2017, doi:10.1145/3097983.3098043), but of the running accuracy and not of the
    best so far, for folds differ in difficulty.

    Parameters
    ----------
    kind : {"svm", "svm-linear", "gbdt"}
    split : Split
        Patches to search on; never those of a test split.
    stores : sequence of FeatureStore
        Their descriptors; several, each with another descriptor, are searched over too.
    out : path
        Folder for ``search.log``, ``trials.csv`` and ``best.toml``, all up to date after each
        trial. A search that was ended, however, goes on there.
    n_trials : int
        In all, with those of earlier calls.
    n_folds : int
    seed : int
        The same data, seed and number of trials give the same trials, interrupted or not.
    timeout : float, optional
        Seconds after which no further trial begins.
    progress : callable
        Called with the trials to come and their number; passes them through.

    Raises
    ------
    SplitMismatchError
        The folder holds the search of another kind, other patches, descriptors, folds or seed.
    DatasetError
        Days or classes do not suffice for the folds, or the search's log is damaged.
    MissingExtraError
        Optuna is not installed.

    Examples
    --------
    >>> import tempfile
    >>> from cvpark.datasets import Dataset, read_image, sample_path
    >>> from cvpark.features import Descriptor
    >>> dataset = Dataset(sample_path(n_patches=120))
    >>> split = dataset.split("train+val")
    >>> store = FeatureStore(tempfile.mkdtemp())
    >>> read = lambda path: read_image(dataset.locate(path))
    >>> store.extend(split.paths, read, Descriptor(extractors=["color"]))
    {}
    >>> found = tune("svm-linear", split, [store], tempfile.mkdtemp(), n_trials=2, n_folds=2)

    >>> len(found.trials), found.settings_file.name
    (2, 'best.toml')
    """
    search = _Search(kind, split, stores, n_folds, seed)
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    study = _open_study(out / "search.log", search)
    start = perf_counter()
    to_come = range(len(_finished(study)), n_trials)
    for _ in progress(to_come, len(to_come)):
        _run_trial(study, search)
        _write(study, search, out)
        if timeout is not None and perf_counter() - start > timeout:
            break
    return _write(study, search, out)


def load_optuna() -> ModuleType:
    """Import Optuna.

    Returns
    -------
    module

    Raises
    ------
    MissingExtraError
        It is not installed.

    Examples
    --------
    >>> load_optuna().__name__
    'optuna'
    """
    try:
        return import_module("optuna")
    except ImportError as error:
        raise MissingExtraError('tuning needs a package: pip install "cvpark[tune]"') from error


class _Search:
    """What stays the same over all trials."""

    def __init__(
        self, kind: str, split: Split, stores: Sequence[FeatureStore], n_folds: int, seed: int
    ) -> None:
        self.kind, self.split, self.stores, self.seed = kind, split, list(stores), seed
        self.folds = day_folds(split, n_folds, seed=seed)
        self._loaded: tuple[int, NDArray[np.float32]] | None = None
        self._variances: dict[int, NDArray[np.float64]] = {}

    def identity(self) -> dict[str, Any]:
        """What a search must have in common with the one it goes on with."""
        return {
            "model": self.kind,
            "patches": self.split.fingerprint,
            "descriptors": [store.descriptor.to_config() for store in self.stores],
            "folds": len(self.folds),
            "seed": self.seed,
        }

    def matrix(self, number: int) -> NDArray[np.float32]:
        """Descriptors of a store, of which one at a time is in memory."""
        if self._loaded is None or self._loaded[0] != number:
            self._loaded = None
            self._loaded = number, self.stores[number].matrix(self.split.paths)
        return self._loaded[1]

    def first(self) -> dict[str, Any]:
        """The point of the space that is nearest to the default parameters."""
        defaults = default_parameters(self.kind)
        if "gamma" in defaults:
            n_components = self._at_most(0, defaults["n_components"])
            given = defaults["gamma"]
            defaults["gamma"] = 1.0 if given == "scale" else given * self._variance(0, n_components)
        point = {name: each.nearest(defaults[name]) for name, each in SPACES[self.kind].items()}
        return point | ({"features": 0} if len(self.stores) > 1 else {})

    def suggest(self, trial: Trial) -> tuple[int, dict[str, Any]]:
        """Number of the store and parameters of the classifier for a trial."""
        number = 0
        if len(self.stores) > 1:
            number = trial.suggest_categorical("features", range(len(self.stores)))
        point = {name: each.suggest(trial, name) for name, each in SPACES[self.kind].items()}
        parameters = default_parameters(self.kind)
        is_default = trial.user_attrs.get("is_default", False)
        if not is_default:
            parameters |= point
        if "n_components" in parameters:
            parameters["n_components"] = self._at_most(number, parameters["n_components"])
        if "gamma" in parameters and not is_default:
            scale = 1 / self._variance(number, parameters["n_components"])
            parameters["gamma"] = float(f"{point['gamma'] * scale:.4g}")
        return number, parameters

    def _at_most(self, number: int, n_components: int) -> int:
        """As many components as columns and the patches of each fold allow."""
        n_rows = min(len(fit) for fit, _ in self.folds)
        return min(n_components, n_rows, len(self.matrix(number)[0]))

    def _variance(self, number: int, n_components: int) -> float:
        """Sum of the variances of the leading principal components, 1 over gamma="scale"."""
        if number not in self._variances:
            from sklearn.preprocessing import StandardScaler

            X = self.matrix(number)
            rows = np.random.default_rng(self.seed).permutation(len(X))[:_N_FOR_SCALE]
            scaled = StandardScaler().fit_transform(X[np.sort(rows)])
            self._variances[number] = np.linalg.eigvalsh(np.cov(scaled.T))[::-1].cumsum()
        return float(self._variances[number][n_components - 1])


def _open_study(log: Path, search: _Search) -> Study:
    """The search of this folder, begun or ready to go on."""
    optuna = load_optuna()
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    _drop_half_line(log)
    file = str(log.resolve())
    try:
        storage = JournalStorage(JournalFileBackend(file, JournalFileOpenLock(file)))
        study = optuna.create_study(
            storage=storage, study_name="cvpark", direction="maximize", load_if_exists=True
        )
    except (ValueError, KeyError, TypeError) as error:
        raise DatasetError(
            f"{log}: not the log of a search ({error}); search into another folder"
        ) from error
    identity = search.identity()
    known = study.user_attrs.get("search", identity)
    if differing := [name for name, value in identity.items() if known.get(name) != value]:
        raise SplitMismatchError(
            f"{log.parent}: holds a search with other {', '.join(differing)}; repeat its command "
            "to go on, or search into another folder"
        )
    study.set_user_attr("search", identity)
    _enqueue_unfinished(study, search.first())
    return study


def _drop_half_line(log: Path) -> None:
    """Cut off the line a full disk or a loss of power left unfinished: the rest is whole."""
    if log.exists() and not (data := log.read_bytes()).endswith(b"\n"):
        with atomic_write(log) as partial:
            partial.write_bytes(data[: data.rfind(b"\n") + 1])


def _enqueue_unfinished(study: Study, first: dict[str, Any]) -> None:
    """Plan the trial of the default parameters, and again what was under way when a run ended."""
    from optuna.trial import TrialState

    if not any(trial.user_attrs.get("is_default") for trial in study.trials):
        study.enqueue_trial(first, user_attrs={"is_default": True})
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        is_default = trial.user_attrs.get("is_default", False)
        study.enqueue_trial(
            first if is_default else trial.params, user_attrs={"is_default": is_default}
        )
        study.tell(trial.number, state=TrialState.FAIL)


def _finished(study: Study) -> list[FrozenTrial]:
    from optuna.trial import TrialState

    ended = (TrialState.COMPLETE, TrialState.PRUNED)
    trials: list[FrozenTrial] = study.get_trials(deepcopy=False, states=ended)
    return trials


def _run_trial(study: Study, search: _Search) -> None:
    from optuna.samplers import TPESampler
    from optuna.trial import TrialState

    others = _finished(study)
    # A sampler for each trial: what it draws does not depend on when the search was interrupted.
    study.sampler = TPESampler(seed=search.seed + len(others))
    trial = study.ask()
    number, parameters = search.suggest(trial)
    trial.set_user_attr("features", number)
    trial.set_user_attr("parameters", parameters)
    figures = cross_validate(
        search.kind,
        search.matrix(number),
        search.split.labels,
        search.folds,
        parameters=parameters,
        seed=search.seed,
    )
    for each in figures:
        step = len(each.folds)
        trial.set_user_attr("figures", asdict(each))
        trial.report(each.accuracy, step)
        if step == len(search.folds):
            study.tell(trial, each.accuracy)
        elif _is_behind(each.accuracy, step, others):
            study.tell(trial, state=TrialState.PRUNED)
            break


def _is_behind(accuracy: float, step: int, others: list[FrozenTrial]) -> bool:
    there = [other.intermediate_values.get(step) for other in others]
    known = [value for value in there if value is not None]
    return len(known) >= _PATIENCE and accuracy < float(np.median(known))


def _write(study: Study, search: _Search, out: Path) -> Tuning:
    finished = _finished(study)
    rows = {trial.number: _row(trial, search) for trial in finished}
    first = next(trial for trial in finished if trial.user_attrs.get("is_default"))
    best = study.best_trial
    descriptor = search.stores[best.user_attrs["features"]].descriptor.to_config()
    settings = Settings(search.kind, descriptor, best.user_attrs["parameters"])
    trials_file = out / "trials.csv"
    with atomic_write(trials_file) as partial, partial.open("w", encoding="utf-8") as stream:
        columns = [*rows[first.number]]
        writer = csv.DictWriter(stream, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows.values())
    return Tuning(
        settings,
        rows[best.number],
        rows[first.number],
        list(rows.values()),
        write_settings(settings, out / "best.toml"),
        trials_file,
    )


def _row(trial: FrozenTrial, search: _Search) -> dict[str, Any]:
    figures = trial.user_attrs["figures"]
    folds = [*figures["folds"], *[None] * len(search.folds)][: len(search.folds)]
    return {
        "number": trial.number,
        "state": trial.state.name.lower(),
        **{name: figures[name] for name in ("accuracy", "auc", "brier", "fit_seconds")},
        "features": str(search.stores[trial.user_attrs["features"]].folder),
        **trial.user_attrs["parameters"],
        **{f"fold_{index}": value for index, value in enumerate(folds, 1)},
    }
