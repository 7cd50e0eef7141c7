"""cvpark train: fit a classical model on descriptors."""

from __future__ import annotations

from pathlib import Path
from time import perf_counter
from typing import Any

import click

from ._config import Config
from ._options import (
    KIND,
    allow_missing_option,
    config_option,
    data_option,
    jobs_option,
    open_dataset,
    protocol_option,
    seed_option,
)
from ._training import default_store, read_model_settings, train_models

_SHARE = click.FloatRange(0, 1, min_open=True)


@click.command()
@click.option(
    "--model",
    "kind",
    type=KIND,
    help="RBF SVM, linear SVM or gradient-boosted trees. Default: that of --config.",
)
@config_option
@data_option
@click.option(
    "--features",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Folder `cvpark extract` made. Default: ./features if it is there, else computed now.",
)
@protocol_option
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Model file to write. Default: the model's name with .cvpark.",
)
@click.option(
    "--target-precision",
    type=_SHARE,
    metavar="SHARE",
    help="Lowest threshold at which this share of the patches called busy is so, on the "
    "validation split. Default: a threshold of 0.5.",
)
@click.option(
    "--target-recall",
    type=_SHARE,
    metavar="SHARE",
    help="Highest threshold at which this share of the busy patches is found, on the validation "
    "split.",
)
@seed_option
@jobs_option
@allow_missing_option
def train(
    kind: str | None,
    config: Config | None,
    data: Path | None,
    folder: Path | None,
    protocol: str | None,
    out: Path | None,
    target_precision: float | None,
    target_recall: float | None,
    seed: int,
    jobs: int,
    allow_missing: bool,
) -> None:
    """Train a model on the protocol's training split.

    Scores are calibrated on the validation split, whose accuracy and AUC are printed; where the
    protocol has none, on the training split, each fifth of its camera-days scored by a model
    trained on the others. The test split is not looked at.

    A settings file names the kind, the descriptor and the classifier's parameters; each part may
    be left out, and every parameter:

    \b
      model = "svm"
      [descriptor]
      size = 48
      [[descriptor.extractors]]
      kind = "hog"
      variant = "fhog"
      [classifier]
      C = 3.0

    A table [train] in it holds values for the options below, such as out = "mine.cvpark".

    \b
    Examples:
      cvpark train --model svm --data /data/cnrpark
      cvpark train --model gbdt --features features --protocol sunny --out sunny.cvpark
      cvpark train --config tune-svm/best.toml
      cvpark train --model svm --target-precision 0.999
    """
    from ..models import save_bundle

    if target_precision is not None and target_recall is not None:
        raise click.UsageError("--target-precision or --target-recall: a threshold meets one")
    kind = _choose_kind(kind, config)
    start = perf_counter()
    (model,) = train_models(
        [kind],
        open_dataset(data),
        protocol,
        folder=folder or default_store(),
        config=config,
        seed=seed,
        n_jobs=jobs,
        allow_missing=allow_missing,
        target_precision=target_precision,
        target_recall=target_recall,
    )
    path = save_bundle(model, out or Path(f"{kind}.cvpark"))
    rated = model.card["validation"]
    click.echo(
        f"{path}: {kind} trained on {model.card['training']['n_patches']:,} patches of "
        f"{model.card['training']['split']} in {perf_counter() - start:.0f} s, "
        f"{path.stat().st_size:,} bytes\n"
        f"{_how(rated)} on {rated['split']} ({rated['n_patches']:,} patches): "
        f"accuracy {rated['accuracy']:.4f}, AUC {rated['auc']:.4f}"
    )


def _how(rated: dict[str, Any]) -> str:
    return "cross-validation" if rated.get("cross_fitted") else "validation"


def _choose_kind(kind: str | None, config: Config | None) -> str:
    """The kind of ``--model`` or of the settings file, which must not contradict each other."""
    if config is None:
        if kind is None:
            raise click.UsageError("give --model, or --config with a settings file that names one")
        return kind
    named = read_model_settings(config).model or kind
    if named is None:
        raise click.UsageError(f"{config.path} names no model: give --model")
    if kind not in (None, named):
        raise click.UsageError(f"--model {kind}, but {config.path} is for {named}")
    return named
