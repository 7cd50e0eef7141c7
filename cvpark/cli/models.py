"""cvpark models: the shipped models, the card of a model file."""

from __future__ import annotations

import json
from typing import Any

import click

from ._options import busy_index_option, complete_model, scale_option

_HEADER = ("model", "kind", "bytes", "val accuracy", "threshold", "date", "trained on")
_FIGURES = {"bytes", "val accuracy", "threshold"}


@click.group(invoke_without_command=True)
@click.option(
    "--format",
    "output_format",
    type=click.Choice(["table", "json"]),
    default="table",
    show_default=True,
    help="What to print: a table, or the whole cards for machines.",
)
@click.pass_context
def models(ctx: click.Context, output_format: str) -> None:
    """List the models that come with cvpark.

    \b
    Examples:
      cvpark models
      cvpark models --format json
      cvpark models show svm
    """
    if ctx.invoked_subcommand is not None:
        return
    from ..models import shipped_models

    cards = [_read_card(name) for name in shipped_models()]
    click.echo(_render_table(cards) if output_format == "table" else _to_json(cards, "models"))


@models.command()
@click.argument("model", metavar="MODEL", shell_complete=complete_model)
@scale_option
@busy_index_option
def show(model: str, scale: tuple[float, float] | None, busy_index: int | None) -> None:
    """Print what MODEL, a shipped name or a file, says of itself, as JSON.

    \b
    Examples:
      cvpark models show svm
      cvpark models show mine.cvpark
    """
    click.echo(_to_json(_read_card(model, scale=scale, busy_index=busy_index), model))


def _read_card(path_or_name: str, **options: Any) -> dict[str, Any]:
    """The manifest of a model file, or what a TFLite file tells, with the size of the file."""
    from .. import models as library

    path, _ = library.find_model(path_or_name)
    if path.suffix == ".tflite":
        return library.load_model(path_or_name, **options).card
    return library.read_manifest(path) | {"bytes": path.stat().st_size}


def _to_json(document: Any, name: str) -> str:
    """JSON in ASCII: what a file of others says cannot command the terminal."""
    from ..exceptions import ModelFormatError

    try:
        return json.dumps(document, indent=2, allow_nan=False)
    except (ValueError, RecursionError) as error:
        raise ModelFormatError(f"{name}: its card cannot be written as JSON: {error}") from error


def _render_table(cards: list[dict[str, Any]]) -> str:
    columns = list(zip(_HEADER, *map(_cells, cards), strict=True))
    padded = []
    for column in columns:
        width = max(map(len, column))
        align = str.rjust if column[0] in _FIGURES else str.ljust
        padded.append([align(cell, width) for cell in column])
    return "\n".join("  ".join(row).rstrip() for row in zip(*padded, strict=True))


def _cells(card: dict[str, Any]) -> tuple[str, ...]:
    training = card["training"]
    return (
        card["name"],
        card["kind"],
        f"{card['bytes']:,}",
        f"{card['validation']['accuracy']:.4f}",
        f"{card['threshold']:g}",
        card["date"],
        f"{training['split']}, {training['n_patches']:,} patches",
    )
