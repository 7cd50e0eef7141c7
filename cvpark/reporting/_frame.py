"""Axes, grid and labels of a plot."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from ._svg import Axis, Drawing

Tick = tuple[float, str]


@dataclass
class Frame:
    """The rectangle of a drawing that data lies in.

    Parameters
    ----------
    drawing : Drawing
    x, y : Axis
    x_title, y_title : str
        Quantity and unit; the second stands above the axis, where it reads without turning.
    left, right, top, bottom : float
        Margins in units of the view box.

    Examples
    --------
    >>> frame = Frame(Drawing(100, 100, "a plot"), Axis(0, 1), Axis(0, 1), "x", "y",
    ...               left=10, right=10, top=10, bottom=10)
    >>> frame.at(0, 0), frame.at(1, 1)
    ((10.0, 90.0), (90.0, 10.0))
    """

    drawing: Drawing
    x: Axis
    y: Axis
    x_title: str
    y_title: str
    left: float = 52
    right: float = 14
    top: float = 26
    bottom: float = 44
    _taken: list[tuple[float, float, float, float]] = field(default_factory=list)

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Where a pair of values lies in the drawing."""
        return self.across(x), self.down(y)

    def across(self, value: float) -> float:
        """Horizontal place of a value."""
        return self.left + self.x(value) * (self.drawing.width - self.left - self.right)

    def down(self, value: float) -> float:
        """Vertical place of a value."""
        low = self.drawing.height - self.bottom
        return low - self.y(value) * (low - self.top)

    def grid(self, x_ticks: Sequence[Tick], y_ticks: Sequence[Tick]) -> None:
        """Grid lines with their labels, and the titles of both axes."""
        draw, low = self.drawing, self.drawing.height - self.bottom
        for value, text in x_ticks:
            draw.line(self.across(value), self.top, self.across(value), low, "grid")
            draw.text(self.across(value), low + 16, text, anchor="middle", kind="tick")
        for value, text in y_ticks:
            here = self.down(value)
            draw.line(self.left, here, draw.width - self.right, here, "grid")
            draw.text(self.left - 7, here + 4, text, anchor="end", kind="tick")
        middle = (self.left + draw.width - self.right) / 2
        draw.text(middle, draw.height - 6, self.x_title, anchor="middle", kind="title")
        draw.text(4, 13, self.y_title, kind="title")

    def keep_clear(self, x: float, y: float, radius: float = 6) -> None:
        """No label may cover this place."""
        self._taken.append((x - radius, y - radius, x + radius, y + radius))

    def name(self, x: float, y: float, text: str, kind: str) -> None:
        """A name beside a marker, where it covers the least of what is there."""
        long, high = 6.6 * len(text), 12.0
        places: list[tuple[float, float, str]] = [
            (x + 9, y + 4, "start"),
            (x - 9, y + 4, "end"),
            (x + 6, y - 8, "start"),
            (x + 6, y + 17, "start"),
            (x - 6, y - 8, "end"),
            (x - 6, y + 17, "end"),
        ]

        def box(place: tuple[float, float, str]) -> tuple[float, float, float, float]:
            start = place[0] - (long if place[2] == "end" else 0)
            return start, place[1] - high + 2, start + long, place[1] + 2

        best = min(places, key=lambda place: self._covered(box(place)))
        self._taken.append(box(best))
        self.drawing.text(best[0], best[1], text, anchor=best[2], kind=kind)

    def _covered(self, box: tuple[float, float, float, float]) -> float:
        """Area a label would cover, what sticks out of the drawing counted heavily."""
        left, top, right, bottom = box
        outside = max(0.0, self.left - left) + max(0.0, right - self.drawing.width + 2)
        outside += max(0.0, self.top - top) + max(0.0, bottom - self.drawing.height + self.bottom)
        overlap = sum(
            max(0.0, min(right, r) - max(left, a)) * max(0.0, min(bottom, b) - max(top, t))
            for a, t, r, b in self._taken
        )
        return overlap + 40 * outside


def labelled(axis: Axis, text: Callable[[float], str], wanted: int = 4) -> list[Tick]:
    """Round values of an axis with their labels.

    Examples
    --------
    >>> labelled(Axis(0, 1), lambda value: f"{value:.0%}", 2)
    [(0.0, '0%'), (0.5, '50%'), (1.0, '100%')]
    """
    return [(value, text(value)) for value in axis.ticks(wanted)]
