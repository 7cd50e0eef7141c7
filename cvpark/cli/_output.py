"""Remarks, warnings, progress on stderr, as much of them as was asked for."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import click

_EVERY = 10.0  # seconds between two lines of progress in a log


@dataclass
class _Verbosity:
    level: int = 0  # below 0 with --quiet, above with --verbose
    start: float = field(default_factory=time.monotonic)


_verbosity = _Verbosity()


def set_verbosity(level: int) -> None:
    """Quiet below 0, verbose above; what takes time is told from now on."""
    _verbosity.level = level
    _verbosity.start = time.monotonic()


def is_verbose() -> bool:
    """Whether --verbose was given."""
    return _verbosity.level > 0


def say(text: str) -> None:
    """One remark for the person at the terminal; not with --quiet."""
    if _verbosity.level >= 0:
        warn(text)


def warn(text: str) -> None:
    """What must be known of the result, with --quiet too."""
    if is_verbose():
        text = f"[{time.monotonic() - _verbosity.start:6.1f} s] {text}"
    if "tqdm" in sys.modules:  # a bar may be on the line
        from tqdm import tqdm

        tqdm.write(text, file=sys.stderr)
    else:
        click.echo(text, err=True)


def progress(items: Iterable[Any], total: int | None, label: str) -> Iterable[Any]:
    """Pass items through and show how far they are, where stderr is a terminal.

    What takes less than a second shows nothing. Where stderr is no terminal, a log perhaps,
    --verbose writes a line every ten seconds.
    """
    if _verbosity.level < 0:
        return items
    if not sys.stderr.isatty():
        return _logged(items, total, label) if is_verbose() else items
    from tqdm import tqdm

    bar: Iterable[Any] = tqdm(items, total=total, desc=label, file=sys.stderr, leave=False, delay=1)
    return bar


def wants_color() -> bool:
    """Whether stdout is a terminal whose user has not said no, see https://no-color.org."""
    told = os.environ
    return sys.stdout.isatty() and not told.get("NO_COLOR") and told.get("TERM") != "dumb"


def _logged(items: Iterable[Any], total: int | None, label: str) -> Iterator[Any]:
    due = time.monotonic() + _EVERY
    for count, item in enumerate(items, 1):
        yield item
        if time.monotonic() >= due:
            say(f"{label}: {count:,}" + (f" of {total:,}" if total is not None else ""))
            due = time.monotonic() + _EVERY
