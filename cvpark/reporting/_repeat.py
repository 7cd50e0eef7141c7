"""How to repeat a comparison, and on what it was made."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import Any

from .._text import printable
from ._sections import Document, is_stock


def commands(document: Document, folder: str) -> list[str]:
    """How to check the split, measure again and draw again."""
    split = document["split"]["name"]
    lines = [f"cvpark --version    # {document['cvpark']}"]
    if split.replace("-", "").isalnum():  # the name of a list, no expression
        lines.append(f"LC_ALL=C sort LABELS/{split}.txt | sha256sum")
    lines += [_measure(document), f"cvpark report {shlex.quote(folder)} --data DIR"]
    return [printable(line) for line in lines]


def _measure(document: Document) -> str:
    if document.get("command"):
        return str(document["command"])
    models = document["models"]
    cnns = [model["name"] for model in models if model["kind"] == "cnn"]
    against = cnns + ["stock"] * any(map(is_stock, models))
    others = [m["name"] for m in models if m["kind"] != "cnn" and not is_stock(m)]
    words = ["cvpark", "compare", *others]
    words += [word for name in against for word in ("--against", name)]
    words += ["--split", document["split"]["name"], "--seed", str(document["seed"])]
    return f"{shlex.join(words)} --data DIR --out DIR"


def environment(document: Document) -> list[tuple[str, str]]:
    """Machine and versions, those that are known."""
    return [
        (name.removeprefix("packages.").replace("_", " "),
         f"{value:.3g}" if isinstance(value, float) else str(value))
        for name, value in flatten(document["environment"])
        if value not in (None, "") and name != "warning"
    ]  # fmt: skip


def flatten(tree: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Leaves with dotted names; intervals as ``low`` and ``high``, other lists as words.

    Examples
    --------
    >>> dict(flatten({"a": {"b": 1, "i": [0.5, 2.0]}, "seen": ["training"]}))
    {'a.b': 1, 'a.i.low': 0.5, 'a.i.high': 2.0, 'seen': 'training'}
    """
    for name, value in tree.items():
        key = f"{prefix}{name}"
        if isinstance(value, dict):
            yield from flatten(value, f"{key}.")
        elif isinstance(value, (list, tuple)):
            if len(value) == 2 and all(isinstance(end, float) for end in value):
                yield from zip((f"{key}.low", f"{key}.high"), value, strict=True)
            else:
                yield key, " ".join(map(str, value))
        else:
            yield key, value
