"""Error against latency as a PNG for READMEs."""

from __future__ import annotations

from io import BytesIO
from typing import Any

from .._text import printable
from ._numbers import clipped
from ._plots import frontier, places
from ._svg import N_STYLES, Axis

# The light palette of report.css.
COLORS = ("#0b68a8", "#c2410c", "#0d7a5f", "#8e3a86", "#8a6100", "#1e7f94", "#b4234b", "#55555a")
_MARKERS = ("o", "s", "^", "D", "v", "P", "p", "h")
_INK, _SOFT, _GRID = "#1d1d1b", "#5c5c57", "#e7e7e1"


def render_pareto_png(document: dict[str, Any], *, dpi: int = 160) -> bytes:
    """The plot of the report, on white.

    Parameters
    ----------
    document : dict
        ``Comparison.document``.
    dpi : int
        Of 7.2 by 4.2 inches.

    Returns
    -------
    bytes
        A PNG file.

    Examples
    --------
    >>> from cvpark import compare, load_model
    >>> from cvpark.datasets import Dataset, sample_path
    >>> split = Dataset(sample_path(n_patches=120)).split("val")
    >>> models = [load_model("svm"), load_model("cnn")]
    >>> comparison = compare(models, split, timing="quick")

    >>> render_pareto_png(comparison.document)[1:4]
    b'PNG'
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows = places(document)
    drawn = Figure(figsize=(7.2, 4.2), layout="constrained")
    FigureCanvasAgg(drawn)  # no window system, whatever the user's backend
    axes = drawn.add_subplot(xscale="log", yscale="log")
    for style, row in enumerate(rows):
        x, y = row["x"], 100 * row["y"]
        sides = [[max(x - row["x_interval"][0], 0.0)], [max(row["x_interval"][1] - x, 0.0)]]
        ends = [100 * end for end in row["y_interval"]]
        axes.errorbar(
            x, y, xerr=sides, yerr=[[max(y - ends[0], 0.0)], [max(ends[1] - y, 0.0)]],
            fmt=_MARKERS[(style + style // N_STYLES) % N_STYLES], color=COLORS[style % N_STYLES],
            markersize=7, capsize=3, elinewidth=1.3,
        )  # fmt: skip
        # A dollar sign would start a formula.
        name = printable(clipped(row["name"])).replace("$", r"\$")
        axes.annotate(name, (x, y), (8, 5), color=_INK,
                      textcoords="offset points", weight="bold", size=9)  # fmt: skip
    front = frontier([(row["x"], row["y"]) for row in rows])
    (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
    axes.step(
        [rows[front[0]]["x"], *(rows[k]["x"] for k in front), right],
        [high, *(100 * rows[k]["y"] for k in front), 100 * rows[front[-1]]["y"]],
        where="post", color=_SOFT, linestyle=(0, (4, 4)), linewidth=1, zorder=0,
    )  # fmt: skip
    axes.set(xlim=(left, right), ylim=(low, high))
    _dress(axes)
    target = BytesIO()
    drawn.savefig(target, format="png", dpi=dpi, metadata={"Software": None})
    return target.getvalue()


def _dress(axes: Any) -> None:
    from matplotlib.ticker import FuncFormatter, NullFormatter, NullLocator

    for axis, text in ((axes.xaxis, "{:,.10g}".format), (axes.yaxis, "{:.4g}".format)):
        low, high = axis.get_view_interval()
        axis.set_minor_locator(NullLocator())
        axis.set_minor_formatter(NullFormatter())
        axis.set_ticks(Axis(low, high, log=True).ticks(5))
        axis.set_major_formatter(FuncFormatter(lambda value, _, text=text: text(value)))
    axes.set_xlabel("p50 latency of one patch on one thread, µs", color=_SOFT)
    axes.set_ylabel("error, %", color=_SOFT)
    axes.grid(color=_GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(colors=_SOFT, length=0)
    axes.spines[:].set_visible(False)
