"""A comparison as a plain text table."""

from __future__ import annotations

from typing import Any

_HEADER = (
    "model", "accuracy", "95 % interval", "AUC", "p50 us", "p95 us", "p99 us", "model bytes",
)  # fmt: skip


def render_table(document: dict[str, Any]) -> str:
    """The comparison at a glance, a row a model.

    Parameters
    ----------
    document : dict
        ``Comparison.document``.

    Returns
    -------
    str
        Lines without trailing blanks.
    """
    split = document["split"]
    rows = [_HEADER, *(_cells(model) for model in document["models"])]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADER))]
    lines = [
        f"split {split['name']}: {split['n_patches']:,} patches ({split['n_free']:,} free, "
        f"{split['n_busy']:,} busy) of {split['n_camera_days']} camera-days, "
        f"fingerprint {split['fingerprint'][:12]}",
        "",
    ]
    for row in rows:
        name, *figures = row
        cells = [name.ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(figures, widths[1:], strict=True)]
        lines.append("  ".join(cells).rstrip())
    lines += ["", *_notes(document["models"])]
    return "\n".join(lines).rstrip()


def _cells(model: dict[str, Any]) -> tuple[str, ...]:
    low, high = model["accuracy_interval"]
    latency = model["latency_us"]["single_stream"]
    return (
        model["name"],
        f"{model['accuracy']:.4f}",
        f"{low:.4f}-{high:.4f}",
        "-" if model["auc"] is None else f"{model['auc']:.4f}",
        *(f"{latency[p]:,.0f}" for p in ("p50", "p95", "p99")),
        f"{model['model_bytes']:,}",
    )


def _notes(models: list[dict[str, Any]]) -> list[str]:
    notes = ["Interval: bootstrap over camera-days. Latency: one decoded patch, one thread."]
    for part, did in (("training", "trained"), ("validation", "calibrated or chosen")):
        names = [model["name"] for model in models if part in model["seen"]]
        if names:
            notes.append(f"Note: {', '.join(names)} {did} on this split; its figures flatter.")
    return notes
