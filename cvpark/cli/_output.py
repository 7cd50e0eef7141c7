"""Progress and remarks on stderr."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

import click


def say(text: str) -> None:
    """One remark for the person at the terminal."""
    if "tqdm" in sys.modules:  # a bar may be on the line
        from tqdm import tqdm

        tqdm.write(text, file=sys.stderr)
    else:
        click.echo(text, err=True)


def progress(items: Iterable[Any], total: int | None, label: str) -> Iterable[Any]:
    """Pass items through and show how far they are, where stderr is a terminal.

    What takes less than a second shows nothing.
    """
    if not sys.stderr.isatty():
        return items
    from tqdm import tqdm

    bar: Iterable[Any] = tqdm(items, total=total, desc=label, file=sys.stderr, leave=False, delay=1)
    return bar


def printable(text: str) -> str:
    """Text for a terminal: what a file name could command it with is spelled out."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
