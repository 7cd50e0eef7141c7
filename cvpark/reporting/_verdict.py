"""What a comparison says, in two sentences."""

from __future__ import annotations

from typing import Any, NamedTuple

from ._numbers import NBSP, microseconds, percent, percents, points, ratio, span
from ._sections import is_stock, single_stream

Model = dict[str, Any]

_INTERVAL = f"95{NBSP}% interval"


class Verdict(NamedTuple):
    """The answer, a sentence on accuracy and one on latency."""

    accuracy: str
    latency: str


def judge(document: dict[str, Any]) -> Verdict:
    r"""Two sentences on the model that matters most against the CNN.

    That is the fastest of those whose accuracy is not demonstrably below the CNN's, or the most
    accurate where all are. Not demonstrably: the 95 % interval of the paired difference, which
    resamples whole camera-days, does not lie below zero. Without a CNN the most accurate model
    takes its place. A stand-in for other libraries (kind ``stock``) is only ever an opponent.

    Parameters
    ----------
    document : dict
        ``Comparison.document``.

    Returns
    -------
    Verdict

    Examples
    --------
    >>> def model(name, accuracy, p50):
    ...     return {"name": name, "kind": name, "accuracy": accuracy,
    ...             "latency_us": {"single_stream": {"p50": p50, "ratio_to": {}}}}
    >>> document = {"models": [model("svm", 0.97, 40.0), model("cnn", 0.99, 100.0)],
    ...             "pairs": [{"first": "svm", "second": "cnn", "difference": -0.02,
    ...                        "interval": [-0.03, -0.01]}],
    ...             "reference": "cnn", "split": {"name": "val", "n_patches": 900}}
    >>> print(judge(document).accuracy.replace("\N{NO-BREAK SPACE}", " "))
    On the 900 patches of val, svm (97.00 %) is right less often than cnn (99.00 %): the difference
    is −2.00 percentage points, 95 % interval −3.00 to −1.00.
    """
    models = document["models"]
    named = {model["name"]: model for model in models}
    opponent = named.get(document["reference"]) or max(models, key=_accuracy)
    others = [model for model in models if model is not opponent]
    others = [model for model in others if not is_stock(model)] or others
    if not others:
        return _alone(opponent, document["split"])
    gaps = {model["name"]: paired(document, model["name"], opponent["name"]) for model in others}
    level = [model for model in others if not _below(gaps[model["name"]])]
    challenger = min(level, key=_p50) if level else max(others, key=_accuracy)
    gap = gaps[challenger["name"]]
    nearest = not level and len(others) > 1
    return Verdict(
        _on_accuracy(challenger, opponent, gap, document["split"], nearest=nearest),
        _on_latency(challenger, opponent),
    )


def paired(document: dict[str, Any], first: str, second: str) -> dict[str, Any]:
    """The paired difference of two models, ``first`` minus ``second``, whichever way it is stored.

    Raises
    ------
    KeyError
        The two were not compared.
    """
    for pair in document["pairs"]:
        if (pair["first"], pair["second"]) == (first, second):
            return dict(pair)
        if (pair["first"], pair["second"]) == (second, first):
            ends = pair["interval"] and [-end for end in reversed(pair["interval"])]
            return {**pair, "difference": -pair["difference"], "interval": ends}
    raise KeyError(f"no pair of {first} and {second}")


def _below(gap: dict[str, Any]) -> bool:
    return gap["interval"] is not None and gap["interval"][1] < 0


def _accuracy(model: Model) -> float:
    return float(model["accuracy"])


def _p50(model: Model) -> float:
    return float(single_stream(model)["p50"])


def _on_accuracy(
    challenger: Model, opponent: Model, gap: dict[str, Any], split: dict[str, Any], *, nearest: bool
) -> str:
    first = f"{challenger['name']} ({percent(challenger['accuracy'])})"
    second = f"{opponent['name']} ({percent(opponent['accuracy'])})"
    low, high = gap["interval"] or (0.0, 0.0)
    if nearest:
        claim = f"no model is right as often as {second}, {first} comes nearest"
    elif low > 0:
        claim = f"{first} is right more often than {second}"
    elif high < 0:
        claim = f"{first} is right less often than {second}"
    else:
        claim = f"the accuracies of {first} and {second} cannot be told apart"
    found = f"{_INTERVAL} {span(gap['interval'], points)}"
    if gap["interval"] is None:
        found = "of too few groups for an interval"
    return (
        f"On the {split['n_patches']:,} patches of {split['name']}, {claim}: the difference is "
        f"{points(gap['difference'])} percentage points, {found}."
    )


def _on_latency(challenger: Model, opponent: Model) -> str:
    name, other = challenger["name"], opponent["name"]
    ours, theirs = microseconds(_p50(challenger)), microseconds(_p50(opponent))
    found = single_stream(challenger)["ratio_to"].get(other)
    times = found["ratio"] if found else _p50(challenger) / _p50(opponent)
    low, high = found["interval"] if found else (times, times)
    between = f" ({_INTERVAL} {span((low, high), ratio)})" if found else ""
    medians = f"{ours}{NBSP}µs against {theirs}{NBSP}µs at the median, {ratio(times)} times the"
    if low <= 1 <= high:
        claim = f"{name} is about as fast as {other}"
    else:
        claim = f"{name} is {'faster' if high < 1 else 'slower'} than {other}"
    return f"With one patch on one thread {claim}: {medians} time{between}."


def _alone(model: Model, split: dict[str, Any]) -> Verdict:
    single = single_stream(model)
    within = percents(model["intervals"]["accuracy"]["clustered"])
    return Verdict(
        f"On the {split['n_patches']:,} patches of {split['name']}, {model['name']} is right in "
        f"{percent(model['accuracy'])} ({_INTERVAL} {within}).",
        f"One patch on one thread takes it {microseconds(_p50(model))}{NBSP}µs at the median "
        f"({_INTERVAL} {span(single['intervals']['p50'], microseconds)}).",
    )
