"""cvpark export: a model for other runtimes."""

from __future__ import annotations

from pathlib import Path

import click

from ._options import complete_model
from ._output import say


@click.command()
@click.argument("model", metavar="MODEL", shell_complete=complete_model)
@click.option(
    "--format",
    "output_format",
    type=click.Choice(["onnx"]),
    default="onnx",
    show_default=True,
    help="What to write.",
)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File to write. Default: MODEL.onnx in this folder.",
)
def export(model: str, output_format: str, out: Path | None) -> None:  # noqa: ARG001
    """Write the classifier of MODEL, a shipped name or a .cvpark file, as ONNX.

    It takes descriptors, as "cvpark extract" writes them, and gives score, probability of busy and
    occupancy. Needs the extra onnx.

    \b
    Examples:
      cvpark export svm
      cvpark export mine.cvpark --out mine.onnx
    """
    from .._files import atomic_write
    from ..exceptions import ModelFormatError
    from ..models import Predictor, load_model, to_onnx

    loaded = load_model(model)
    if not isinstance(loaded, Predictor):
        raise ModelFormatError(f"{model}: already in a format of its own; classical models only")
    out = out or Path(f"{Path(model).stem}.onnx")
    data = to_onnx(loaded)
    with atomic_write(out) as partial:
        partial.write_bytes(data)
    say(f"{out}: {len(data):,} bytes, takes {loaded.scorer.n_features:,} columns")
    click.echo(out)
