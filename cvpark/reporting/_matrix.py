"""Accuracy of models trained on one part of the data and tested on others, as text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

_BASELINES = {"position": "position (a baseline)", "majority": "majority (a baseline)"}


def render_matrix(document: dict[str, Any]) -> str:
    """The matrix of a protocol, one for each model: columns trained on, rows tested on.

    Parameters
    ----------
    document : dict
        What `cvpark.evaluation.matrix` gives.

    Returns
    -------
    str
        Lines without trailing blanks.

    Examples
    --------
    >>> cell = {"test": "val", "models": {"svm": {"accuracy": 0.99, "interval": [0.98, 0.995]}}}
    >>> each = {"protocol": "mine", "train": {"split": "train"}, "cells": [cell]}
    >>> print(render_matrix({"models": ["svm"], "experiments": [each]}))
    svm                        train
    val       0.9900 (0.9800-0.9950)
    <BLANKLINE>
    Columns: trained on. Rows: tested on. ...
    """
    found = document["experiments"]
    trained = [each["train"]["split"] for each in found]
    tests = list(dict.fromkeys(cell["test"] for each in found for cell in each["cells"]))
    tests.sort(key=lambda test: trained.index(test) if test in trained else len(trained))
    cells = {(each["protocol"], cell["test"]): cell for each in found for cell in each["cells"]}
    lines = []
    for model in document["models"]:
        rows = [[_BASELINES.get(model, model), *trained]]
        rows += [
            [test, *(_cell(cells.get((each["protocol"], test)), model) for each in found)]
            for test in tests
        ]
        lines += [*_aligned(rows), ""]
    lines.append(
        "Columns: trained on. Rows: tested on. Accuracy and its 95 % interval, a bootstrap over "
        "camera-days,"
    )
    lines.append("or over slots where those are fewer than five.")
    return "\n".join(lines)


def _cell(cell: dict[str, Any] | None, model: str) -> str:
    if cell is None:
        return "-"
    rated = cell["models"][model]
    interval = rated["interval"]
    between = f" ({interval[0]:.4f}-{interval[1]:.4f})" if interval else ""
    return f"{rated['accuracy']:.4f}{between}"


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    first = max(widths[0], 8)
    return [
        "  ".join(
            [row[0].ljust(first), *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True))]
        )
        for row in rows
    ]
