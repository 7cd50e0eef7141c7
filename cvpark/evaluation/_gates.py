"""Bounds a comparison is to keep, for the continuous integration of others."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class MinAccuracy:
    """The least accuracy of a model.

    Parameters
    ----------
    model : str
    bound : float
    """

    model: str
    bound: float

    def complaint(self, document: dict[str, Any]) -> str | None:
        """Why it is not met by a comparison, or None."""
        row = _row(document, self.model)
        accuracy, interval = row["accuracy"], row["intervals"]["accuracy"]["clustered"]
        if accuracy >= self.bound:
            return None
        return (
            f"accuracy of {self.model} is {accuracy:.4f}{_range(interval)}, "
            f"at least {self.bound:g} was asked"
        )


@dataclass(frozen=True)
class MaxRatio:
    """The highest ratio of two models' p50 latency, single-stream with one thread.

    Parameters
    ----------
    model, other : str
    bound : float
    """

    model: str
    other: str
    bound: float

    def complaint(self, document: dict[str, Any]) -> str | None:
        """Why it is not met by a comparison, or None."""
        mine, theirs = (
            _row(document, name)["latency_us"]["single_stream"] for name in (self.model, self.other)
        )
        ratio = mine["p50"] / theirs["p50"]
        if ratio <= self.bound:
            return None
        interval = mine["ratio_to"].get(self.other, {}).get("interval")
        return (
            f"latency of {self.model} is {ratio:.3f} times that of {self.other}"
            f"{_range(interval)}, at most {self.bound:g} was asked"
        )


Gate = MinAccuracy | MaxRatio


def parse_gates(
    min_accuracy: Iterable[str], max_ratio: Iterable[str], names: Sequence[str]
) -> list[Gate]:
    """Gates out of the words they are asked for with.

    Parameters
    ----------
    min_accuracy : iterable of str
        Each ``MODEL=SHARE``.
    max_ratio : iterable of str
        Each ``MODEL/MODEL=RATIO``.
    names : sequence of str
        Of the models compared.

    Raises
    ------
    ValueError
        One that says something else.

    Examples
    --------
    >>> parse_gates(["svm=0.98"], ["svm/cnn=1.0"], ["svm", "cnn"])
    [MinAccuracy(model='svm', bound=0.98), MaxRatio(model='svm', other='cnn', bound=1.0)]
    """
    gates: list[Gate] = []
    for text in min_accuracy:
        name, bound = _bound(text, "MODEL=SHARE")
        if not 0 < bound <= 1:
            raise ValueError(f"{text!r}: an accuracy is above 0 and at most 1")
        if name not in names:
            raise ValueError(f"{text!r}: no model {name!r} is compared, but {', '.join(names)}")
        gates.append(MinAccuracy(name, bound))
    for text in max_ratio:
        pair, bound = _bound(text, "MODEL/MODEL=RATIO")
        if not 0 < bound < float("inf"):
            raise ValueError(f"{text!r}: a ratio is a number above 0")
        # A name may hold a slash itself: models of one stem go by their paths.
        cuts = [at for at, letter in enumerate(pair) if letter == "/"]
        pairs = [(pair[:at], pair[at + 1 :]) for at in cuts]
        known = [both for both in pairs if set(both) <= set(names)]
        if not known:
            raise ValueError(
                f"{text!r}: expected two of the models compared, {', '.join(names)}, with / between"
            )
        gates.append(MaxRatio(*known[0], bound))
    return gates


def unmet(gates: Iterable[Gate], document: dict[str, Any]) -> list[str]:
    """Complaints about the gates a comparison does not meet, a line each.

    Parameters
    ----------
    gates : iterable of Gate
        See `parse_gates`.
    document : dict
        ``Comparison.document``.

    Examples
    --------
    >>> row = {"name": "svm", "accuracy": 0.97, "intervals": {"accuracy": {"clustered": None}}}
    >>> unmet([MinAccuracy("svm", 0.98)], {"models": [row]})
    ['accuracy of svm is 0.9700, at least 0.98 was asked']
    """
    return [text for gate in gates if (text := gate.complaint(document))]


def _bound(text: str, form: str) -> tuple[str, float]:
    name, _, number = text.rpartition("=")
    try:
        return name, float(number)
    except ValueError:
        raise ValueError(f"{text!r}: expected {form}") from None


def _row(document: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(row for row in document["models"] if row["name"] == name)
    return found


def _range(interval: Sequence[float] | None) -> str:
    return f" ({interval[0]:.4f} to {interval[1]:.4f})" if interval else ""
