"""cvpark adapt: fit a model to another car park from a few labelled patches."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from .._text import printable
from ._options import complete_model, jobs_option, on_error_option, seed_option
from ._output import progress, say, warn

if TYPE_CHECKING:
    from ..datasets import Split


@click.command()
@click.argument("model", shell_complete=complete_model)
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    required=True,
    metavar="DIR",
    help="Labelled patches: folders named free and busy (or empty and occupied, 0 and 1) at any "
    "depth.",
)
@click.option(
    "--labels",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="A list of 'path label' lines instead, label 0 free and 1 busy; paths are relative to DIR "
    "or to the list.",
)
@click.option(
    "--split",
    "expression",
    metavar="NAME",
    help="A split instead, where DIR is in the layout CNRPark+EXT is published in.",
)
@click.option(
    "--test",
    metavar="DIR|SHARE",
    help="Rate the adapted model on other patches too: class folders, or a share such as 0.3 of "
    "the slots in --data, held back.",
)
@click.option(
    "--refit/--recalibrate",
    default=True,
    show_default=True,
    help="Refit the last layer too, or only recalibrate its scores.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Model file to write. Default: the model's name with -adapted.cvpark.",
)
@on_error_option
@seed_option
@jobs_option
def adapt(
    model: str,
    data: Path,
    labels: Path | None,
    expression: str | None,
    test: str | None,
    refit: bool,
    out: Path | None,
    on_error: Literal["raise", "skip"],
    seed: int,
    jobs: int,
) -> None:
    """Adapt MODEL, a shipped name or a .cvpark file, to another car park.

    A few dozen patches of it, some free and some busy, of several slots and times of day, are
    enough: scores are recalibrated, and the last layer of svm and svm-linear is refitted, with the
    old model to start from. gbdt is recalibrated only.

    Prints how good the model was on these patches before and is after. After is cross-validated:
    no patch is rated by a model that saw it, or its slot where names tell.

    \b
    Examples:
      cvpark adapt svm --data mylot --out mylot.cvpark
      cvpark adapt svm --data mylot --test otherday
      cvpark adapt svm-linear --data crops --labels crops/list.txt --test 0.3
      cvpark adapt mine.cvpark --data /data/cnrpark --split cnrpark-a
    """
    from .. import datasets, evaluation
    from ..models import load_classical, save_bundle

    if labels is not None and expression is not None:
        raise click.UsageError("--labels and --split exclude each other")
    split = datasets.labelled_split(data, labels=labels, expression=expression)
    done = evaluation.measure_adaptation(
        load_classical(model, n_jobs=jobs),
        split,
        _test(test),
        refit=refit,
        on_error=on_error,
        seed=seed,
        progress=progress,
    )
    for line in done.skipped:
        warn(printable(f"skipped {line}"))
    path = save_bundle(done.model, out or Path(f"{done.model.name}-adapted.cvpark"))
    click.echo("\n".join(_report(done.document)))
    say(printable(f"wrote {path}, {path.stat().st_size:,} bytes"))


def _test(text: str | None) -> Split | float | None:
    """``--test`` as a share or as the patches of a folder."""
    from ..datasets import labelled_split

    if text is None:
        return None
    try:
        share = float(text)
    except ValueError:
        return labelled_split(text)
    if not 0 < share <= 0.5:
        raise click.UsageError(f"--test {text}: expected a folder, or a share above 0 up to 0.5")
    return share


def _report(document: dict[str, Any]) -> list[str]:
    lines = _table(document)
    lines.append(
        f"after: cross-validated, {document['repeats']} times in {document['folds']} folds of "
        "whole slots"
    )
    if "test" in document:
        lines += ["", *_table(document["test"])]
    return lines


def _table(part: dict[str, Any]) -> list[str]:
    lines = [
        printable(
            f"{part['split']}: {part['n_patches']:,} patches ({part['n_free']:,} free, "
            f"{part['n_busy']:,} busy) of {part['n_slots']:,} slots"
        ),
        f"{'':18}{'before':<24}after",
    ]
    before, after = part["before"], part["after"]
    names = ("accuracy", "free_called_busy", "busy_called_free", "brier")
    for name in names:
        cells = [_cell(figures, name) for figures in (before, after)]
        lines.append(f"{name.replace('_', ' '):18}{cells[0]:<24}{cells[1]}".rstrip())
    return lines


def _cell(figures: dict[str, Any], name: str) -> str:
    if figures[name] is None:
        return "-"
    text = f"{figures[name]:.4f}"
    if name == "accuracy":
        low, high = figures["interval"]
        text += f" ({low:.4f}-{high:.4f})"
    return text
