"""RGB pixels to colour histograms over a grid."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ._jit import Array, jit
from .histogram import write_shares

SPACE_NAMES = ("rgb", "hsv", "lab", "opponent")
SPACE_RGB, SPACE_HSV, SPACE_LAB, SPACE_OPPONENT = range(4)

# Pixels compared at once, the bytes of the widest vector: the compiler makes one comparison and one
# count of set bits of a loop over them.
BLOCK = 64
# Rows of a cell are copied in whole vectors of this many bytes, beyond their end.
CHUNK = 32
# Up to so many bins in all, comparing the pixels with the first value of each bin beats adding them
# one by one to counters, each addition waiting for the one before.
MAX_COMPARED_BINS = 96

# OpenCV's 8-bit HSV: fixed point with 12 bits after the point, hue in steps of 2 degrees.
HSV_SHIFT = np.int32(12)
HSV_HALF = np.int32(1 << 11)
HUE_RANGE = np.int32(180)

# An exact third of up to 766, the most that a sum of three levels and its rounding comes to.
THIRD, THIRD_SHIFT = np.int32(21846), np.int32(16)

# OpenCV's 8-bit Lab: linear light in units of 1 / (255 * 8), XYZ sums with 12 bits after the point
# and cube roots with 15.
LINEAR_UNIT = 255 * 8
XYZ_SHIFT = 12
ROOT_SHIFT = 15
WHITE_D65 = (0.950456, 1.0, 1.088754)
SRGB_TO_XYZ = (
    (0.412453, 0.357580, 0.180423),
    (0.212671, 0.715160, 0.072169),
    (0.019334, 0.119193, 0.950227),
)


def _linear_light() -> NDArray[np.uint32]:
    level = np.arange(256) / 255
    linear = np.where(level <= 0.04045, level / 12.92, ((level + 0.055) / 1.055) ** 2.4)
    return np.array(np.rint(LINEAR_UNIT * linear), np.uint32)


def _cube_roots() -> NDArray[np.int32]:
    light = np.arange(LINEAR_UNIT * 3 // 2) / LINEAR_UNIT
    root = np.where(light < 0.008856, 7.787 * light + 16 / 116, np.cbrt(light))
    table = np.array(np.rint((1 << ROOT_SHIFT) * root), np.int32)
    # These lie so near a half that OpenCV's float32 root falls on its other side.
    table[[49, 628]] = 9454, 22126
    return table


def _xyz_weights() -> NDArray[np.uint32]:
    white = np.array(WHITE_D65)[:, np.newaxis]
    return np.array(np.rint((1 << XYZ_SHIFT) * np.array(SRGB_TO_XYZ) / white), np.uint32)


LINEAR_LIGHT = _linear_light()
CUBE_ROOTS = _cube_roots()
XYZ_WEIGHTS = _xyz_weights()


def bin_tables(space: int, n_bins: tuple[int, int, int], joint: bool) -> tuple[Array, Array]:
    """Return what tells the bin of a value: ``firsts`` uint8 and ``offsets`` uint32 (3, 256).

    The bins of a channel split its values evenly: 180 for hue, 256 for all others. ``firsts``
    holds the smallest value of each bin, channel after channel; ``offsets`` for each channel and
    value where in the counters it counts.
    """
    tops = (180 if space == SPACE_HSV else 256, 256, 256)
    pairs = list(zip(n_bins, tops, strict=True))
    firsts = np.concatenate([-(-np.arange(n) * top // n) for n, top in pairs])
    offsets = np.array([np.arange(256) * n // top for n, top in pairs])
    if joint:
        offsets *= np.array([[n_bins[1] * n_bins[2]], [n_bins[2]], [1]])
    else:
        offsets += np.array([[0], [n_bins[0]], [n_bins[0] + n_bins[1]]])
    return firsts.astype(np.uint8), offsets.astype(np.uint32)


@jit
def _hsv_planes(values: Array, planes: Array) -> None:
    """Fill ``planes`` (3, >= n) uint8 with the HSV of ``values`` (3 * n) uint8 RGB."""
    hues, saturations, brightest = planes[0], planes[1], planes[2]
    for i in range(values.size // 3):
        red = np.int32(values[3 * i])
        green = np.int32(values[3 * i + 1])
        blue = np.int32(values[3 * i + 2])
        value = max(red, green, blue)
        span = np.int32(value - min(red, green, blue))
        # OpenCV takes both quotients from tables; divided anew they fit a vectorised loop. The
        # numerators are exact in float32 and no quotient is near a half.
        per_value = np.int32(
            np.float32(255 << 12) / np.float32(max(value, np.int32(1))) + np.float32(0.5)
        )
        per_span = np.int32(
            np.float32(30 << 12) / np.float32(max(span, np.int32(1))) + np.float32(0.5)
        )
        if value == red:
            position = np.int32(green - blue)
        elif value == green:
            position = np.int32(blue - red + 2 * span)
        else:
            position = np.int32(red - green + 4 * span)
        hue = np.int32(np.int32(position * per_span + HSV_HALF) >> HSV_SHIFT)
        hues[i] = hue + HUE_RANGE if hue < 0 else hue
        saturations[i] = np.int32(span * per_value + HSV_HALF) >> HSV_SHIFT
        brightest[i] = value


@jit
def _lab_planes(values: Array, planes: Array) -> None:
    """Fill ``planes`` (3, >= n) uint8 with L, a and b of ``values`` (3 * n) uint8 sRGB."""
    lightness, greens_reds, blues_yellows = planes[0], planes[1], planes[2]
    half_xyz, half_root = 1 << (XYZ_SHIFT - 1), 1 << (ROOT_SHIFT - 1)
    scale, offset = (116 * 255 + 50) // 100, (16 * 255 * (1 << ROOT_SHIFT) + 50) // 100
    middle = 128 << ROOT_SHIFT
    for i in range(values.size // 3):
        red = LINEAR_LIGHT[values[3 * i]]
        green = LINEAR_LIGHT[values[3 * i + 1]]
        blue = LINEAR_LIGHT[values[3 * i + 2]]
        x = XYZ_WEIGHTS[0, 0] * red + XYZ_WEIGHTS[0, 1] * green + XYZ_WEIGHTS[0, 2] * blue
        y = XYZ_WEIGHTS[1, 0] * red + XYZ_WEIGHTS[1, 1] * green + XYZ_WEIGHTS[1, 2] * blue
        z = XYZ_WEIGHTS[2, 0] * red + XYZ_WEIGHTS[2, 1] * green + XYZ_WEIGHTS[2, 2] * blue
        root_x = CUBE_ROOTS[(x + half_xyz) >> XYZ_SHIFT]
        root_y = CUBE_ROOTS[(y + half_xyz) >> XYZ_SHIFT]
        root_z = CUBE_ROOTS[(z + half_xyz) >> XYZ_SHIFT]
        level = (scale * root_y - offset + half_root) >> ROOT_SHIFT
        green_red = (500 * (root_x - root_y) + middle + half_root) >> ROOT_SHIFT
        blue_yellow = (200 * (root_y - root_z) + middle + half_root) >> ROOT_SHIFT
        lightness[i] = min(max(level, 0), 255)
        greens_reds[i] = min(max(green_red, 0), 255)
        blues_yellows[i] = min(max(blue_yellow, 0), 255)


@jit
def _opponent_planes(values: Array, planes: Array) -> None:
    """Fill ``planes`` (3, >= n) uint8 with the opponent colours of ``values`` (3 * n) uint8 RGB."""
    red_green, yellow_blue, intensity = planes[0], planes[1], planes[2]
    for i in range(values.size // 3):
        red = np.int32(values[3 * i])
        green = np.int32(values[3 * i + 1])
        blue = np.int32(values[3 * i + 2])
        both = np.int32(red + green)
        red_green[i] = np.int32(red - green + np.int32(256)) >> np.int32(1)
        yellow_blue[i] = np.int32(both - 2 * blue + np.int32(512)) >> np.int32(2)
        intensity[i] = np.int32(np.int32(both + blue + np.int32(1)) * THIRD) >> THIRD_SHIFT


@jit
def convert(values: Array, space: int, planes: Array) -> None:
    """Fill ``planes`` (3, >= n) uint8 with the channels in ``space`` of ``values`` (3 * n) RGB."""
    if space == SPACE_HSV:
        _hsv_planes(values, planes)
    elif space == SPACE_LAB:
        _lab_planes(values, planes)
    elif space == SPACE_OPPONENT:
        _opponent_planes(values, planes)
    else:
        for channel in range(3):
            for i in range(values.size // 3):
                planes[channel, i] = values[3 * i + channel]


@jit
def _gather(planes: Array, n_rows: int, width: int, cols: tuple[int, int], cell: Array) -> int:
    """Fill ``cell`` (3, n) with the columns ``cols`` of ``planes``, row after row, then zeros.

    A block of zeros follows the pixels, whose number is returned. Indices are unsigned: a signed
    one could count from the end, and its test keeps a loop from being vectorised.
    """
    n_cols = cols[1] - cols[0]
    n_copied = (n_cols + CHUNK - 1) // CHUNK * CHUNK
    n_pixels = n_rows * n_cols
    for channel in range(3):
        plane, line = planes[channel], cell[channel]
        for row in range(n_rows):
            source, target = np.uint64(row * width + cols[0]), np.uint64(row * n_cols)
            for i in range(n_copied):
                line[target + np.uint64(i)] = plane[source + np.uint64(i)]
        for i in range(BLOCK):
            line[np.uint64(n_pixels) + np.uint64(i)] = 0
    return n_pixels


@jit
def _count_from(line: Array, n_pixels: int, first: int) -> int:
    """Return how many of the ``n_pixels`` of ``line`` are ``first``, at least 1, or more."""
    count = 0
    for start in range(0, n_pixels, BLOCK):
        block = line[start : start + BLOCK]
        hits = np.uint8(0)  # as narrow as the pixels, so that a vector holds as many
        for i in range(BLOCK):
            hits = np.uint8(hits + (block[i] >= first))
        count += int(hits)
    return count


@jit
def _compare(line: Array, n_pixels: int, firsts: Array, counts: Array) -> None:
    """Fill ``counts`` int32 with the histogram of ``line``, ``firsts`` the bins' first values."""
    n_left = n_pixels
    for position in range(1, firsts.size):
        n_from = _count_from(line, n_pixels, firsts[position])
        counts[position - 1] = n_left - n_from
        n_left = n_from
    counts[firsts.size - 1] = n_left


@jit
def _scatter(cell: Array, n_pixels: int, offsets: Array, joint: bool, counts: Array) -> None:
    """Fill ``counts`` int32 with the histograms of a ``cell``, pixel by pixel.

    ``offsets`` (3, 256) holds where a channel's value counts: a bin of its own, or, ``joint``, its
    share in the position of the one bin of all three.
    """
    counts[:] = 0
    for i in range(n_pixels):
        first = offsets[0, cell[0, i]]
        second = offsets[1, cell[1, i]]
        third = offsets[2, cell[2, i]]
        if joint:
            counts[first + second + third] += 1
        else:
            counts[first] += 1
            counts[second] += 1
            counts[third] += 1


@jit
def _count(
    cell: Array,
    n_pixels: int,
    n_bins: Array,
    firsts: Array,
    offsets: Array,
    joint: bool,
    counts: Array,
) -> None:
    """Fill ``counts`` int32 with the histograms of a ``cell``, side by side or ``joint``."""
    if joint or firsts.size > MAX_COMPARED_BINS:
        _scatter(cell, n_pixels, offsets, joint, counts)
        return
    start = 0
    for channel in range(3):
        stop = start + n_bins[channel]
        _compare(cell[channel], n_pixels, firsts[start:stop], counts[start:stop])
        start = stop


@jit
def _longest(edges: Array) -> int:
    """Return the most rows, or columns, that a cell has."""
    most = 0
    for i in range(edges.size - 1):
        most = max(most, edges[i + 1] - edges[i])
    return most


@jit
def color_batch(
    images: Array,
    space: int,
    n_bins: Array,
    firsts: Array,
    offsets: Array,
    joint: bool,
    row_edges: Array,
    col_edges: Array,
    root: bool,
    out: Array,
) -> None:
    """Fill ``out`` (n, n_features) float32 with colour histograms of ``images`` (n, h, w, 3).

    Parameters
    ----------
    images : ndarray
        RGB images, uint8.
    space : int
        Position in ``SPACE_NAMES``.
    n_bins : ndarray
        Bins of each channel, int64 (3,).
    firsts, offsets : ndarray
        `bin_tables`.
    joint : bool
        One histogram over all three channels instead of three.
    row_edges, col_edges : ndarray
        First row and column of each cell of the grid, and the end of the last.
    root : bool
        Take the square root of the shares.
    out : ndarray
        Cells row after row; within a cell channel after channel.
    """
    n, width = images.shape[0], images.shape[2]
    values = images.reshape((n, 3 * width * images.shape[1]))
    most_rows, most_cols = _longest(row_edges), _longest(col_edges)
    n_cell_bins = out.shape[1] // ((row_edges.size - 1) * (col_edges.size - 1))
    # A row of cells at a time is converted, which stays in the first cache, and counted.
    planes = np.empty((3, most_rows * width + CHUNK), np.uint8)
    cell = np.empty((3, most_rows * most_cols + BLOCK), np.uint8)
    counts = np.empty(n_cell_bins, np.int32)
    for image in range(n):
        position = 0
        for cell_row in range(row_edges.size - 1):
            top, bottom = row_edges[cell_row], row_edges[cell_row + 1]
            band = values[image, 3 * width * top : 3 * width * bottom]
            convert(band, space, planes)
            for cell_col in range(col_edges.size - 1):
                cols = col_edges[cell_col], col_edges[cell_col + 1]
                n_pixels = _gather(planes, bottom - top, width, cols, cell)
                _count(cell, n_pixels, n_bins, firsts, offsets, joint, counts)
                write_shares(counts, n_pixels, root, out[image, position : position + counts.size])
                position += counts.size
