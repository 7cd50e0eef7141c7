"""Progress and remarks on stderr."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

import click


def say(text: str) -> None:
    """One remark for the person at the terminal."""
    click.echo(text, err=True)


def progress(items: Iterable[Any], total: int, label: str) -> Iterable[Any]:
    """Pass items through and show how far they are, where stderr is a terminal."""
    from tqdm import tqdm

    bar: Iterable[Any] = tqdm(
        items, total=total, desc=label, file=sys.stderr, disable=None, leave=False
    )
    return bar
