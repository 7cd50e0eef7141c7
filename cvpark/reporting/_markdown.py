"""A comparison as Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from . import _repeat, _sections
from ._numbers import figure, microseconds, p_value, percent, percents, points, ratio, size, span
from ._verdict import judge

Rows = Iterable[Sequence[str]]


def render_markdown(document: dict[str, Any], *, folder: str = "DIR") -> str:
    """The report without pictures, for READMEs and issue threads.

    Parameters
    ----------
    document : dict
        ``Comparison.document``.
    folder : str
        Where the measurements lie, for the commands it shows.

    Returns
    -------
    str
        Names are escaped: they are text, never markup.

    Examples
    --------
    >>> from cvpark import compare, load_model
    >>> from cvpark.datasets import Dataset, sample_path
    >>> split = Dataset(sample_path(n_patches=120)).split("val")
    >>> models = [load_model("svm"), load_model("cnn")]
    >>> comparison = compare(models, split, timing="quick")

    >>> "| svm |" in render_markdown(comparison.document)
    True
    """
    verdict = judge(document)
    parts = [
        f"# {escape(_sections.title(document))}",
        f"{escape(verdict.accuracy)} {escape(verdict.latency)}",
        "![Error against latency](pareto.png)",
        *_warnings(document),
        _glance(document),
        f"Accuracy with its interval by bootstrap over {_sections.clusters(document)}; latency of "
        "one decoded patch on one thread.",
        *_pairs(document),
        *_slices(document),
        "## Latency",
        _latency(document),
        "## How to repeat it",
        "\n".join(f"    {line}" for line in _repeat.commands(document, folder)),
        f"Fingerprint of the split: `{document['split']['fingerprint']}`",
        table(["what", "value"], _repeat.environment(document)),
    ]
    return "\n\n".join(part.rstrip("\n") for part in parts) + "\n"


def escape(text: str) -> str:
    r"""Text without the meaning Markdown and HTML would give it.

    Examples
    --------
    >>> print(escape("a|b <c> *d*"))
    a\|b \<c\> \*d\*
    """
    return re.sub(r"([\\`*_{}\[\]<>|#!~])", r"\\\1", " ".join(text.split()))


def table(head: Sequence[str], rows: Rows) -> str:
    r"""A table, the first column to the left, figures to the right.

    Examples
    --------
    >>> print(table(["model", "p50"], [["svm", "87"]]))
    | model | p50 |
    |---|---:|
    | svm | 87 |
    """
    lines = [head, *rows]
    texts = [f"| {' | '.join(escape(str(cell)) for cell in line)} |" for line in lines]
    return "\n".join([texts[0], "|---" + "|---:" * (len(head) - 1) + "|", *texts[1:]])


def _warnings(document: dict[str, Any]) -> list[str]:
    return ["\n".join(f"- **Note:** {escape(text)}" for text in document["warnings"])] * bool(
        document["warnings"]
    )


def _glance(document: dict[str, Any]) -> str:
    reference = document["reference"]
    head = ["model", "accuracy", "95 % interval", "AUC", "p50 µs", "p95 µs", "p99 µs"]
    head += [f"time, {reference} = 1"] * bool(reference) + ["model file"]
    rows = []
    for model in document["models"]:
        single = model["latency_us"]["single_stream"]
        row = [model["name"], percent(model["accuracy"])]
        row += [percents(model["intervals"]["accuracy"]["clustered"]), figure(model["auc"])]
        row += [microseconds(single[name]) for name in ("p50", "p95", "p99")]
        if reference:
            row.append(_sections.times(document, model, "single_stream"))
        rows.append([*row, size(model["model_bytes"])])
    return table(head, rows)


def _pairs(document: dict[str, Any]) -> list[str]:
    if not document["pairs"]:
        return []
    head = ["first − second", "points", "95 % interval", "only first right", "only second right",
            "McNemar p"]  # fmt: skip
    rows = [
        [f"{pair['first']} − {pair['second']}", points(pair["difference"]),
         span(pair["interval"], points), f"{pair['only_first_right']:,}",
         f"{pair['only_second_right']:,}", p_value(pair["mcnemar_p"])]
        for pair in document["pairs"]
    ]  # fmt: skip
    return ["## Paired differences of accuracy", table(head, rows)]


def _slices(document: dict[str, Any]) -> list[str]:
    names = [model["name"] for model in document["models"]]
    parts = ["## Accuracy by slice, %"] * bool(document["slices"])
    for dimension, rows in document["slices"].items():
        head = [dimension.replace("_", " "), "patches", "busy", *names]
        parts.append(table(head, (
            [row["value"], f"{row['n_patches']:,}", percent(row["n_busy"] / row["n_patches"], 0),
             *(f"{100 * row['accuracy'][name]:.2f}" for name in names)]
            for row in rows
        )))  # fmt: skip
    return parts


def _latency(document: dict[str, Any]) -> str:
    reference = document["reference"]
    head = ["scenario", "model", "p50 µs", "95 % interval", "p95 µs", "p99 µs"]
    head += [f"{reference} = 1"] * bool(reference)
    rows = []
    for key, title in _sections.scenarios(document):
        for model in document["models"]:
            figures = model["latency_us"][key]
            row = [title, model["name"], microseconds(figures["p50"])]
            row += [span(figures["intervals"]["p50"], microseconds)]
            row += [microseconds(figures["p95"]), microseconds(figures["p99"])]
            found = figures["ratio_to"].get(reference)
            rows.append(row + [ratio(found["ratio"]) if found else "1"] * bool(reference))
    return table(head, rows)
