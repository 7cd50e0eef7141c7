"""A small writer of inline SVG whose colours come from the page's style sheet."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

N_STYLES = 8  # colours and marker shapes there are

# Round steps within a decade of a logarithmic axis, few to many.
_STEPS = (
    (1,), (1, 3), (1, 2, 5), (1, 1.5, 2, 3, 5, 7), (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8),
    tuple(k / 10 for k in range(10, 20)) + tuple(k / 4 for k in range(8, 40)),
)  # fmt: skip


class Drawing:
    """Elements in the order they are painted.

    Colours are classes (``m0`` to ``m7`` set the accent of a model, see ``report.css``), so the
    same drawing follows a light or a dark page; text and attributes are escaped.

    Parameters
    ----------
    width, height : float
        Of the view box; the page scales it.
    label : str
        What a reader who cannot see it should hear. Empty where the text beside it says it all.
    kind : str
        Class of the element.

    Examples
    --------
    >>> drawing = Drawing(10, 10, "a < b")
    >>> drawing.add("circle", cx=5, cy=5, r=1 / 3)
    >>> print(drawing.markup())
    <svg class="plot" viewBox="0 0 10 10" role="img" aria-label="a &lt; b"><circle cx="5" cy="5"
    r="0.33"/></svg>
    """

    def __init__(self, width: float, height: float, label: str, *, kind: str = "plot") -> None:
        self.width, self.height, self.label, self.kind = width, height, label, kind
        self._parts: list[Markup] = []

    def add(self, tag: str, text: str = "", *, hint: str = "", **attributes: object) -> None:
        """One element; ``hint`` is shown while a pointer rests on it."""
        title = Markup("<title>{}</title>").format(hint) if hint else ""
        self._parts.append(_element(tag, attributes, title + escape(text)))

    def text(self, x: float, y: float, text: str, *, anchor: str = "start", kind: str = "") -> None:
        """One line of text."""
        self.add("text", text, x=x, y=y, text_anchor=anchor, class_=kind or None)

    def line(self, x1: float, y1: float, x2: float, y2: float, kind: str) -> None:
        """One straight line."""
        self.add("line", x1=x1, y1=y1, x2=x2, y2=y2, class_=kind)

    def marker(self, x: float, y: float, style: int, *, radius: float = 4, hint: str = "") -> None:
        """The sign of a model: a shape as well as a colour."""
        path = MARKERS[(style + style // N_STYLES) % N_STYLES](x, y, radius)
        self.add("path", d=path, class_=f"mark m{style % N_STYLES}", hint=hint)

    def markup(self) -> Markup:
        """The whole ``svg`` element."""
        says: dict[str, object] = (
            {"role": "img", "aria_label": self.label} if self.label else {"aria_hidden": "true"}
        )
        box = f"0 0 {_attribute(self.width)} {_attribute(self.height)}"
        return _element(
            "svg", {"class_": self.kind, "viewBox": box, **says}, Markup("").join(self._parts)
        )


def _element(tag: str, attributes: dict[str, object], content: Markup) -> Markup:
    pairs = [
        Markup(' {}="{}"').format(name.rstrip("_").replace("_", "-"), _attribute(value))
        for name, value in attributes.items()
        if value is not None
    ]
    opening = Markup("<") + tag + Markup("").join(pairs)
    if not content:
        return opening + Markup("/>")
    return opening + Markup(">") + content + Markup("</") + tag + Markup(">")


def _attribute(value: object) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)


def path(points: Sequence[tuple[float, float]], *, closed: bool = False) -> str:
    """Path data of a line through points.

    Examples
    --------
    >>> path([(0, 0), (1, 2.345)], closed=True)
    'M0 0L1 2.35Z'
    """
    steps = "L".join(f"{_attribute(float(x))} {_attribute(float(y))}" for x, y in points)
    return f"M{steps}{'Z' if closed else ''}"


def _regular(corners: int, turn: float, scale: float = 1) -> Callable[[float, float, float], str]:
    """A regular polygon; ``turn`` of one corner in full circles from the right."""

    def draw(x: float, y: float, radius: float) -> str:
        angles = [2 * math.pi * (turn + k / corners) for k in range(corners)]
        long = radius * scale
        around = [(x + long * math.cos(a), y + long * math.sin(a)) for a in angles]
        return path(around, closed=True)

    return draw


def _circle(x: float, y: float, radius: float) -> str:
    arc = f"a{radius} {radius} 0 1 1 "
    return f"M{_attribute(x - radius)} {_attribute(y)}{arc}{2 * radius} 0{arc}{-2 * radius} 0Z"


def _cross(x: float, y: float, radius: float) -> str:
    third, long = radius * 0.38, radius * 1.15
    corners = [(third, long), (third, third), (long, third)]
    quarter = [*corners, *[(a, -b) for a, b in corners[::-1]]]
    around = [*quarter, *[(-a, -b) for a, b in quarter]]
    return path([(x + a, y + b) for a, b in around], closed=True)


MARKERS: tuple[Callable[[float, float, float], str], ...] = (
    _circle,
    _regular(4, 1 / 8, 1.25),  # square
    _regular(3, -1 / 4, 1.35),  # triangle
    _regular(4, 0, 1.35),  # diamond
    _regular(3, 1 / 4, 1.35),  # triangle upside down
    _cross,
    _regular(5, -1 / 4, 1.2),
    _regular(6, 0, 1.15),
)


@dataclass(frozen=True)
class Axis:
    """A scale from values to the share of the way along an axis.

    Parameters
    ----------
    low, high : float
        Values at its ends.
    log : bool
        Equal ratios are equally long.

    Examples
    --------
    >>> Axis(1, 100, log=True)(10), Axis(0, 4)(5)
    (0.5, 1.0)
    """

    low: float
    high: float
    log: bool = False

    def __call__(self, value: float) -> float:
        """Share of the way, within 0 and 1."""
        value = min(max(value, self.low), self.high)
        if self.log:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)

    def ticks(self, wanted: int = 4) -> list[float]:
        """Round values, about so many."""
        return self._log_ticks(wanted) if self.log else self._linear_ticks(wanted)

    def _log_ticks(self, wanted: int) -> list[float]:
        decades = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
        choices = []
        for steps in _STEPS:
            values = [step * 10.0**decade for decade in decades for step in steps]
            choices.append([v for v in values if self.low * 0.999 <= v <= self.high * 1.001])
        return min(choices, key=lambda found: abs(len(found) - wanted))

    def _linear_ticks(self, wanted: int) -> list[float]:
        rough = (self.high - self.low) / wanted
        decade = 10.0 ** math.floor(math.log10(rough))
        step = min((1, 2, 2.5, 5, 10), key=lambda k: abs(math.log(k * decade / rough))) * decade
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return [k * step for k in range(first, last + 1)]


def spanning(values: Sequence[float], *, log: bool = False, room: float = 0.06) -> Axis:
    """An axis that holds all values with some room at both ends.

    Examples
    --------
    >>> spanning([1, 3], room=0.5)
    Axis(low=0.0, high=4.0, log=False)
    """
    low, high = min(values), max(values)
    if log:
        stretch = max(high / low, 1.5) ** room
        return Axis(low / stretch, high * stretch, log=True)
    more = room * ((high - low) or abs(high) or 1.0)
    return Axis(low - more, high + more)
