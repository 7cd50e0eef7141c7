"""cvpark compare: accuracy and latency of models on one split."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ._options import (
    allow_missing_option,
    busy_index_option,
    choose_protocol,
    complete_model,
    data_option,
    jobs_option,
    open_dataset,
    scale_option,
    seed_option,
)
from ._output import progress, say, wants_color, warn
from ._protocols import run_protocol
from ._training import train_models

if TYPE_CHECKING:
    from ..datasets import Dataset, Protocol, Split
    from ..evaluation import Gate
    from ..models import Model

_UNMET = 3
_STOCK = "stock"
_NOT_WITH_PROTOCOL = (
    "against", "split_name", "quick", "threads", "min_accuracy", "max_ratio", "scale", "busy_index",
)  # fmt: skip


@click.command()
@click.argument("models", nargs=-1, metavar="[MODEL]...", shell_complete=complete_model)
@click.option(
    "--against",
    multiple=True,
    metavar="cnn|FILE.tflite|stock",
    help="CNN to compare with, by default cnn; may be repeated. stock adds the same classifiers "
    "on descriptors of scikit-image, trained now: what one has without cvpark.",
)
@data_option
@click.option(
    "--split",
    "split_name",
    metavar="NAME",
    help="Split to compare on, such as val. Default: test.",
)
@click.option(
    "--protocol",
    metavar="NAME",
    help="Train and test an official experiment instead and print the matrix: weather, camera, "
    "cnrpark-odd-even, cnr-ext and so on. MODELs are kinds then.",
)
@click.option(
    "--features",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Folder `cvpark extract` made, for --protocol. Default: ./features if it is there.",
)
@click.option(
    "--quick",
    is_flag=True,
    help="Measure the latency of single patches with one thread alone: no frames, no whole splits, "
    "no stages, CPU time and cold starts.",
)
@click.option(
    "--threads",
    multiple=True,
    type=click.IntRange(min=1),
    metavar="N",
    help="Measure latency with N threads besides one; may be repeated. Default: all cores.",
)
@click.option(
    "--min-accuracy",
    multiple=True,
    metavar="MODEL=SHARE",
    help="Exit with status 3 if a model is less accurate, as in svm=0.98; may be repeated.",
)
@click.option(
    "--max-ratio",
    multiple=True,
    metavar="MODEL/MODEL=RATIO",
    help="Exit with status 3 if the first model takes more than RATIO times the time of the second "
    "for one patch, as in svm/cnn=1.0; may be repeated.",
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
    help="Folder for the report and all that was measured, which `cvpark report DIR` reads. With "
    "--protocol: for models and the matrix, by default protocol-NAME.",
)
@scale_option
@busy_index_option
@seed_option
@jobs_option
@allow_missing_option
@click.pass_context
def compare(
    ctx: click.Context,
    models: tuple[str, ...],
    against: tuple[str, ...],
    data: Path | None,
    split_name: str | None,
    protocol: str | None,
    features: Path | None,
    quick: bool,
    threads: tuple[int, ...],
    min_accuracy: tuple[str, ...],
    max_ratio: tuple[str, ...],
    output_format: str,
    out: Path | None,
    scale: tuple[float, float] | None,
    busy_index: int | None,
    seed: int,
    jobs: int,
    allow_missing: bool,
) -> None:
    """Compare every MODEL, a .cvpark file or a shipped name, on the identical patches of one split.

    Without MODEL: svm, svm-linear and gbdt as shipped. Intervals are 95 %, by a bootstrap over
    camera-days. An interrupted --protocol goes on when the command is repeated.

    \b
    Examples:
      cvpark compare
      cvpark compare --data /data/cnrpark --split val --out comparison
      cvpark compare svm.cvpark svm --against cnn --against mine.tflite
      cvpark compare svm --against stock --min-accuracy svm=0.98 --max-ratio svm/cnn=1.0
      cvpark compare --protocol weather --data /data/cnrpark
    """
    from .. import evaluation, reporting

    if quick and threads:
        raise click.UsageError("--quick measures with one thread: it takes no --threads")
    if protocol is not None:
        _refuse_with_protocol(ctx)
        run_protocol(
            protocol,
            open_dataset(data),
            models or _default_kinds(),
            out or Path(f"protocol-{protocol}"),
            features=features,
            seed=seed,
            n_jobs=jobs,
            allow_missing=allow_missing,
            as_json=output_format == "json",
        )
        return
    dataset = open_dataset(data)
    chosen = choose_protocol(dataset, None)
    split = dataset.split(split_name or chosen.test, allow_missing=allow_missing)
    names = [*(models or _default_kinds()), *(_without_stock(against) or ("cnn",))]
    tflite = {"scale": scale, "busy_index": busy_index}
    loaded = _load(names, dataset, features, seed, jobs, tflite)
    if _STOCK in against:
        loaded += _train_stock(loaded, dataset, chosen, seed, jobs)
    gates = _gates(min_accuracy, max_ratio, [model.name for model in loaded])
    measurements = evaluation.measure(
        loaded,
        split,
        training=_training_split(dataset, chosen),
        timing="quick" if quick else "full",
        threads=(1, *threads) if threads else None,
        seed=seed,
        progress=progress,
    )
    if out is not None:
        evaluation.write_measurements(measurements, out)
    document = evaluation.summarize(measurements, progress=progress)
    comparison = evaluation.Comparison(document, measurements)
    if out is not None:
        for file in reporting.write_report(comparison, out, split=split):
            say(f"wrote {file}")
    as_json = output_format == "json"
    if as_json:
        click.echo(reporting.render_json(comparison))
    else:
        click.echo(reporting.render_table(document, color=wants_color()))
    if complaints := evaluation.unmet(gates, document):
        for complaint in complaints:
            warn(f"gate not met: {complaint}")
        sys.exit(_UNMET)


def _refuse_with_protocol(ctx: click.Context) -> None:
    """A protocol says itself what is compared on what; latency does not depend on it."""
    for parameter in ctx.command.params:
        name = parameter.name
        if name in _NOT_WITH_PROTOCOL and ctx.params[name] not in (None, (), False):
            raise click.UsageError(f"--protocol takes no {parameter.opts[0]}")
    for name in ctx.params["models"]:
        if name not in _default_kinds():
            raise click.UsageError(
                f"--protocol trains its models: {name!r} is none of {', '.join(_default_kinds())}"
            )


def _default_kinds() -> list[str]:
    from ..models import FACTORIES

    return list(FACTORIES)


def _without_stock(against: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for name in against if name != _STOCK)


def _load(
    names: list[str],
    dataset: Dataset,
    features: Path | None,
    seed: int,
    jobs: int,
    tflite: dict[str, Any],
) -> list[Model]:
    """The models of these names; a kind that is not shipped is trained."""
    from ..models import FACTORIES, find_model, load_model, shipped_models

    names = list(dict.fromkeys(names))
    shipped = shipped_models()
    to_train = [name for name in names if name in FACTORIES and name not in shipped]
    for name in names:
        if name not in to_train:
            find_model(name)  # a mistyped name: before minutes of training
    models: dict[str, Model] = {}
    if to_train:
        say(f"not shipped: {', '.join(to_train)}")
        for model in train_models(to_train, dataset, None, folder=features, seed=seed, n_jobs=jobs):
            models[model.name] = model.compile(n_jobs=jobs)
    for name in names:
        if name not in models:
            # What is shipped says itself how it is fed.
            models[name] = load_model(name, n_jobs=jobs, **({} if name in shipped else tflite))
    loaded = [models[name] for name in names]
    _name_apart(loaded, names)
    return loaded


def _name_apart(models: list[Model], names: list[str]) -> None:
    """Files of one stem, such as a shipped svm and svm.cvpark, go by what the user typed."""
    from ..evaluation import FACTS

    stems = [model.name for model in models]
    for model, name in zip(models, names, strict=True):
        # Nor may a name be that of another column of scores.csv.
        if stems.count(model.name) > 1 or model.name in FACTS:
            model.name = name


def _train_stock(
    models: list[Model], dataset: Dataset, protocol: Protocol, seed: int, jobs: int
) -> list[Model]:
    """The same classifiers on descriptors of scikit-image."""
    from .. import evaluation
    from ..models import FACTORIES

    kinds = list(dict.fromkeys(model.kind for model in models if model.kind in FACTORIES))
    parts = evaluation.protocol_splits(dataset, protocol, allow_missing=True)
    say(f"training {', '.join(kinds)} on descriptors of scikit-image")
    return [*evaluation.train_stock(kinds, *parts, n_jobs=jobs, seed=seed, progress=progress)]


def _training_split(dataset: Dataset, protocol: Protocol) -> Split | None:
    """What baselines learn from: as much of it as is there."""
    from ..exceptions import DatasetError

    try:
        return dataset.split(protocol.train, allow_missing=True)
    except DatasetError:
        return None


def _gates(
    min_accuracy: tuple[str, ...], max_ratio: tuple[str, ...], names: list[str]
) -> list[Gate]:
    from ..evaluation import parse_gates

    try:
        return parse_gates(min_accuracy, max_ratio, names)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
