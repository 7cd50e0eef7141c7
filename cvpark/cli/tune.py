"""cvpark tune: search for the parameters of a classifier."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ._options import (
    KIND,
    allow_missing_option,
    choose_protocol,
    data_option,
    jobs_option,
    open_dataset,
    protocol_option,
    seed_option,
)
from ._output import progress, say
from ._training import default_store, extract_splits, open_store

if TYPE_CHECKING:
    from ..datasets import Dataset, Split
    from ..evaluation import Tuning
    from ..features import FeatureStore


@click.command()
@click.option(
    "--model",
    "kind",
    type=KIND,
    required=True,
    help="RBF SVM, linear SVM or gradient-boosted trees.",
)
@click.option(
    "--trials",
    type=click.IntRange(min=1),
    default=50,
    show_default=True,
    metavar="N",
    help="Trials in all, with those of earlier runs.",
)
@data_option
@click.option(
    "--features",
    "folders",
    multiple=True,
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Folder `cvpark extract` made; several, each with another descriptor, are searched over "
    "too. Default: ./features if it is there, else computed into the folder of --out.",
)
@protocol_option
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Folder for trials.csv, best.toml and search.log. Default: tune-MODEL.",
)
@click.option(
    "--folds",
    type=click.IntRange(min=2),
    default=5,
    show_default=True,
    metavar="N",
    help="Parts the days are divided into, each held out once.",
)
@click.option(
    "--subset",
    type=click.IntRange(min=1),
    metavar="N",
    help="Search on N patches, drawn from all days. Default: on all patches.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="Begin no further trial after that time.",
)
@seed_option
@click.option(
    "--format",
    "output_format",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="What to print.",
)
@jobs_option
@allow_missing_option
def tune(
    kind: str,
    trials: int,
    data: Path | None,
    folders: tuple[Path, ...],
    protocol: str | None,
    out: Path | None,
    folds: int,
    subset: int | None,
    timeout: float | None,
    seed: int,
    output_format: str,
    jobs: int,
    allow_missing: bool,
) -> None:
    """Search for the parameters of highest accuracy; needs pip install "cvpark[tune]".

    Patches are those of the protocol's training and validation splits, never of its test split.
    Each day of them is held out once, whole: the same parked car is in neighbouring captures. The
    first trial has the default parameters.

    An interrupted search goes on when the command is repeated; with a larger --trials it goes
    further. trials.csv and best.toml are up to date after each trial.

    \b
    Examples:
      cvpark tune --model svm --trials 40 --subset 12000
      cvpark tune --model gbdt --features hog-64 --features hog-48 --timeout 7200
      cvpark train --config tune-svm/best.toml
    """
    from .. import evaluation

    evaluation.load_optuna()  # before minutes of extraction
    out = out or Path(f"tune-{kind}")
    dataset = open_dataset(data)
    chosen = choose_protocol(dataset, protocol)
    splits = evaluation.protocol_splits(dataset, chosen, allow_missing=allow_missing)
    stores = _open_stores(folders, out, dataset, splits, jobs)
    parts = [evaluation.stored_part(split, stores, allow_missing=allow_missing) for split in splits]
    split = _join(*parts)
    if subset is not None:
        split = evaluation.thin_out(split, subset, seed=seed)
    say(f"tuning {kind} on {split.name}: {len(split):,} patches, {folds} folds of whole days")
    tuning = evaluation.tune(
        kind,
        split,
        stores,
        out,
        n_trials=trials,
        n_folds=folds,
        seed=seed,
        timeout=timeout,
        progress=lambda items, total: progress(items, total, "tune"),
    )
    document = _document(tuning, split, folds)
    click.echo(json.dumps(document, indent=2) if output_format == "json" else _render(document))


def _open_stores(
    folders: tuple[Path, ...], out: Path, dataset: Dataset, splits: tuple[Split, Split], jobs: int
) -> list[FeatureStore]:
    found = default_store() if not folders else None
    if found is not None:
        folders = (found,)
    if folders:
        return [open_store(folder) for folder in folders]
    return [extract_splits(out / "features", dataset, splits, jobs)]


def _join(training: Split, validation: Split) -> Split:
    import numpy as np

    from ..datasets import Split

    return Split(
        f"{training.name}+{validation.name}",
        training.paths + validation.paths,
        np.concatenate([training.labels, validation.labels]),
    )


def _document(tuning: Tuning, split: Split, folds: int) -> dict[str, Any]:
    best = tuning.best
    return {
        "schema_version": 1,
        "model": tuning.settings.model,
        "split": {
            "name": split.name,
            "n_patches": len(split),
            "fingerprint": split.fingerprint,
        },
        "folds": folds,
        "trials": {
            "complete": sum(trial["state"] == "complete" for trial in tuning.trials),
            "pruned": sum(trial["state"] == "pruned" for trial in tuning.trials),
            "file": str(tuning.trials_file),
        },
        "best": {
            **{key: best[key] for key in ("number", "accuracy", "auc", "brier", "features")},
            "classifier": tuning.settings.classifier,
            "settings": str(tuning.settings_file),
        },
        "defaults": {key: tuning.defaults[key] for key in ("accuracy", "auc", "brier")},
    }


def _render(document: dict[str, Any]) -> str:
    best, defaults, trials = document["best"], document["defaults"], document["trials"]
    parameters = ", ".join(f"{name}={value}" for name, value in best["classifier"].items())
    return (
        f"{best['settings']}: trial {best['number']}, the best of {trials['complete']} and "
        f"{trials['pruned']} given up early ({trials['file']})\n"
        f"accuracy {best['accuracy']:.4f}, AUC {best['auc']:.4f}, Brier {best['brier']:.4f} over "
        f"{document['folds']} folds of whole days; by default {defaults['accuracy']:.4f}, "
        f"{defaults['auc']:.4f}, {defaults['brier']:.4f}\n"
        f"{document['model']} on {best['features']}: {parameters}"
    )
