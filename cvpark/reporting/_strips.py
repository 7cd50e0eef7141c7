"""Small plots that stand in a table's cells and share one scale."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from markupsafe import Markup

from ._svg import N_STYLES, Axis, Drawing

WIDTH, PAD, ROW = 230.0, 12.0, 11.0


class Mark(NamedTuple):
    """A value with its interval in the style of a model.

    Parameters
    ----------
    value : float
    interval : sequence of two floats, or None
    style : int
        Number of the model.
    name : str
        For those who point at it.
    inner : sequence of two floats, or None
        A second interval, drawn as a thicker bar.
    """

    value: float
    interval: Sequence[float] | None
    style: int
    name: str
    inner: Sequence[float] | None = None


def scale(axis: Axis, text: Callable[[float], str], *, wanted: int = 4) -> Markup:
    """The ticks that stand in the head of the column."""
    drawing = Drawing(WIDTH, 16, "", kind="strip")
    for value in axis.ticks(wanted):
        drawing.text(_across(axis, value), 11, text(value), anchor="middle", kind="tick")
        drawing.line(_across(axis, value), 14, _across(axis, value), 16, "grid")
    return drawing.markup()


def strip(
    axis: Axis, marks: Sequence[Mark], *, zero: float | None = None, wanted: int = 4
) -> Markup:
    """Marks below each other, with whiskers; the numbers stand in the cells beside.

    Parameters
    ----------
    axis : Axis
        That of the whole column.
    marks : sequence of Mark
    zero : float or None
        Where a line is drawn that means no difference.
    wanted : int
        As many ticks as in `scale`.

    Examples
    --------
    >>> print(strip(Axis(0, 1), [Mark(0.5, None, 0, "svm")], wanted=1)[:39])
    <svg class="strip" viewBox="0 0 230 19"
    """
    height = ROW * len(marks) + 8
    drawing = Drawing(WIDTH, height, "", kind="strip")
    for value in axis.ticks(wanted):
        here = _across(axis, value)
        drawing.line(here, 0, here, height, "grid")
    if zero is not None:
        drawing.line(_across(axis, zero), 0, _across(axis, zero), height, "zero")
    for row, mark in enumerate(marks):
        middle = 4 + ROW * (row + 0.5)
        for interval, kind in ((mark.interval, "bar"), (mark.inner, "inner")):
            if interval is not None:
                low, high = (_across(axis, value) for value in interval)
                drawing.line(low, middle, high, middle, f"{kind} m{mark.style % N_STYLES}")
        drawing.marker(_across(axis, mark.value), middle, mark.style, radius=3.6, hint=mark.name)
    return drawing.markup()


def key(style: int) -> Markup:
    """The sign of a model, for text."""
    drawing = Drawing(12, 12, "", kind="key")
    drawing.marker(6, 6, style, radius=4.2)
    return drawing.markup()


def _across(axis: Axis, value: float) -> float:
    return PAD + axis(value) * (WIDTH - 2 * PAD)
