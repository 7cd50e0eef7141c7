"""Numbers as people read them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

MINUS = "\N{MINUS SIGN}"
NONE = "\N{EN DASH}"  # what is not known or not defined
NBSP = "\N{NO-BREAK SPACE}"


def percent(share: float | None, digits: int = 2) -> str:
    r"""A share in percent.

    Examples
    --------
    >>> percent(0.99274)
    '99.27\xa0%'
    """
    return NONE if share is None else f"{100 * share:.{digits}f}{NBSP}%"


def percents(interval: Sequence[float] | None, digits: int = 2) -> str:
    r"""An interval of shares in percent.

    Examples
    --------
    >>> percents([0.98817, 0.9965])
    '98.82 to 99.65\xa0%'
    """
    if interval is None:
        return NONE
    low, high = interval
    return f"{100 * low:.{digits}f} to {percent(high, digits)}"


def points(difference: float, digits: int = 2) -> str:
    """A difference of shares in percentage points, with its sign.

    Examples
    --------
    >>> points(0.0012), points(-0.00049), points(-1e-9)
    ('+0.12', '−0.05', '0.00')
    """
    text = f"{100 * abs(difference):.{digits}f}"
    if not float(text):
        return text
    return ("+" if difference > 0 else MINUS) + text


def microseconds(value: float | None) -> str:
    """A latency with about three digits.

    Examples
    --------
    >>> microseconds(7.531), microseconds(87.2), microseconds(163.4), microseconds(6311.0)
    ('7.53', '87.2', '163', '6,311')
    """
    return NONE if value is None else _three_digits(value)


def _three_digits(value: float) -> str:
    return f"{value:,.{0 if value >= 99.95 else 1 if value >= 9.995 else 2}f}"


def ratio(value: float | None) -> str:
    """How many times as much.

    Examples
    --------
    >>> ratio(0.8812), ratio(65.3)
    ('0.88', '65.3')
    """
    return NONE if value is None else _three_digits(value)


def size(n_bytes: float | None) -> str:
    r"""Bytes in decimal units.

    Examples
    --------
    >>> size(34677), size(1615818)
    ('34.7\xa0kB', '1.62\xa0MB')
    """
    if n_bytes is None:
        return NONE
    power = next((k for k in range(3) if n_bytes < 999.5 * 1000**k), 3)
    return f"{n_bytes / 1000**power:.3g}{NBSP}{('B', 'kB', 'MB', 'GB')[power]}"


def span(interval: Sequence[float] | None, text: Callable[[float], str]) -> str:
    """An interval, each end in the same way.

    Examples
    --------
    >>> span([-0.0024, 0.0014], points), span(None, points)
    ('−0.24 to +0.14', '–')
    """
    return NONE if interval is None else " to ".join(map(text, interval))


def figure(value: float | None, digits: int = 4) -> str:
    """A plain figure with so many decimals.

    Examples
    --------
    >>> figure(0.99861), figure(None)
    ('0.9986', '–')
    """
    return NONE if value is None else f"{value:.{digits}f}"


def p_value(p: float) -> str:
    """A p value, never as a zero.

    Examples
    --------
    >>> p_value(0.4412), p_value(1e-9)
    ('0.44', '< 0.001')
    """
    return "< 0.001" if p < 0.001 else f"{p:.2g}"


def clipped(name: str, longest: int = 26) -> str:
    """A name short enough for a plot.

    Examples
    --------
    >>> clipped("a-model-of-a-very-long-name", 12)
    'a-model-of-…'
    """
    return name if len(name) <= longest else f"{name[: longest - 1]}…"
