"""cvpark cnn: train the CNN to compare with, convert it to TFLite."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ._cnn import merge, spell_out, training_options
from ._config import Config
from ._options import (
    allow_missing_option,
    choose_protocol,
    data_option,
    open_dataset,
    own_config_option,
    protocol_option,
    seed_option,
)
from ._output import progress, say, warn

if TYPE_CHECKING:
    from ..datasets import Dataset, Split

_CHOSEN = (click.core.ParameterSource.COMMANDLINE, click.core.ParameterSource.DEFAULT_MAP)


@click.group()
def cnn() -> None:
    """Train a CNN with Keras and convert it to TFLite; needs pip install "cvpark[cnn]".

    \b
    Examples:
      cvpark cnn train --data /data/cnrpark
      cvpark cnn convert tiny.keras --data /data/cnrpark
      cvpark compare --against tiny-int8.tflite --data /data/cnrpark
    """


@cnn.command()
@data_option
@protocol_option
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Keras model to write. Default: the network's name with .keras.",
)
@own_config_option
@training_options
@allow_missing_option
@click.pass_context
def train(
    ctx: click.Context,
    /,
    data: Path | None,
    protocol: str | None,
    out: Path | None,
    config: Config | None,
    allow_missing: bool,
    **chosen: Any,
) -> None:
    """Train a CNN on the protocol's training split.

    Keeps the epoch that is best on the validation split, whose accuracy and AUC are printed. The
    test split is not looked at. An interrupted run goes on when the command is repeated.

    Beside the model are written its card (.json), its options (.toml, which --config takes) and a
    folder (.training) with a log as CSV and for TensorBoard.

    \b
    Examples:
      cvpark cnn train --data /data/cnrpark
      cvpark cnn train --arch malexnet --protocol sunny --out sunny.keras
      cvpark cnn train --config tiny.toml --epochs 40 --no-flip --out longer.keras
      cvpark cnn train --arch xception --weights xception_notop.h5 \\
        --frozen-epochs 3 --learning-rate 1e-4 --batch-size 32 --dense 128 --dropout 0.5
    """
    from .. import cnn as library

    given = {name for name in chosen if ctx.get_parameter_source(name) in _CHOSEN}
    options = merge(config, {name: chosen[name] for name in given})
    arch = options.architecture
    out = out or Path(f"{arch}.keras")
    if out.suffix != ".keras":
        raise click.BadParameter(f"{out}: expected a name that ends in .keras", param_hint="--out")
    library.load_tensorflow()
    dataset = open_dataset(data)
    name, training, validation = _splits(dataset, protocol, allow_missing)
    say(f"training {arch} on {training.name}: {len(training):,} patches")
    card = library.train(
        training,
        validation,
        out,
        options,
        facts={
            "data": dataset.about(),
            "protocol": name,
            "training_command": f"cvpark cnn train --protocol {name} {spell_out(options)}",
        },
        progress=_reading,
        show_epochs=True,
    )
    rated = card["validation"]
    click.echo(
        f"{out}: {arch}, {card['parameters']:,} parameters, trained on "
        f"{card['training']['n_patches']:,} patches of {card['training']['split']}\n"
        f"validation on {rated['split']} ({rated['n_patches']:,} patches): "
        f"accuracy {rated['accuracy']:.4f}, AUC {rated['auc']:.4f}"
    )


@cnn.command()
@click.argument("model", type=click.Path(path_type=Path, dir_okay=False), metavar="MODEL.keras")
@data_option
@protocol_option
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Folder for the TFLite models. Default: where MODEL.keras is.",
)
@seed_option
@allow_missing_option
def convert(
    model: Path,
    data: Path | None,
    protocol: str | None,
    out: Path | None,
    seed: int,
    allow_missing: bool,
) -> None:
    """Convert MODEL.keras to TFLite: float32, 8-bit weights (dynamic), wholly 8 bits (int8).

    Each is measured on the validation split after the conversion. What the model was trained with
    is read from the card beside it, so --data and --protocol must be those of the training.

    \b
    Examples:
      cvpark cnn convert tiny.keras --data /data/cnrpark
    """
    from .. import cnn as library
    from ..exceptions import AccuracyLossWarning

    library.load_tensorflow()
    name, training, validation = _splits(open_dataset(data), protocol, allow_missing)
    command = f"cvpark cnn convert {model.name} --protocol {name} --seed {seed}"
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", AccuracyLossWarning)
        conversions = library.convert(
            model,
            training,
            validation,
            out,
            seed=seed,
            facts={"conversion_command": command},
            progress=_reading,
        )
    for warning in caught:
        if warning.category is AccuracyLossWarning:
            warn(f"warning: {warning.message}")
    for path, card in ((done.path, done.card) for done in conversions):
        rated = card["validation"]
        click.echo(
            f"{path}: {card['bytes']:,} bytes, validation accuracy {rated['accuracy']:.4f}, "
            f"AUC {rated['auc']:.4f}"
        )


def _splits(
    dataset: Dataset, protocol_name: str | None, allow_missing: bool
) -> tuple[str, Split, Split]:
    from ..evaluation import protocol_splits

    protocol = choose_protocol(dataset, protocol_name)
    return (protocol.name, *protocol_splits(dataset, protocol, allow_missing=allow_missing))


def _reading(items: Iterable[Any], total: int) -> Iterable[Any]:
    return progress(items, total, "read")
