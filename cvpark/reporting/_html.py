"""A comparison as one self-contained HTML file."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from functools import partial
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from . import _numbers, _pictures, _plots, _repeat, _sections
from ._curves import reliability_curve, roc_curve
from ._strips import key
from ._verdict import judge

if TYPE_CHECKING:
    from ..evaluation import Comparison

_BASELINES = {
    "position": "each slot's usual state in training",
    "majority": "the commoner class of training",
}
_IN_TEMPLATE = (
    "percent", "percents", "points", "microseconds", "ratio", "size", "figure", "p_value", "span",
)  # fmt: skip
_ANCHORS = {
    "glance": "At a glance", "accuracy": "Accuracy", "pairs": "Paired differences",
    "curves": "Curves", "slices": "Slices", "latency": "Latency", "patches": "Patches",
    "repeat": "How to repeat it",
}  # fmt: skip


def render_html(
    comparison: Comparison, *, locate: _pictures.Locate | None = None, folder: str = "DIR"
) -> str:
    """The report: no script, no network, pictures and plots within.

    Parameters
    ----------
    comparison : Comparison
    locate : callable or None
        Turns a path of the list into the file of the patch. None: a report without pictures.
    folder : str
        Where the measurements lie, for the commands the report shows.

    Returns
    -------
    str

    Examples
    --------
    >>> from cvpark import compare, load_model
    >>> from cvpark.datasets import Dataset, sample_path
    >>> split = Dataset(sample_path(n_patches=120)).split("val")
    >>> models = [load_model("svm"), load_model("cnn")]
    >>> comparison = compare(models, split, timing="quick")

    >>> page = render_html(comparison, locate=split.locate)
    >>> page.startswith("<!doctype html>"), "<script" in page
    (True, False)
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader(__package__), autoescape=True, undefined=StrictUndefined
    )
    environment.globals.update({name: getattr(_numbers, name) for name in _IN_TEMPLATE})
    source = environment.loader.get_source(environment, "report.css")[0]  # type: ignore[union-attr]
    digest = b64encode(hashlib.sha256(source.encode()).digest()).decode()
    page = environment.get_template("report.html")
    return page.render(
        style=Markup(source),  # noqa: S704, our own file
        style_hash=f"sha256-{digest}",
        folder=folder,
        commands=_repeat.commands(comparison.document, folder),
        **_context(comparison, locate),
    )


def _context(comparison: Comparison, locate: _pictures.Locate | None) -> dict[str, Any]:
    document, measured = comparison.document, comparison.measurements
    models = document["models"]
    slices = list(_sections.slices(document))
    absent = {"slices": not slices, "pairs": not document["pairs"]}
    return {
        "document": document,
        "title": _sections.title(document),
        "names": [model["name"] for model in models],
        "reference": document.get("reference"),
        "verdict": judge(document),
        "sections": [(a, text) for a, text in _ANCHORS.items() if not absent.get(a)],
        "facts": _sections.facts(document),
        "metrics": list(_sections.METRICS.items()),
        "baseline_names": _BASELINES,
        "best": _sections.best(document),
        "defects": _sections.defects(document),
        "accuracy": _sections.accuracy(document),
        "pairs": _sections.pairs(document),
        "lots": _sections.lots(document),
        "slices": slices,
        "latency": _sections.latency(document),
        "stage_names": _sections.stage_names(document),
        "costs": _sections.costs(document),
        "environment": _repeat.environment(document),
        "cell": _sections.cell,
        "times": partial(_sections.times, document),
        "key": key,
        "three": partial(_numbers.figure, digits=3),
        "clusters": _sections.clusters(document),
        **_drawn(document, measured),
        **_pictured(measured.scores, models, locate),
    }


def _drawn(document: dict[str, Any], measured: Any) -> dict[str, Any]:
    """The plots."""
    models, scores = document["models"], measured.scores
    labels = scores.occupancy.to_numpy()
    busy = {model["name"]: scores[model["name"]].to_numpy(float) for model in models}
    split = document["split"]
    rocs = []
    if split["n_free"] and split["n_busy"]:
        rocs = [roc_curve(m["name"], labels, busy[m["name"]], m["threshold"]) for m in models]
    calls = _sections.single_calls(document, measured.latency)
    return {
        "pareto_broad": _plots.pareto(document, width=860, height=440),
        "pareto_narrow": _plots.pareto(document, width=400, height=400),
        "roc": rocs and _plots.roc(rocs, split["n_free"], split["n_busy"]),
        "reliability": [
            _plots.reliability(reliability_curve(name, labels, p), style)
            for style, (name, p) in enumerate(busy.items())
        ],
        "distributions": calls and _plots.distributions(calls),
        "stages": _sections.stage_names(document) and _plots.stages(models),
    }


def _pictured(scores: Any, models: list[dict[str, Any]], locate: Any) -> dict[str, Any]:
    """The patches worth looking at."""
    if locate is None:
        return {"pictures_at_hand": False, "disagreeing": [], "mistaken": []}

    def load(rows: list[int]) -> list[_pictures.Picture]:
        return list(_pictures.load(rows, scores, models, locate))

    return {
        "pictures_at_hand": True,
        "disagreeing": load(_pictures.disagreements(scores, models)),
        "mistaken": [load(_pictures.mistakes(scores, model)) for model in models],
    }
