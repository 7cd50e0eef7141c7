"""cvpark report: a stored comparison as HTML, Markdown, JSON, CSV and PNG."""

from __future__ import annotations

from pathlib import Path

import click

from ._output import progress

# Written out: to ask cvpark.reporting.FILES would load NumPy for a line of help. A test compares.
_FORMATS = ("html", "markdown", "json", "csv", "png")


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    envvar="CVPARK_DATA",
    show_envvar=True,
    metavar="DIR",
    help="Folder of the patches that were measured, for their pictures. Without it: no pictures.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Folder to write into. Default: the one that is read.",
)
@click.option(
    "--format",
    "formats",
    type=click.Choice(_FORMATS),
    multiple=True,
    help="What to write; may be repeated. Default: everything.",
)
def report(folder: Path, data: Path | None, out: Path | None, formats: tuple[str, ...]) -> None:
    """Draw the report of a comparison again, from what `cvpark compare --out DIR` stored.

    Nothing is measured. The files written are listed.

    \b
    Examples:
      cvpark report comparison
      cvpark report comparison --data /data/cnrpark --format html --out site
    """
    from .. import evaluation, reporting
    from ..datasets import Dataset

    measurements = evaluation.read_measurements(folder)
    split = None
    if data is not None:
        name = measurements.info["split"]["name"]
        split = Dataset(data).split(name, allow_missing=True)
        measurements.check_split(split)
    document = evaluation.summarize(measurements, progress=progress)
    comparison = evaluation.Comparison(document, measurements)
    files = reporting.write_report(
        comparison, out or folder, split=split, formats=formats or _FORMATS, measured_in=folder
    )
    for file in files:
        click.echo(file)
