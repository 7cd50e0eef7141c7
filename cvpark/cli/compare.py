"""cvpark compare: accuracy and latency of models on one split."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ._options import (
    allow_missing_option,
    choose_protocol,
    data_option,
    jobs_option,
    open_dataset,
    protocol_option,
    seed_option,
)
from ._output import progress, say
from ._training import train_models

if TYPE_CHECKING:
    from ..datasets import Dataset
    from ..models import Model


@click.command()
@click.argument("models", nargs=-1, metavar="[MODEL]...")
@click.option(
    "--against",
    multiple=True,
    default=("cnn",),
    show_default="cnn",
    metavar="cnn|FILE.tflite",
    help="CNN to compare with; may be repeated.",
)
@data_option
@protocol_option
@click.option(
    "--split",
    "split_name",
    metavar="NAME",
    help="Split to compare on, such as val. Default: the protocol's test split.",
)
@click.option(
    "--format",
    "output_format",
    type=click.Choice(["table", "json"]),
    default="table",
    show_default=True,
    help="What to print.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Folder for the summary, the score of each patch and each latency sample.",
)
@seed_option
@jobs_option
@allow_missing_option
def compare(
    models: tuple[str, ...],
    against: tuple[str, ...],
    data: Path | None,
    protocol: str | None,
    split_name: str | None,
    output_format: str,
    out: Path | None,
    seed: int,
    jobs: int,
    allow_missing: bool,
) -> None:
    """Compare every MODEL, a .cvpark file or a shipped name, on the identical patches of one split.

    Without MODEL: svm, svm-linear and gbdt as shipped.

    \b
    Examples:
      cvpark compare
      cvpark compare --data /data/cnrpark --split val
      cvpark compare svm.cvpark svm --against cnn --against mine.tflite --out comparison
    """
    from .. import evaluation, reporting

    dataset = open_dataset(data)
    name = split_name or choose_protocol(dataset, protocol).test
    split = dataset.split(name, allow_missing=allow_missing)
    loaded = _load([*(models or _default_kinds()), *against], dataset, protocol, seed, jobs)
    comparison = evaluation.compare(loaded, split, seed=seed, progress=progress)
    if out is not None:
        for file in reporting.write_comparison(comparison, out):
            say(f"wrote {file}")
    if output_format == "json":
        click.echo(reporting.render_json(comparison))
    else:
        click.echo(reporting.render_table(comparison.document))


def _default_kinds() -> list[str]:
    from ..models import FACTORIES

    return list(FACTORIES)


def _load(
    names: list[str], dataset: Dataset, protocol: str | None, seed: int, jobs: int
) -> list[Model]:
    """The models of these names; a kind that is not shipped is trained."""
    from ..models import FACTORIES, load_model, shipped_models

    names = list(dict.fromkeys(names))
    to_train = [name for name in names if name in FACTORIES and name not in shipped_models()]
    models: dict[str, Model] = {}
    if to_train:
        say(f"not shipped: {', '.join(to_train)}")
        trained = train_models(to_train, dataset, protocol, seed=seed, n_jobs=jobs)
        for model in trained:
            models[model.name] = model.compile(n_jobs=jobs)
    for name in names:
        if name not in models:
            models[name] = load_model(name, n_jobs=jobs)
    loaded = [models[name] for name in names]
    _name_apart(loaded, names)
    return loaded


def _name_apart(models: list[Model], names: list[str]) -> None:
    """Files of one stem, such as a shipped svm and svm.cvpark, go by what the user typed."""
    stems = [model.name for model in models]
    for model, name in zip(models, names, strict=True):
        if stems.count(model.name) > 1:
            model.name = name
