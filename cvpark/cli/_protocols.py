"""The official experiments, as `cvpark compare --protocol` runs them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ._output import progress, say
from ._training import default_store, extract_splits, open_store

if TYPE_CHECKING:
    from ..datasets import Dataset, Split
    from ..features import FeatureStore


def run_protocol(
    name: str,
    dataset: Dataset,
    kinds: Sequence[str],
    folder: Path,
    *,
    features: Path | None,
    seed: int,
    n_jobs: int,
    allow_missing: bool,
    as_json: bool,
) -> None:
    """Train and test what a protocol asks for; print the matrix and write it to the folder."""
    from .. import evaluation, reporting
    from .._files import atomic_write

    chosen = evaluation.experiments(name, dataset.split_names())
    given = features or default_store()

    def store(splits: Sequence[Split]) -> FeatureStore:
        if given is not None:
            return open_store(given)
        return extract_splits(folder / "features", dataset, splits, n_jobs)

    measured = [
        evaluation.run_experiment(
            protocol,
            dataset,
            kinds,
            folder / protocol.name,
            store,
            seed=seed,
            n_jobs=n_jobs,
            allow_missing=allow_missing,
            progress=progress,
            say=say,
        )
        for protocol in chosen
    ]
    document = evaluation.matrix(name, measured)
    texts = {
        "matrix.json": json.dumps(document, indent=2),
        "matrix.txt": reporting.render_matrix(document),
    }
    for file, text in texts.items():
        with atomic_write(folder / file) as partial:
            partial.write_text(text + "\n", encoding="utf-8")
        say(f"wrote {folder / file}")
    click.echo(texts["matrix.json" if as_json else "matrix.txt"])
