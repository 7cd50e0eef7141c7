"""A comparison as a table for the terminal."""

from __future__ import annotations

from collections.abc import Callable
from textwrap import fill
from typing import Any

from .._text import printable
from ._numbers import MINUS, NBSP
from ._sections import times
from ._verdict import judge

_BOLD, _DIM, _WARN = "1", "2", "33"
_WIDTH = 98
# Not every terminal has these.
_ASCII = str.maketrans({NBSP: " ", MINUS: "-", "\N{MICRO SIGN}": "u", "\N{EN DASH}": "-"})


def render_table(document: dict[str, Any], *, color: bool = False) -> str:
    """The comparison at a glance, a row a model.

    Parameters
    ----------
    document : dict
        ``Comparison.document``.
    color : bool
        Set the head, the best figures and warnings apart by terminal codes. What they say is
        there without them.

    Returns
    -------
    str
        Lines without trailing blanks.

    Examples
    --------
    >>> from cvpark import compare, load_model
    >>> from cvpark.datasets import Dataset, sample_path
    >>> split = Dataset(sample_path(n_patches=120)).split("val")
    >>> models = [load_model("svm"), load_model("cnn")]
    >>> comparison = compare(models, split, timing="quick")

    >>> print(render_table(comparison.document))
    split val: 30 patches ...
    """
    split, models = document["split"], document["models"]

    def paint(text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if color else text

    columns = _columns(document)
    head = ["model", *(title for title, _, _ in columns)]
    rows = [[printable(m["name"]), *(text(m) for _, text, _ in columns)] for m in models]
    widths = [max(len(row[k]) for row in [head, *rows]) for k in range(len(head))]
    lines = [
        f"split {printable(split['name'])}: {split['n_patches']:,} patches "
        f"({split['n_free']:,} free, {split['n_busy']:,} busy) of {split['n_camera_days']} "
        f"camera-days, fingerprint {split['fingerprint'][:12]}",
        "",
        paint("  ".join(_aligned(head, widths)), _BOLD),
    ]
    for row, model in zip(rows, models, strict=True):
        cells = _aligned(row, widths)
        for k, (_, _, key) in enumerate(columns, 1):
            if key and _is_best(key, model, models):
                cells[k] = paint(cells[k], _BOLD)
        lines.append("  ".join(cells))
    lines += ["", *(fill(_plain(sentence), _WIDTH) for sentence in judge(document))]
    note = f"Interval: bootstrap over {split['cluster']}s. Latency: one decoded patch, one thread."
    lines += ["", paint(note, _DIM)]
    lines += [paint(f"Note: {_plain(text)}.", _WARN) for text in document["warnings"]]
    return "\n".join(line.rstrip() for line in lines)


Text = Callable[[dict[str, Any]], str]
Key = Callable[[dict[str, Any]], float | None]


def _columns(document: dict[str, Any]) -> list[tuple[str, Text, Key | None]]:
    """Head, text of a model and, where less is better, the figure."""

    def p(name: str) -> Text:
        return lambda model: f"{model['latency_us']['single_stream'][name]:,.0f}"

    columns: list[tuple[str, Text, Key | None]] = [
        ("accuracy", lambda m: f"{m['accuracy']:.4f}", lambda m: -m["accuracy"]),
        ("95 % interval", lambda m: _span(m["intervals"]["accuracy"]["clustered"]), None),
        ("AUC", lambda m: "-" if m["auc"] is None else f"{m['auc']:.4f}",
         lambda m: None if m["auc"] is None else -m["auc"]),
        ("p50 us", p("p50"), lambda m: m["latency_us"]["single_stream"]["p50"]),
        ("p95 us", p("p95"), None),
        ("p99 us", p("p99"), None),
    ]  # fmt: skip
    if document["reference"]:
        head = f"time / {printable(document['reference'])}"
        columns.append((head, lambda m: _plain(times(document, m, "single_stream")), None))
    columns.append(("model bytes", lambda m: f"{m['model_bytes']:,}", lambda m: m["model_bytes"]))
    return columns


def _span(interval: list[float] | None) -> str:
    return "-" if interval is None else f"{interval[0]:.4f}-{interval[1]:.4f}"


def _plain(text: str) -> str:
    return printable(text.translate(_ASCII))


def _is_best(key: Key, model: dict[str, Any], models: list[dict[str, Any]]) -> bool:
    known = [value for value in map(key, models) if value is not None]
    return bool(known) and len(models) > 1 and key(model) == min(known)


def _aligned(row: list[str], widths: list[int]) -> list[str]:
    """The name to the left, figures to the right."""
    name, *figures = row
    padded = zip(figures, widths[1:], strict=True)
    return [name.ljust(widths[0]), *(figure.rjust(width) for figure, width in padded)]
