"""What each section of the report shows, out of a comparison."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from ..exceptions import DatasetError
from ._numbers import NBSP, NONE, percent, points, ratio, size
from ._strips import Mark, scale, strip
from ._svg import Axis, spanning

if TYPE_CHECKING:
    import pandas as pd

Document = dict[str, Any]


def _of(which: int, name: str, form: Callable[[float], str]) -> Callable[..., str]:
    """Text of a figure of the model (0) or of one of its cold starts (1)."""

    def text(*model_and_start: dict[str, Any]) -> str:
        value = model_and_start[which].get(name)
        return NONE if value is None else form(value)

    return text


_SECONDS, _MEGABYTES = f"{{:.2f}}{NBSP}s".format, f"{{:,.0f}}{NBSP}MB".format
_COSTS: tuple[tuple[str, Callable[..., str]], ...] = (
    ("Cold start", _of(1, "median_s", _SECONDS)),
    ("of it imports", _of(1, "import_s", _SECONDS)),
    ("loading", _of(1, "load_s", _SECONDS)),
    ("first answer", _of(1, "first_answer_s", _SECONDS)),
    ("Peak memory", _of(1, "peak_memory_mb", _MEGABYTES)),
    ("Dependencies", _of(1, "dependency_bytes", size)),
    ("Model file", _of(0, "model_bytes", size)),
    ("CPU time of 1,000 patches", _of(0, "cpu_s_per_1000", f"{{:.3f}}{NBSP}s".format)),
    ("Energy of 1,000 patches", _of(0, "energy_j_per_1000", f"{{:.2f}}{NBSP}J".format)),
)

METRICS = {
    "balanced_accuracy": "Balanced accuracy", "f1": "F1", "mcc": "MCC", "auc": "ROC AUC",
    "pr_auc": "PR AUC", "brier": "Brier", "ece": "ECE",
}  # fmt: skip
SCENARIOS = {"single_stream": "Single stream", "frame": "Frame", "offline": "Offline"}
_SLICES = {"patch_size": "Patch size", "brightness": "Brightness"}


def is_stock(model: dict[str, Any]) -> bool:
    """Whether a model stands in for what other libraries would do."""
    return str(model["kind"]).startswith("stock")


def single_stream(model: dict[str, Any]) -> dict[str, Any]:
    """Latency of one patch on one thread, which every report tells.

    Raises
    ------
    DatasetError
        It was not measured.
    """
    try:
        figures: dict[str, Any] = model["latency_us"]["single_stream"]
    except KeyError:
        raise DatasetError(
            f"{model['name']}: the latency of single patches was not measured; measure it: "
            "cvpark compare --out DIR"
        ) from None
    return figures


def title(document: Document) -> str:
    """What was compared on what."""
    n, split = len(document["models"]), document["split"]
    models = "one model" if n == 1 else f"{n} models"
    return f"Free or busy? {models} on {split['n_patches']:,} patches of {split['name']}"


def best(document: Document) -> dict[str, Any]:
    """The figures no model beats."""
    models = document["models"]
    aucs = [model["auc"] for model in models if model["auc"] is not None]
    return {
        "accuracy": max(model["accuracy"] for model in models),
        "auc": max(aucs, default=None),
        "p50": min(model["latency_us"]["single_stream"]["p50"] for model in models),
        "model_bytes": min(model["model_bytes"] for model in models),
    }


def facts(document: Document) -> list[tuple[str, str]]:
    """The frame of the measurement, in a line each."""
    split, machine = document["split"], document["environment"]
    listed = split["n_listed"]
    of = f" of {listed:,} listed" if listed > split["n_patches"] else ""
    return [
        ("Split", split["name"]),
        ("Fingerprint", split["fingerprint"][:12]),
        ("Patches", f"{split['n_patches']:,}{of}"),
        ("Free, busy", f"{split['n_free']:,}, {split['n_busy']:,}"),
        ("Camera-days, captures", f"{split['n_camera_days']:,}, {split['n_captures']:,}"),
        ("Machine", f"{machine.get('cpu', '')}, {machine.get('cores')} cores"),
    ]


def accuracy(document: Document) -> dict[str, Any]:
    """Both intervals of each accuracy, on one scale."""
    spans = {
        model["name"]: {kind: _in_percent(interval)
                        for kind, interval in model["intervals"]["accuracy"].items()}
        for model in document["models"]
    }  # fmt: skip
    ends = [end for span in spans.values() for interval in span.values() for end in interval or ()]
    axis = spanning([*ends, *(100 * model["accuracy"] for model in document["models"])])
    strips = [
        strip(axis, [Mark(100 * m["accuracy"], spans[m["name"]]["clustered"], style, m["name"],
                          spans[m["name"]]["naive"])])
        for style, m in enumerate(document["models"])
    ]  # fmt: skip
    return {"scale": scale(axis, lambda v: f"{v:.4g}"), "strips": strips}


def clusters(document: Document) -> str:
    """What the intervals resample whole, in the plural."""
    return f"{document['split']['cluster']}s"


def defects(document: Document) -> str:
    """Which patches are defective, and how many."""
    split = document["split"]
    counts = [(split.get("n_black"), "black"), (split.get("n_duplicates"), "repeated")]
    return ", ".join(f"{n:,} {what}" for n, what in counts if n)


def pairs(document: Document) -> dict[str, Any]:
    """Every paired difference, those with the reference first."""
    reference = document.get("reference")
    found = sorted(
        document["pairs"], key=lambda pair: reference not in (pair["first"], pair["second"])
    )
    if not found:
        return {}
    styles = {model["name"]: style for style, model in enumerate(document["models"])}
    ends = [100 * end for pair in found for end in pair["interval"] or (pair["difference"],)]
    axis = spanning([*ends, 0.0])
    rows = [
        (pair, strip(axis, [Mark(100 * pair["difference"], _in_percent(pair["interval"]),
                                 styles[pair["first"]], points(pair["difference"]))], zero=0.0))
        for pair in found
    ]  # fmt: skip
    return {"scale": scale(axis, lambda v: f"{v:+.3g}".replace("+0", "0")), "rows": rows}


def lots(document: Document) -> dict[str, Any]:
    """Exact counts of whole captures."""
    found = [model.get("lot") for model in document["models"]]
    if not all(found):
        return {}
    spans = [_in_percent(lot["intervals"]["exact_share"]) for lot in found]
    shares = [100 * lot["exact_share"] for lot in found]
    axis = spanning([*shares, *(end for span in spans for end in span or ())])
    rows = [
        (lot, strip(axis, [Mark(100 * lot["exact_share"], span, style, "")]))
        for style, (lot, span) in enumerate(zip(found, spans, strict=True))
    ]
    n_captures = found[0]["n_captures"]
    return {"scale": scale(axis, lambda v: f"{v:.4g}"), "rows": rows, "n_captures": n_captures}


def slices(document: Document) -> Iterator[dict[str, Any]]:
    """The error of each model in each part of the split."""
    names = [model["name"] for model in document["models"]]
    for dimension, rows in document["slices"].items():
        if len(rows) < 2:
            continue  # the whole split, again
        worst = max(1 - row["accuracy"][name] for row in rows for name in names)
        lows = [(row["intervals"][name] or [1.0])[0] for row in rows for name in names]
        # A slice of few patches may have an interval that dwarfs all others: it ends at the edge.
        axis = Axis(0.0, 100 * max(min(1 - min(lows), 2.5 * worst), 1.05 * worst, 1e-4))
        drawn = [
            strip(axis, [_error(row, name, style) for style, name in enumerate(names)])
            for row in rows
        ]
        yield {
            "title": _SLICES.get(dimension, dimension.replace("_", " ").capitalize()),
            "scale": scale(axis, lambda v: f"{v:.3g}"),
            "rows": [(_readable(row), strips) for row, strips in zip(rows, drawn, strict=True)],
            "lowest": {name: min(row["accuracy"][name] for row in rows) for name in names},
        }


def _readable(row: dict[str, Any]) -> dict[str, Any]:
    """Weathers are written in capitals in the folders of the dataset."""
    value = row["value"]
    return {**row, "value": value.capitalize() if value.isupper() and len(value) > 1 else value}


def _error(row: dict[str, Any], name: str, style: int) -> Mark:
    interval = row["intervals"][name]
    span = interval and (100 * (1 - interval[1]), 100 * (1 - interval[0]))
    error = 1 - row["accuracy"][name]
    return Mark(100 * error, span, style, f"{name} {percent(error)}")


def latency(document: Document) -> dict[str, Any]:
    """Percentiles of each scenario and number of threads, on one scale."""
    models = document["models"]
    shown = scenarios(document)
    ends = [
        end for key, _ in shown for m in models for end in m["latency_us"][key]["intervals"]["p50"]
    ]
    axis = spanning(ends, log=True, room=0.04)
    groups = [
        {"title": title,
         "rows": [(style, m["latency_us"][key], strip(axis, [_p50(m, key, style)], wanted=3))
                  for style, m in enumerate(models)]}
        for key, title in shown
    ]  # fmt: skip
    return {"scale": scale(axis, lambda v: f"{v:,.10g}", wanted=3), "groups": groups}


def _p50(model: dict[str, Any], key: str, style: int) -> Mark:
    figures = model["latency_us"][key]
    return Mark(figures["p50"], figures["intervals"]["p50"], style, model["name"])


def scenarios(document: Document) -> list[tuple[str, str]]:
    """Key and title of each, one thread before several, from one patch a call to all."""
    first, *others = [model["latency_us"] for model in document["models"]]
    found = []
    for name, title in SCENARIOS.items():
        for key, figures in first.items():
            if key.startswith(name) and all(key in latency for latency in others):
                calls = _counted(figures["n_patches"], "patch", "patches")
                threads = _counted(figures["threads"], "thread", "threads")
                found.append((key, f"{title}, {calls} a call, {threads}"))
    return found


def _counted(n: int, one: str, several: str) -> str:
    return f"{n:,} {one if n == 1 else several}"


def single_calls(
    document: Document, latency: pd.DataFrame
) -> list[tuple[str, NDArray[np.float64]]]:
    """Microseconds a patch of each single-stream call on one thread."""
    calls = latency[(latency.scenario == "single_stream") & (latency.threads == 1)]
    found = []
    for model in document["models"]:
        rows = calls[calls.model == model["name"]]
        if len(rows):
            found.append((model["name"], (rows.ns / rows.n_patches / 1000).to_numpy(float)))
    return found


def stage_names(document: Document) -> list[str]:
    """Every stage of any model, in the order patches go through them."""
    staged = [model.get("stages_us") or {} for model in document["models"]]
    return list(dict.fromkeys(stage for stages in staged for stage in stages))


def costs(document: Document) -> dict[str, Any]:
    """What a model costs besides its latency: a row for each way to run it, known columns only."""
    rows = [
        (style, start["runtime"], [text(model, start) for _, text in _COSTS])
        for style, model in enumerate(document["models"])
        for start in model["cold_starts"] or [{"runtime": ""}]
    ]
    known = [k for k in range(len(_COSTS)) if any(texts[k] != NONE for _, _, texts in rows)]
    return {
        "titles": [_COSTS[k][0] for k in known],
        "rows": [(style, runtime, [texts[k] for k in known]) for style, runtime, texts in rows],
    }


def times(document: Document, model: dict[str, Any], scenario: str) -> str:
    """Ratio to the reference with its interval, as text."""
    reference = document["reference"]
    found = (model["latency_us"][scenario].get("ratio_to") or {}).get(reference)
    if found is None:
        return "1" if model["name"] == reference else NONE
    low, high = found["interval"]
    return f"{ratio(found['ratio'])} ({ratio(low)} to {ratio(high)})"


def _in_percent(interval: list[float] | None) -> tuple[float, float] | None:
    return (100 * interval[0], 100 * interval[1]) if interval else None


def cell(value: float | None, text: Any, best_value: float | None) -> Markup:
    """A table's cell, bold where no model does better."""
    kind = ' class="best"' if value is not None and value == best_value else ""
    return Markup("<td{}>{}</td>").format(Markup(kind), text(value))  # noqa: S704, ours
