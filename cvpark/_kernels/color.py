"""RGB pixels to colour histograms over a grid."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ._jit import Array, jit
from .histogram import write_shares

SPACE_NAMES = ("rgb", "hsv", "lab")
SPACE_RGB, SPACE_HSV, SPACE_LAB = range(3)

# OpenCV's 8-bit HSV: fixed point with 12 bits after the point, hue in steps of 2 degrees.
HSV_SHIFT = np.int32(12)
HSV_HALF = np.int32(1 << 11)
HUE_RANGE = np.int32(180)

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


def bin_offsets(space: int, n_bins: tuple[int, int, int], joint: bool) -> NDArray[np.uint32]:
    """Return for each channel and value, uint32 (3, 256), where in the counters it counts.

    The bins of a channel split its values evenly: 180 for hue, 256 for all others.
    """
    n_values = np.array([180 if space == SPACE_HSV else 256, 256, 256])
    bins = np.arange(256) * np.array(n_bins)[:, np.newaxis] // n_values[:, np.newaxis]
    if joint:
        bins *= np.array([[n_bins[1] * n_bins[2]], [n_bins[2]], [1]])
    else:
        bins += np.array([[0], [n_bins[0]], [n_bins[0] + n_bins[1]]])
    return np.array(bins, np.uint32)


@jit
def _hsv_planes(values: Array, planes: Array) -> None:
    """Fill ``planes`` (3, n) uint8 with the HSV of ``values`` (3 * n) uint8 RGB."""
    hues, saturations, brightest = planes[0], planes[1], planes[2]
    for i in range(planes.shape[1]):
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
    """Fill ``planes`` (3, n) uint8 with L, a and b of ``values`` (3 * n) uint8 sRGB."""
    lightness, greens_reds, blues_yellows = planes[0], planes[1], planes[2]
    half_xyz, half_root = 1 << (XYZ_SHIFT - 1), 1 << (ROOT_SHIFT - 1)
    scale, offset = (116 * 255 + 50) // 100, (16 * 255 * (1 << ROOT_SHIFT) + 50) // 100
    middle = 128 << ROOT_SHIFT
    for i in range(planes.shape[1]):
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
def convert(image: Array, space: int, planes: Array) -> None:
    """Fill ``planes`` (3, h * w) uint8 with the channels, in ``space``, of ``image`` (h, w, 3)."""
    values = image.reshape(image.size)
    if space == SPACE_HSV:
        _hsv_planes(values, planes)
    elif space == SPACE_LAB:
        _lab_planes(values, planes)
    else:
        for channel in range(3):
            for i in range(planes.shape[1]):
                planes[channel, i] = values[3 * i + channel]


@jit
def _count(
    planes: Array,
    width: int,
    rows: tuple[int, int],
    cols: tuple[int, int],
    offsets: Array,
    joint: bool,
    counts: Array,
) -> None:
    """Fill ``counts`` int32 with the histogram of the ``rows`` and ``cols`` of ``planes``.

    ``offsets`` (3, 256) holds where a channel's value counts: a bin of its own, or, ``joint``, its
    share in the position of the one bin of all three.
    """
    counts[:] = 0
    for row in range(rows[0], rows[1]):
        line = planes[:, row * width + cols[0] : row * width + cols[1]]
        for i in range(line.shape[1]):
            first = offsets[0, line[0, i]]
            second = offsets[1, line[1, i]]
            third = offsets[2, line[2, i]]
            if joint:
                counts[first + second + third] += 1
            else:
                counts[first] += 1
                counts[second] += 1
                counts[third] += 1


@jit
def color_histogram(
    image: Array,
    space: int,
    offsets: Array,
    joint: bool,
    row_edges: Array,
    col_edges: Array,
    root: bool,
    planes: Array,
    counts: Array,
    out: Array,
) -> None:
    """Fill ``out`` float32 with the histograms of ``image`` (h, w, 3) as `color_batch` does."""
    convert(image, space, planes)
    position = 0
    for cell_row in range(row_edges.size - 1):
        rows = row_edges[cell_row], row_edges[cell_row + 1]
        for cell_col in range(col_edges.size - 1):
            cols = col_edges[cell_col], col_edges[cell_col + 1]
            _count(planes, image.shape[1], rows, cols, offsets, joint, counts)
            n_pixels = (rows[1] - rows[0]) * (cols[1] - cols[0])
            write_shares(counts, n_pixels, root, out[position : position + counts.size])
            position += counts.size


@jit
def color_batch(
    images: Array,
    space: int,
    offsets: Array,
    joint: bool,
    row_edges: Array,
    col_edges: Array,
    root: bool,
    n_bins: int,
    out: Array,
) -> None:
    """Fill ``out`` (n, n_features) float32 with colour histograms of ``images`` (n, h, w, 3).

    Parameters
    ----------
    images : ndarray
        RGB images, uint8.
    space : int
        Position in ``SPACE_NAMES``.
    offsets : ndarray
        `bin_offsets`.
    joint : bool
        One histogram over all three channels instead of three.
    row_edges, col_edges : ndarray
        First row and column of each cell of the grid, and the end of the last.
    root : bool
        Take the square root of the shares.
    n_bins : int
        Bins of one cell.
    out : ndarray
        Cells row after row; within a cell channel after channel.
    """
    planes = np.empty((3, images.shape[1] * images.shape[2]), np.uint8)
    counts = np.empty(n_bins, np.int32)
    for i in range(images.shape[0]):
        color_histogram(
            images[i], space, offsets, joint, row_edges, col_edges, root, planes, counts, out[i]
        )
