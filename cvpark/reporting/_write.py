"""A comparison as files in a folder."""

from __future__ import annotations

import json
from pathlib import Path

from .._files import atomic_write
from ..evaluation import Comparison
from ._table import render_table


def render_json(comparison: Comparison) -> str:
    """The comparison's document as JSON text."""
    return json.dumps(comparison.document, indent=2)


def write_comparison(comparison: Comparison, folder: str | Path) -> list[Path]:
    """Write ``comparison.json``, ``comparison.txt``, ``scores.csv`` and ``latency_ns.csv``.

    Parameters
    ----------
    comparison : Comparison
    folder : str or path
        Made if it is not there; files of those names in it are replaced.

    Returns
    -------
    list of Path
        The files written.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    texts = {
        "scores.csv": comparison.scores.to_csv(index=False),
        "latency_ns.csv": comparison.latency_ns.to_csv(index=False),
        "comparison.txt": render_table(comparison.document) + "\n",
        "comparison.json": render_json(comparison) + "\n",
    }
    for name, text in texts.items():
        with atomic_write(folder / name) as partial:
            partial.write_text(text, encoding="utf-8")
    return [folder / name for name in texts]
