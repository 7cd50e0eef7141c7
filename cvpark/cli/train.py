"""cvpark train: fit a classical model on descriptors."""

from __future__ import annotations

from pathlib import Path
from time import perf_counter

import click

from ._options import (
    allow_missing_option,
    data_option,
    jobs_option,
    open_dataset,
    protocol_option,
    seed_option,
)
from ._output import say
from ._training import train_models

_DEFAULT_STORE = Path("features")


@click.command()
@click.option(
    "--model",
    "kind",
    type=click.Choice(["svm", "svm-linear", "gbdt"]),
    required=True,
    help="RBF SVM, linear SVM or gradient-boosted trees.",
)
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
@seed_option
@jobs_option
@allow_missing_option
def train(
    kind: str,
    data: Path | None,
    folder: Path | None,
    protocol: str | None,
    out: Path | None,
    seed: int,
    jobs: int,
    allow_missing: bool,
) -> None:
    """Train a model on the protocol's training split.

    Scores are calibrated on the validation split, whose accuracy and AUC are printed. The test
    split is not looked at.

    \b
    Examples:
      cvpark train --model svm --data /data/cnrpark
      cvpark train --model gbdt --features features --protocol sunny --out sunny.cvpark
    """
    from ..models import save_bundle

    if folder is None and (_DEFAULT_STORE / "store.json").exists():
        folder = _DEFAULT_STORE
        say(f"using the features in ./{folder}")
    start = perf_counter()
    (model,) = train_models(
        [kind],
        open_dataset(data),
        protocol,
        folder=folder,
        seed=seed,
        n_jobs=jobs,
        allow_missing=allow_missing,
    )
    path = save_bundle(model, out or Path(f"{kind}.cvpark"))
    rated = model.card["validation"]
    click.echo(
        f"{path}: {kind} trained on {model.card['training']['n_patches']:,} patches of "
        f"{model.card['training']['split']} in {perf_counter() - start:.0f} s, "
        f"{path.stat().st_size:,} bytes\n"
        f"validation on {rated['split']} ({rated['n_patches']:,} patches): "
        f"accuracy {rated['accuracy']:.4f}, AUC {rated['auc']:.4f}"
    )
