"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from ._config import apply_config, model_config, own_config
from ._output import say, set_verbosity

if TYPE_CHECKING:
    from ..datasets import Dataset, Protocol

# Written out: to ask cvpark.models.FACTORIES would load NumPy for a line of help. A test compares.
KIND = click.Choice(["svm", "svm-linear", "gbdt"])

data_option = click.option(
    "--data",
    type=click.Path(path_type=Path),
    envvar="CVPARK_DATA",
    show_envvar=True,
    metavar="DIR",
    help="Folder of CNRPark+EXT in its published layout. Without it: the built-in sample.",
)

on_error_option = click.option(
    "--on-error",
    type=click.Choice(["raise", "skip"]),
    default="raise",
    show_default=True,
    help="What to do about an image that cannot be read.",
)

protocol_option = click.option(
    "--protocol",
    metavar="NAME",
    help="Official experiment to follow, such as cnr-ext or sunny. Default: cnr-ext, or train-half "
    "where only that half of the training split is on disk.",
)

_CONFIG: dict[str, Any] = {
    "type": click.Path(path_type=Path, exists=True, dir_okay=False),
    "is_eager": True,  # it gives the other options their defaults
    "metavar": "FILE",
}

config_option = click.option(
    "--config",
    callback=model_config,
    help="TOML file: settings of the model, such as the best.toml of `cvpark tune`; values for "
    "the options of commands in tables of their names, such as [train].",
    **_CONFIG,
)

own_config_option = click.option(
    "--config",
    callback=own_config,
    help="TOML file: options of a training, as an earlier one wrote them beside its model; values "
    "for the options of commands in tables of their names, such as [cnn.train].",
    **_CONFIG,
)

apply_config_option = click.Option(
    ["--config"],
    callback=apply_config,
    expose_value=False,
    help="TOML file with values for these options, in a table of the command's name.",
    **_CONFIG,
)

verbosity_options = [
    click.Option(
        ["-v", "--verbose"],
        is_flag=True,
        is_eager=True,
        expose_value=False,
        callback=lambda ctx, parameter, given: _shift_verbosity(ctx, int(given)),
        help="Tell the time with each remark, progress in logs too, and where an error is from.",
    ),
    click.Option(
        ["-q", "--quiet"],
        is_flag=True,
        is_eager=True,
        expose_value=False,
        callback=lambda ctx, parameter, given: _shift_verbosity(ctx, -int(given)),
        help="No remarks and no progress on stderr, only warnings and errors.",
    ),
]


jobs_option = click.option(
    "--jobs",
    type=click.IntRange(min=1),
    callback=lambda ctx, parameter, value: value or -1,
    metavar="N",
    help="Threads. Default: all cores.",
)

scale_option = click.option(
    "--scale",
    type=float,
    nargs=2,
    metavar="LOW HIGH",
    help="What a TFLite file that does not say so is fed for pixel 0 and for pixel 255, such as "
    "0 1 or -1 1.",
)

busy_index_option = click.option(
    "--busy-index",
    type=click.IntRange(0, 1),
    metavar="0|1",
    help="Which of its two outputs is busy; of a single output, 0 says that it is free.",
)

seed_option = click.option("--seed", type=int, default=0, show_default=True, help="Random seed.")

allow_missing_option = click.option(
    "--allow-missing",
    is_flag=True,
    help="Use what is there when lists name patches that are not on disk.",
)


def complete_model(
    _context: click.Context, _parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """What the shell offers for a model: shipped names, files where none begins so."""
    from ..models import shipped_models

    names = [name for name in shipped_models() if name.startswith(incomplete)]
    return [CompletionItem(incomplete, type="file"), *map(CompletionItem, names)]


def _shift_verbosity(ctx: click.Context, step: int) -> None:
    level = ctx.meta.get(__name__, 0) + step  # shared with the contexts of the command's groups
    ctx.meta[__name__] = level
    set_verbosity(level)


def open_dataset(data: Path | None) -> Dataset:
    """The dataset of ``--data``, or the built-in sample, which is announced."""
    from ..datasets import Dataset, sample_path

    if data is not None:
        return Dataset(data)
    say("no --data and no CVPARK_DATA: using the built-in sample, which takes seconds to make once")
    return Dataset(sample_path())


def choose_protocol(dataset: Dataset, name: str | None) -> Protocol:
    """The protocol of ``--protocol``, or the dataset's default."""
    from ..datasets import get_protocol

    return get_protocol(name) if name else dataset.default_protocol()
