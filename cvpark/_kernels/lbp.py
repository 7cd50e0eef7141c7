"""Local binary patterns of any number of points at any distance, counted over a grid."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from ._jit import Array, jit
from .histogram import write_cells
from .lbp_eight import nri_uniform_bins
from .pixels import rgb_to_gray

METHOD_NAMES = ("default", "ror", "uniform", "nri_uniform", "var")
DEFAULT, ROR, UNIFORM, NRI_UNIFORM, VAR = range(5)

# Bins of the variance method: below 2**-4, and one for each octave up to 2**14, which 8 bits do not
# reach.
VAR_LOW, VAR_HIGH = -4, 14
VAR_BINS = VAR_HIGH - VAR_LOW + 1

ONE, TWO = np.uint32(1), np.uint32(2)


class Points(NamedTuple):
    """Where the neighbours of a pixel lie, sorted for reading them out of few images.

    A point's column offset is either whole, then it is read from the image itself ``col_steps``
    further right, or it is one of ``col_offsets``, then from an image interpolated for that
    offset.
    """

    row_offsets: Array  # (n_points,) float64, pixels, downwards
    planes: Array  # (n_points,) int64: 0 the image, i + 1 interpolated for col_offsets[i]
    col_steps: Array  # (n_points,) int64, pixels
    col_offsets: Array  # (n_planes - 1,) float64, pixels
    margin: int  # pixels around the image that a point can reach


def circle_points(n_points: int, radius: float) -> Points:
    """Return the points of a circle, counterclockwise from the right.

    The radius passes through float32 and the offsets are rounded to five digits, as in
    scikit-image: whether a pixel in a flat area counts as reached hangs on the last bit of its
    interpolation.
    """
    angles = 2 * np.pi * np.arange(n_points, dtype=np.float64) / n_points
    radius = float(np.float32(radius))
    rows, cols = np.round(-radius * np.sin(angles), 5), np.round(radius * np.cos(angles), 5)
    return _points(rows, cols, math.ceil(radius) + 1)


def pixel_points() -> Points:
    """Return the eight pixels around a pixel, counterclockwise from the right."""
    rows, cols = [0, -1, -1, -1, 0, 1, 1, 1], [1, 1, 0, -1, -1, -1, 0, 1]
    return _points(np.array(rows, np.float64), np.array(cols, np.float64), 2)


def _points(rows: Array, cols: Array, margin: int) -> Points:
    whole = cols == np.floor(cols)
    offsets = np.unique(cols[~whole])
    planes = np.where(whole, 0, np.searchsorted(offsets, cols) + 1)
    steps = np.where(whole, cols, 0).astype(np.int64)
    return Points(rows, planes, steps, offsets, margin)


def n_codes(n_points: int, method: int) -> int:
    """Number of bins of a histogram of codes."""
    if method == DEFAULT:
        return 1 << n_points
    if method == ROR:
        return ror_codes(n_points)[0].size
    if method == NRI_UNIFORM:
        return n_points * (n_points - 1) + 3
    return VAR_BINS if method == VAR else n_points + 2


def ror_codes(n_points: int) -> tuple[Array, Array]:
    """Return the codes of ror in order, and the position of each pattern's code, both uint32."""
    patterns: Array = np.arange(1 << n_points, dtype=np.uint32)
    lowest = patterns.copy()
    for _ in range(n_points - 1):
        patterns = (patterns >> 1) | ((patterns & 1) << (n_points - 1))
        lowest = np.minimum(lowest, patterns)
    codes, positions = np.unique(lowest, return_inverse=True)
    return codes, positions.astype(np.uint32)


def pattern_bins(n_points: int, method: int) -> Array:
    """Return each pattern's bin, uint32; empty for what computes it without a table."""
    if method == ROR:
        return ror_codes(n_points)[1]
    if method == NRI_UNIFORM and n_points == 8:
        return nri_uniform_bins()
    return np.zeros(0, np.uint32)


@jit
def _fill_planes(gray: Array, col_offsets: Array, margin: int, planes: Array) -> None:
    """Fill ``planes`` float64 (n, h + 2 * margin, w + 2 * margin) with framed ``gray``.

    The first is the image itself; plane i + 1 holds at each column inside the frame what lies
    ``col_offsets[i]`` further right, interpolated between two pixels.
    """
    height, width = gray.shape
    planes[0] = 0.0
    for row in range(height):
        line = planes[0, margin + row, margin : margin + width]
        source = gray[row]
        for col in range(width):
            line[col] = source[col]
    shares = np.empty(width)
    for i in range(col_offsets.size):
        step = math.floor(col_offsets[i])
        for col in range(width):
            # Not the share of the offset alone: adding the column costs it bits, and ties hang on
            # them.
            shares[col] = (col + col_offsets[i]) - (col + step)
        for row in range(planes.shape[1]):
            left = planes[0, row, margin + step : margin + step + width]
            right = planes[0, row, margin + step + 1 : margin + step + 1 + width]
            shifted = planes[i + 1, row, margin : margin + width]
            for col in range(width):
                shifted[col] = (1.0 - shares[col]) * left[col] + shares[col] * right[col]


@jit
def _place(points: Points, point: int, row: int) -> tuple[int, int, float]:
    """Row and column of a neighbour of pixel (row, 0) in its plane, and the lower row's share."""
    top = math.floor(row + points.row_offsets[point])
    share = (row + points.row_offsets[point]) - top
    return top + points.margin, points.margin + points.col_steps[point], share


@jit
def _pattern_row(planes: Array, points: Points, row: int, patterns: Array) -> None:
    """Fill ``patterns`` (w) uint32: bit i is set where neighbour i is not below the pixel."""
    width = patterns.size
    centre = planes[0, points.margin + row, points.margin : points.margin + width]
    patterns[:] = np.uint32(0)
    for point in range(points.row_offsets.size):
        bit = ONE << np.uint32(point)
        plane = points.planes[point]
        top, left, share = _place(points, point, row)
        upper = planes[plane, top, left : left + width]
        lower = planes[plane, top + 1, left : left + width]
        if share == 0.0:
            for col in range(width):
                patterns[col] |= bit if upper[col] >= centre[col] else np.uint32(0)
        else:
            for col in range(width):
                sample = (1.0 - share) * upper[col] + share * lower[col]
                patterns[col] |= bit if sample >= centre[col] else np.uint32(0)


@jit
def _count_bits(word: np.uint32) -> np.uint32:
    """Number of set bits of a uint32, cut back at each step from the 64 bits Numba widens to."""
    word = np.uint32(word - ((word >> ONE) & np.uint32(0x55555555)))
    word = np.uint32((word & np.uint32(0x33333333)) + ((word >> TWO) & np.uint32(0x33333333)))
    word = np.uint32((word + (word >> np.uint32(4))) & np.uint32(0x0F0F0F0F))
    word = np.uint32(word + (word >> np.uint32(8)))
    return np.uint32((word + (word >> np.uint32(16))) & np.uint32(0x3F))


@jit
def _uniform_row(patterns: Array, n_points: int, codes: Array) -> None:
    """Fill ``codes`` with the number of set bits, ``n_points + 1`` if a pattern is not uniform.

    A pattern is uniform if around the circle it changes at most twice between set and not set.
    """
    inner = np.uint32((ONE << np.uint32(n_points - 1)) - ONE)
    other = np.uint32(n_points + 1)
    for col in range(patterns.size):
        pattern = patterns[col]
        changes = _count_bits(np.uint32((pattern ^ (pattern >> ONE)) & inner))
        codes[col] = _count_bits(pattern) if changes <= TWO else other


@jit
def _nri_uniform_row(patterns: Array, n_points: int, codes: Array) -> None:
    """Fill ``codes`` with a code for each uniform pattern and one for all others, the last."""
    _uniform_row(patterns, n_points, codes)
    for col in range(patterns.size):
        pattern, n_set = patterns[col], codes[col]
        if n_set >= n_points:
            codes[col] = n_points * (n_points - 1) + (n_set - n_points) + 1
        elif n_set:
            # How far the pattern is turned to the right from the one whose set bits come first.
            if pattern & ONE:
                turns = n_set - _count_bits(np.uint32((pattern ^ (pattern + ONE)) >> ONE))
            else:
                turns = n_points - _count_bits(np.uint32((pattern ^ (pattern - ONE)) >> ONE))
            codes[col] = 1 + (n_set - 1) * n_points + turns


@jit
def _code_row(
    planes: Array, points: Points, row: int, method: int, bins: Array, patterns: Array, codes: Array
) -> None:
    """Fill ``codes`` (w) uint32 with the codes of ``row``; for ror, their positions in order.

    ``patterns`` (w) uint32 is scratch, and not the same array: that would keep loops from being
    vectorised.
    """
    _pattern_row(planes, points, row, patterns)
    if method == UNIFORM:
        _uniform_row(patterns, points.row_offsets.size, codes)
    elif bins.size:
        for col in range(codes.size):
            codes[col] = bins[patterns[col]]
    elif method == NRI_UNIFORM:
        _nri_uniform_row(patterns, points.row_offsets.size, codes)
    else:
        for col in range(codes.size):
            codes[col] = patterns[col]


@jit
def _variance_row(planes: Array, points: Points, row: int, out: Array) -> None:
    """Fill ``out`` (w) float64 with the variance of each pixel's neighbours, nan where it is 0."""
    width, n_points = out.size, points.row_offsets.size
    total, squares = np.zeros(width), np.zeros(width)
    for point in range(n_points):
        plane = points.planes[point]
        top, left, share = _place(points, point, row)
        upper = planes[plane, top, left : left + width]
        lower = planes[plane, top + 1, left : left + width]
        for col in range(width):
            sample = (1.0 - share) * upper[col] + share * lower[col]
            total[col] += sample
            squares[col] += sample * sample
    for col in range(width):
        variance = (squares[col] - total[col] * total[col] / n_points) / n_points
        out[col] = variance if variance != 0.0 else np.nan


@jit
def _variance_bin(variance: float) -> int:
    """Bin of a variance: one an octave, the first also for what is flat."""
    if variance >= 2.0**VAR_LOW:
        return math.frexp(variance)[1] - VAR_LOW
    return 0


@jit
def _new_planes(height: int, width: int, points: Points) -> Array:
    """Room for `_fill_planes`."""
    frame = 2 * points.margin
    return np.empty((points.col_offsets.size + 1, height + frame, width + frame))


@jit
def lbp_codes(gray: Array, points: Points, method: int, bins: Array, out: Array) -> None:
    """Fill ``out`` (h, w) float64 with the codes of ``gray`` (h, w) uint8.

    For ror it holds the positions of the codes among those that occur.
    """
    height, width = gray.shape
    planes = _new_planes(height, width, points)
    _fill_planes(gray, points.col_offsets, points.margin, planes)
    patterns, codes = np.empty(width, np.uint32), np.empty(width, np.uint32)
    for row in range(height):
        line = out[row]
        if method == VAR:
            _variance_row(planes, points, row, line)
        else:
            _code_row(planes, points, row, method, bins, patterns, codes)
            for col in range(width):
                line[col] = codes[col]


@jit
def _count_rows(
    planes: Array,
    points: Points,
    rows: tuple[int, int],
    method: int,
    bins: Array,
    col_edges: Array,
    counts: Array,
) -> None:
    """Add the histograms of the cells from row ``rows[0]`` to before ``rows[1]`` to ``counts``."""
    width = col_edges[-1]
    patterns, codes = np.empty(width, np.uint32), np.empty(width, np.uint32)
    variances = np.empty(width)
    for row in range(rows[0], rows[1]):
        if method == VAR:
            _variance_row(planes, points, row, variances)
            for col in range(width):
                codes[col] = _variance_bin(variances[col])
        else:
            _code_row(planes, points, row, method, bins, patterns, codes)
        for cell in range(counts.shape[0]):
            counter = counts[cell]
            for col in range(col_edges[cell], col_edges[cell + 1]):
                counter[codes[col]] += 1


@jit
def lbp_batch(
    images: Array,
    points: Points,
    method: int,
    bins: Array,
    row_edges: Array,
    col_edges: Array,
    root: bool,
    n_bins: int,
    out: Array,
) -> None:
    """Fill ``out`` (n, n_features) float32 with the histograms of ``images`` (n, h, w, 3).

    Parameters
    ----------
    images : ndarray
        RGB images, uint8; their BT.601 gray counts.
    points : Points
        `circle_points` or `pixel_points`.
    method : int
        Position in ``METHOD_NAMES``.
    bins : ndarray
        `pattern_bins`.
    row_edges, col_edges : ndarray
        First row and column of each cell of the grid, and the end of the last.
    root : bool
        Take the square root of the shares.
    n_bins : int
        Bins of one cell.
    out : ndarray
        Cells row after row.
    """
    height, width = images.shape[1], images.shape[2]
    gray, planes = np.empty((height, width), np.uint8), _new_planes(height, width, points)
    counts = np.empty((col_edges.size - 1, n_bins), np.int32)
    for i in range(images.shape[0]):
        rgb_to_gray(images[i], gray)
        _fill_planes(gray, points.col_offsets, points.margin, planes)
        for cell_row in range(row_edges.size - 1):
            rows = row_edges[cell_row], row_edges[cell_row + 1]
            counts[:] = 0
            _count_rows(planes, points, rows, method, bins, col_edges, counts)
            start = cell_row * counts.size
            write_cells(counts, rows, col_edges, root, out[i, start : start + counts.size])
