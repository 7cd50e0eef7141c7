"""Gray pixels to local binary patterns, counted over a grid."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from ._jit import Array, jit
from .histogram import write_shares
from .pixels import rgb_to_gray

METHOD_NAMES = ("default", "ror", "uniform", "nri_uniform", "var")
DEFAULT, ROR, UNIFORM, NRI_UNIFORM, VAR = range(5)

# Bins of the variance method: below 2**-4, and one for each octave up to 2**14, which 8 bits do not
# reach.
VAR_LOW, VAR_HIGH = -4, 14
VAR_BINS = VAR_HIGH - VAR_LOW + 1

ONE, TWO = np.uint32(1), np.uint32(2)


class Points(NamedTuple):
    """Where the points of the circle lie, sorted for reading them out of few images.

    A point's column offset is either whole, then it is read from the image itself ``col_steps``
    further right, or it is one of ``col_offsets``, then from an image interpolated for that
    offset.
    """

    row_offsets: Array  # (n_points,) float64, pixels, downwards
    planes: (
        np.ndarray
    )  # (n_points,) int64: 0 the image itself, i + 1 interpolated for col_offsets[i]
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
    whole = cols == np.floor(cols)
    offsets = np.unique(cols[~whole])
    planes = np.where(whole, 0, np.searchsorted(offsets, cols) + 1)
    steps = np.where(whole, cols, 0).astype(np.int64)
    return Points(rows, planes, steps, offsets, math.ceil(radius) + 1)


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
    """Return each pattern's bin for ror, uint32; empty for the methods that compute it."""
    return ror_codes(n_points)[1] if method == ROR else np.zeros(0, np.uint32)


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
    planes: Array,
    points: Points,
    row: int,
    method: int,
    ror_bins: Array,
    patterns: Array,
    codes: Array,
) -> None:
    """Fill ``codes`` (w) uint32 with the codes of ``row``; for ror, their positions in order.

    ``patterns`` (w) uint32 is scratch, and not the same array: that would keep loops from being
    vectorised.
    """
    _pattern_row(planes, points, row, patterns)
    if method == UNIFORM:
        _uniform_row(patterns, points.row_offsets.size, codes)
    elif method == NRI_UNIFORM:
        _nri_uniform_row(patterns, points.row_offsets.size, codes)
    elif method == ROR:
        for col in range(codes.size):
            codes[col] = ror_bins[patterns[col]]
    else:
        codes[:] = patterns


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
def lbp_codes(
    gray: Array, points: Points, method: int, ror_bins: Array, planes: Array, out: Array
) -> None:
    """Fill ``out`` (h, w) float64 with the codes of ``gray`` (h, w) uint8; ``planes`` is scratch.

    For ror it holds the positions of the codes among those that occur.
    """
    patterns, codes = np.empty(gray.shape[1], np.uint32), np.empty(gray.shape[1], np.uint32)
    _fill_planes(gray, points.col_offsets, points.margin, planes)
    for row in range(gray.shape[0]):
        if method == VAR:
            _variance_row(planes, points, row, out[row])
        else:
            _code_row(planes, points, row, method, ror_bins, patterns, codes)
            out[row] = codes


@jit
def lbp_histogram(
    gray: Array,
    points: Points,
    method: int,
    ror_bins: Array,
    row_edges: Array,
    col_edges: Array,
    root: bool,
    planes: Array,
    counts: Array,
    out: Array,
) -> None:
    """Fill ``out`` float32 with the histograms of ``gray`` (h, w) uint8, as `lbp_batch` does.

    ``planes`` and ``counts`` (cells across, bins) are scratch.
    """
    width, n_cells = gray.shape[1], counts.shape[0]
    patterns, codes = np.empty(width, np.uint32), np.empty(width, np.uint32)
    variances = np.empty(width)
    _fill_planes(gray, points.col_offsets, points.margin, planes)
    position = 0
    for cell_row in range(row_edges.size - 1):
        counts[:] = 0
        for row in range(row_edges[cell_row], row_edges[cell_row + 1]):
            if method == VAR:
                _variance_row(planes, points, row, variances)
                for col in range(width):
                    codes[col] = _variance_bin(variances[col])
            else:
                _code_row(planes, points, row, method, ror_bins, patterns, codes)
            for cell in range(n_cells):
                counter = counts[cell]
                for code in codes[col_edges[cell] : col_edges[cell + 1]]:
                    counter[code] += 1
        n_rows = row_edges[cell_row + 1] - row_edges[cell_row]
        for cell in range(n_cells):
            n_pixels = n_rows * (col_edges[cell + 1] - col_edges[cell])
            write_shares(counts[cell], n_pixels, root, out[position : position + counts.shape[1]])
            position += counts.shape[1]


@jit
def lbp_batch(
    images: Array,
    points: Points,
    method: int,
    ror_bins: Array,
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
        `circle_points`.
    method : int
        Position in ``METHOD_NAMES``.
    ror_bins : ndarray
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
    gray = np.empty((height, width), np.uint8)
    frame = 2 * points.margin
    planes = np.empty((points.col_offsets.size + 1, height + frame, width + frame))
    counts = np.empty((col_edges.size - 1, n_bins), np.int32)
    for i in range(images.shape[0]):
        rgb_to_gray(images[i], gray)
        lbp_histogram(
            gray, points, method, ror_bins, row_edges, col_edges, root, planes, counts, out[i]
        )
