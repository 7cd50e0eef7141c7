"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ._output import say

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

config_option = click.option(
    "--config",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="FILE",
    help="Settings file (TOML), such as the best.toml of `cvpark tune`.",
)

jobs_option = click.option(
    "--jobs",
    type=click.IntRange(min=1),
    callback=lambda ctx, parameter, value: value or -1,
    metavar="N",
    help="Threads. Default: all cores.",
)

seed_option = click.option("--seed", type=int, default=0, show_default=True, help="Random seed.")

allow_missing_option = click.option(
    "--allow-missing",
    is_flag=True,
    help="Use what is there when lists name patches that are not on disk.",
)


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
