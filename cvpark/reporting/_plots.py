"""The plots of the report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from ._curves import Reliability, Roc
from ._frame import Frame, labelled
from ._numbers import clipped, microseconds, percent
from ._sections import single_stream
from ._svg import N_STYLES, Axis, Drawing, path, spanning

PAD = 46  # height of a row of the distributions


def frontier(points: Sequence[tuple[float, float]]) -> list[int]:
    """Which points no other one beats in both coordinates, from left to right.

    Examples
    --------
    >>> frontier([(3, 1), (1, 2), (2, 3)])
    [1, 0]
    """
    kept: list[int] = []
    for at in sorted(range(len(points)), key=lambda k: points[k]):
        if not kept or points[at][1] < points[kept[-1]][1]:
            kept.append(at)
    return kept


def pareto(document: dict[str, Any], *, width: float, height: float) -> Markup:
    """Error against latency with error bars and the frontier, both axes logarithmic."""
    rows = places(document)
    said = "; ".join(f"{r['name']} {percent(r['y'])} at {microseconds(r['x'])} µs" for r in rows)
    drawing = Drawing(width, height, f"Error against median latency: {said}")
    frame = Frame(
        drawing,
        spanning([v for r in rows for v in (r["x"], *r["x_interval"])], log=True, room=0.12),
        spanning([v for r in rows for v in (r["y"], *r["y_interval"])], log=True),
        "p50 latency of one patch on one thread, µs",
        "error, %",
    )
    wanted = 4 if width < 500 else 5
    frame.grid(
        labelled(frame.x, lambda v: f"{v:,.10g}", wanted),
        labelled(frame.y, lambda v: f"{100 * v:.4g}", wanted),
    )
    front = [
        frame.at(rows[k]["x"], rows[k]["y"]) for k in frontier([(r["x"], r["y"]) for r in rows])
    ]
    corners = [
        corner
        for (x, y), (next_x, _) in zip(front, [*front[1:], (width - frame.right, 0.0)], strict=True)
        for corner in ((x, y), (next_x, y))
    ]
    drawing.add("path", d=path([(front[0][0], frame.top), *corners]), class_="frontier")
    for (start, y), (end, _) in zip(corners[::2], corners[1::2], strict=True):
        for x in np.arange(start, end, 8):
            frame.keep_clear(float(x), y, 2)
    for style, row in enumerate(rows):
        _cross_hair(frame, row, style)
    for style, row in enumerate(rows):
        x, y = frame.at(row["x"], row["y"])
        drawing.marker(x, y, style, radius=6, hint=row["hint"])
    for style, row in enumerate(rows):
        frame.name(*frame.at(row["x"], row["y"]), clipped(row["name"]), f"name m{style % N_STYLES}")
    return drawing.markup()


def places(document: dict[str, Any]) -> list[dict[str, Any]]:
    """Name, latency ``x`` and error ``y`` of each model, with their intervals.

    Without a single error there is no logarithm: such a model is drawn at half an error.
    """
    least = 0.5 / document["split"]["n_patches"]
    return [_place(model, least) for model in document["models"]]


def _place(model: dict[str, Any], least: float) -> dict[str, Any]:
    intervals = model["intervals"]["accuracy"]
    low, high = intervals["clustered"] or (model["accuracy"], model["accuracy"])
    single = single_stream(model)
    error = 1 - model["accuracy"]
    return {
        "name": model["name"],
        "x": single["p50"],
        "x_interval": single["intervals"]["p50"],
        "y": max(error, least),
        "y_interval": [max(1 - high, least), max(1 - low, least)],
        "hint": f"{model['name']}: error {percent(error)} ({100 * (1 - high):.2f} to "
        f"{percent(1 - low)}), {microseconds(single['p50'])} µs",
    }


def _cross_hair(frame: Frame, row: dict[str, Any], style: int) -> None:
    x, y = frame.at(row["x"], row["y"])
    bar = f"bar m{style % N_STYLES}"
    ends = [frame.down(value) for value in row["y_interval"]]
    sides = [frame.across(value) for value in row["x_interval"]]
    frame.drawing.line(x, ends[0], x, ends[1], bar)
    frame.drawing.line(sides[0], y, sides[1], y, bar)
    for end in ends:
        frame.drawing.line(x - 3, end, x + 3, end, bar)
    frame.keep_clear(x, y, 8)
    for end in np.linspace(ends[0], ends[1], 12):
        frame.keep_clear(x, float(end), 4)
    for side in np.linspace(sides[0], sides[1], 8):
        frame.keep_clear(float(side), y, 2)


def roc(curves: Sequence[Roc], n_free: int, n_busy: int) -> Markup:
    """Receiver operating characteristics, both axes stretched towards the good corner."""
    said = "; ".join(
        f"{c.name} finds {percent(c.hit_rate)} of the busy slots at {percent(c.false_rate)} of the "
        "free ones called busy"
        for c in curves
    )
    drawing = Drawing(440, 440, f"ROC curves. At each model's threshold: {said}")
    x, y = Axis(0.5 / n_free, 1.0, log=True), Axis(0.5 / n_busy, 1.0, log=True)
    frame = Frame(drawing, x, y, "free slots called busy, %", "busy slots found, %", left=58)
    # Upside down: the vertical axis counts misses, so that the top is where none is missed.
    top, low = frame.top, drawing.height - frame.bottom

    def at(false_rate: float, hit_rate: float) -> tuple[float, float]:
        return frame.across(false_rate), top + y(1 - hit_rate) * (low - top)

    ticks = [v for v in (0.0001, 0.001, 0.01, 0.1, 1.0) if v >= x.low]
    misses = [v for v in (0.0001, 0.001, 0.01, 0.1, 1.0) if v >= y.low]
    frame.grid([(v, f"{100 * v:g}") for v in ticks], [])
    for miss in misses:
        here = at(0, 1 - miss)[1]
        drawing.line(frame.left, here, drawing.width - frame.right, here, "grid")
        drawing.text(frame.left - 7, here + 4, f"{100 * (1 - miss):g}", anchor="end", kind="tick")
    for style, curve in enumerate(curves):
        line = path([at(f, h) for f, h in zip(curve.false_rates, curve.hit_rates, strict=True)])
        drawing.add("path", d=line, class_=f"curve m{style % N_STYLES} d{style % 4}")
    for style, curve in enumerate(curves):
        place = at(curve.false_rate, curve.hit_rate)
        hint = f"{curve.name} at its threshold {curve.threshold:.3g}"
        drawing.marker(*place, style, radius=5, hint=hint)
    return drawing.markup()


def reliability(curve: Reliability, style: int) -> Markup:
    """Share of busy slots among those of like probability, with 95 % intervals."""
    said = ", ".join(
        f"{percent(p, 0)}: {percent(s, 0)}"
        for p, s in zip(curve.predicted, curve.observed, strict=True)
    )
    drawing = Drawing(220, 210, f"Reliability of {curve.name}, predicted: observed. {said}")
    frame = Frame(
        drawing,
        Axis(0, 1),
        Axis(0, 1),
        "P(busy)",
        "share busy",
        left=36,
        top=24,
        bottom=40,
        right=8,
    )
    ticks = [(0.0, "0"), (0.5, "0.5"), (1.0, "1")]
    frame.grid(ticks, ticks)
    drawing.line(*frame.at(0, 0), *frame.at(1, 1), "even")
    accent = f"m{style % N_STYLES}"
    points = list(zip(curve.predicted, curve.observed, strict=True))
    drawing.add("path", d=path([frame.at(*point) for point in points]), class_=f"curve {accent}")
    for (p, s), (low, high), count in zip(points, curve.intervals, curve.counts, strict=True):
        drawing.line(*frame.at(p, low), *frame.at(p, high), f"bar {accent}")
        hint = f"{count:,} patches at P(busy) {p:.2f}: {percent(s, 1)} busy"
        drawing.marker(*frame.at(p, s), style, radius=3.2, hint=hint)
    return drawing.markup()


def distributions(samples: Sequence[tuple[str, NDArray[np.float64]]]) -> Markup:
    """How single-stream latencies are spread, a row a model, in microseconds."""
    said = "; ".join(
        f"{name} {', '.join(microseconds(v) for v in np.percentile(us, [50, 95, 99]))}"
        for name, us in samples
    )
    height = PAD * len(samples) + 52
    drawing = Drawing(440, height, f"Latencies, p50, p95 and p99 in µs: {said}")
    ends = [float(v) for _, us in samples for v in np.percentile(us, [0.2, 99.6])]
    frame = Frame(
        drawing, spanning(ends, log=True, room=0.02), Axis(0, 1), "latency of one patch, µs", "",
        left=10, right=10, top=4,
    )  # fmt: skip
    frame.grid(labelled(frame.x, lambda v: f"{v:,.10g}"), [])
    edges = np.geomspace(frame.x.low, frame.x.high, 90)
    for style, (name, us) in enumerate(samples):
        base = 4 + PAD * (style + 1) - 4
        _ridge(frame, us, edges, base, f"m{style % N_STYLES}")
        p50, p95, p99 = np.percentile(us, [50, 95, 99])
        for value, high in ((p50, 26), (p95, 13), (p99, 13)):
            here = frame.across(float(value))
            drawing.line(here, base, here, base - high, f"quantile m{style % N_STYLES}")
        drawing.marker(frame.across(float(p50)), base - 26, style, radius=4)
        text = f"{clipped(name)} · {microseconds(p50)}"
        if frame.x(float(p50)) < 0.5:
            drawing.text(drawing.width - frame.right, base - 19, text, anchor="end", kind="name")
        else:
            drawing.text(frame.left, base - 19, text, kind="name")
    return drawing.markup()


def _ridge(
    frame: Frame, us: NDArray[np.float64], edges: NDArray[np.float64], base: float, accent: str
) -> None:
    counts = np.histogram(us, edges)[0].astype(float)
    smooth = np.convolve(counts, [0.1, 0.2, 0.4, 0.2, 0.1], "same")
    middles = np.sqrt(edges[1:] * edges[:-1])
    top = smooth.max() or 1.0
    outline = [
        (frame.across(float(at)), base - 34 * float(share) / top)
        for at, share in zip(middles, smooth, strict=True)
    ]
    around = [(outline[0][0], base), *outline, (outline[-1][0], base)]
    frame.drawing.add("path", d=path(around, closed=True), class_=f"ridge {accent}")


def stages(models: Sequence[dict[str, Any]]) -> Markup:
    """Shares of the stages in the time of a patch, a stacked bar a model."""
    rows = [(k, m["name"], m["stages_us"]) for k, m in enumerate(models) if m["stages_us"]]
    said = "; ".join(
        f"{name}: {', '.join(f'{stage} {microseconds(us)}' for stage, us in times.items())}"
        for _, name, times in rows
    )
    drawing = Drawing(440, PAD * len(rows) + 52, f"Stages, median µs. {said}")
    frame = Frame(
        drawing, Axis(0, 100), Axis(0, 1), "share of the time, %", "", left=10, right=10, top=4
    )
    frame.grid(labelled(frame.x, lambda v: f"{v:g}"), [])
    for row, (style, name, times) in enumerate(rows):
        total = sum(times.values())
        top = 4 + PAD * row
        drawing.text(
            frame.left, top + 13, f"{clipped(name)} · {microseconds(total)} µs", kind="name"
        )
        start = 0.0
        for step, (stage, us) in enumerate(times.items()):
            share = 100 * us / total
            left, right = frame.across(start), frame.across(start + share)
            drawing.add(
                "rect", hint=f"{name}, {stage}: {microseconds(us)} µs", x=left, y=top + 18,
                width=max(right - left, 0.5), height=19,
                class_=f"stage s{step % 4} m{style % N_STYLES}",
            )  # fmt: skip
            if right - left > 6.2 * len(stage) + 6:
                drawing.text((left + right) / 2, top + 31, stage, anchor="middle", kind="within")
            start += share
    return drawing.markup()
