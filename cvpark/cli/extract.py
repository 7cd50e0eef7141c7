"""cvpark extract: descriptors of patches into a folder."""

from __future__ import annotations

from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Literal

import click

from ._config import Config
from ._options import (
    allow_missing_option,
    config_option,
    data_option,
    jobs_option,
    on_error_option,
    open_dataset,
)
from ._output import progress, say, warn
from ._training import read_model_settings

if TYPE_CHECKING:
    from ..features import Descriptor


@click.command()
@click.argument("out", type=click.Path(path_type=Path, file_okay=False))
@data_option
@click.option(
    "--split",
    "splits",
    multiple=True,
    metavar="NAMES",
    callback=lambda ctx, parameter, values: [n for value in values for n in value.split(",")],
    help="Splits, such as train,val or val&rainy; may be repeated. Default: every patch.",
)
@click.option(
    "--descriptor",
    metavar="NAMES",
    help="Extractors out of hog, lbp, color, moments, separated by commas, each with its defaults. "
    "Default: those of the shipped models.",
)
@config_option
@jobs_option
@on_error_option
@allow_missing_option
def extract(
    out: Path,
    data: Path | None,
    splits: list[str],
    descriptor: str | None,
    config: Config | None,
    jobs: int,
    on_error: Literal["raise", "skip"],
    allow_missing: bool,
) -> None:
    """Compute the descriptors of patches into the folder OUT.

    An interrupted run goes on where it stopped when the command is repeated. With --config the
    descriptor is that of a settings file; `cvpark train --help` shows one.

    \b
    Examples:
      cvpark extract features --data /data/cnrpark
      cvpark extract features --split train,val --descriptor hog,color
      cvpark extract features-48 --config mine.toml
    """
    from ..datasets import read_image
    from ..features import FeatureStore

    combined = _make_descriptor(descriptor, config)
    dataset = open_dataset(data)
    chosen = [dataset.split(name, allow_missing=allow_missing) for name in splits]
    names = splits or dataset.complete_splits()
    known = chosen or [dataset.split(name) for name in names]
    if not chosen:
        chosen = [dataset.everything()]
    for split in chosen:
        say(f"{split.name}: {len(split):,} of {split.n_listed:,} listed patches are on disk")
    paths = list(dict.fromkeys(path for split in chosen for path in split.paths))
    store = FeatureStore(out)
    held = sum(path in store for path in paths)
    start = perf_counter()
    skipped = store.extend(
        paths,
        lambda path: read_image(dataset.locate(path)),
        combined,
        splits={split.name: split.fingerprint for split in known},
        n_jobs=jobs,
        on_error=on_error,
        progress=lambda items, total: progress(items, total, "extract"),
    )
    for path, why in skipped.items():
        warn(f"skipped {path}: {why}")
    click.echo(
        f"{out}: {len(paths) - len(skipped):,} patches, {combined.n_features_out_:,} columns; "
        f"{len(paths) - len(skipped) - held:,} new in {perf_counter() - start:.1f} s"
        + (f"; {len(skipped):,} skipped" if skipped else "")
    )


def _make_descriptor(names: str | None, config: Config | None) -> Descriptor:
    from ..features import Descriptor

    chosen = read_model_settings(config).descriptor
    if chosen and names is not None:
        raise click.UsageError("--descriptor or --config: both name a descriptor")
    if names is None:
        return (Descriptor.from_config(chosen) if chosen else Descriptor()).fit()
    try:
        return Descriptor(extractors=[name.strip() for name in names.split(",")]).fit()
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--descriptor") from error
