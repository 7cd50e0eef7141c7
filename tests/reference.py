"""Slow NumPy oracles of the kernels, written for reading."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np

EPSILON = 1e-5


def every_colour():
    """All 2**24 colours as one RGB image of 4096 x 4096."""
    levels = np.arange(256, dtype=np.uint8)
    return np.stack(np.meshgrid(levels, levels, levels), -1).reshape(4096, 4096, 3)


def gray(image):
    """BT.601 luma of an RGB image, rounded half up."""
    weighted = image.astype(int) @ np.array([9798, 19235, 3735])
    return ((weighted + (1 << 14)) >> 15).astype(np.uint8)


def overlaps(n_in, n_out):
    """How much of each input pixel (columns) each output pixel (rows) covers, as integers."""
    starts, pixels = np.arange(n_out)[:, np.newaxis] * n_in, np.arange(n_in) * n_out
    shared = np.minimum(starts + n_in, pixels + n_out) - np.maximum(starts, pixels)
    return np.maximum(shared, 0)


def resize_area(image, height, width):
    """Mean of the box each output pixel covers, rounded half up, in integers throughout."""
    rows, cols = overlaps(image.shape[0], height), overlaps(image.shape[1], width)
    total = np.einsum("rh,hwc,vw->rvc", rows, image.astype(int), cols)
    area = image.shape[0] * image.shape[1]
    return ((2 * total + area) // (2 * area)).astype(np.uint8)


def hog(image, orientations, cell, block, norm, transform_sqrt):
    """Histograms of oriented gradients of a gray image, orientation by orientation."""
    values = np.sqrt(image.astype(float)) if transform_sqrt else image.astype(float)
    g_row, g_col = np.zeros_like(values), np.zeros_like(values)
    g_row[1:-1] = values[2:] - values[:-2]
    g_col[:, 1:-1] = values[:, 2:] - values[:, :-2]
    angle = np.vectorize(math.atan2, otypes=[float])(g_row, g_col) * (180 / np.pi) % 180
    bounds = (180 / orientations * np.arange(orientations + 1)).astype(np.float32)
    orientation = np.searchsorted(bounds.astype(float), angle, side="right") - 1
    magnitude = np.hypot(g_row, g_col)
    n_rows, n_cols = image.shape[0] // cell[0], image.shape[1] // cell[1]
    cells = np.zeros((n_rows, n_cols, orientations))
    for row in range(n_rows * cell[0]):
        for col in range(n_cols * cell[1]):
            cells[row // cell[0], col // cell[1], orientation[row, col]] += magnitude[row, col]
    cells /= cell[0] * cell[1]
    blocks = [
        normalise(cells[row : row + block[0], col : col + block[1]].ravel(), norm)
        for row in range(n_rows - block[0] + 1)
        for col in range(n_cols - block[1] + 1)
    ]
    return np.concatenate(blocks)


def normalise(block, norm):
    if norm == "L1":
        return block / (block.sum() + EPSILON)
    if norm == "L1-sqrt":
        return np.sqrt(block / (block.sum() + EPSILON))
    block = block / np.sqrt((block**2).sum() + EPSILON**2)
    if norm == "L2":
        return block
    return normalise(np.minimum(block, 0.2), "L2")


def lbp_samples(image, n_points, radius):
    """Brightness of the points around each pixel, shape (h, w, n_points)."""
    angles = 2 * np.pi * np.arange(n_points) / n_points
    radius = float(np.float32(radius))
    rows, cols = np.round(-radius * np.sin(angles), 5), np.round(radius * np.cos(angles), 5)
    samples = np.empty((*image.shape, n_points))

    def pixel(row, col):
        inside = 0 <= row < image.shape[0] and 0 <= col < image.shape[1]
        return float(image[row, col]) if inside else 0.0

    for row, col, point in np.ndindex(*samples.shape):
        at_row, at_col = row + rows[point], col + cols[point]
        top, left = math.floor(at_row), math.floor(at_col)
        down, right = at_row - top, at_col - left
        above = (1 - right) * pixel(top, left) + right * pixel(top, left + 1)
        below = (1 - right) * pixel(top + 1, left) + right * pixel(top + 1, left + 1)
        samples[row, col, point] = (1 - down) * above + down * below
    return samples


def lbp_codes(image, n_points, radius, method):
    """Local binary pattern of each pixel, a pattern being a tuple of bits."""
    samples = lbp_samples(image, n_points, radius)
    if method == "var":
        total, squares = np.zeros(image.shape), np.zeros(image.shape)
        for point in range(n_points):
            total += samples[..., point]
            squares += samples[..., point] ** 2
        variance = (squares - total * total / n_points) / n_points
        return np.where(variance == 0, np.nan, variance)
    codes = np.empty(image.shape)
    for row, col in np.ndindex(*image.shape):
        bits = tuple(int(sample >= image[row, col]) for sample in samples[row, col])
        codes[row, col] = lbp_code(bits, method)
    return codes


def lbp_code(bits, method):
    n = len(bits)
    if method in ("default", "ror"):
        turns = range(n if method == "ror" else 1)
        return min(sum(b << i for i, b in enumerate(bits[k:] + bits[:k])) for k in turns)
    n_set, uniform = sum(bits), sum(a != b for a, b in pairwise(bits)) <= 2
    if method == "uniform":
        return n_set if uniform else n + 1
    if not uniform:
        return n * (n - 1) + 2
    if n_set in (0, n):
        return 0 if n_set == 0 else n * (n - 1) + 1
    first = (1,) * n_set + (0,) * (n - n_set)
    turns = next(k for k in range(n) if bits == first[k:] + first[:k])
    return 1 + (n_set - 1) * n + turns


def hsv(image):
    """OpenCV's 8-bit HSV of an RGB image."""
    red, green, blue = (image[..., i].astype(int) for i in range(3))
    value, span = image.max(axis=-1).astype(int), np.ptp(image, axis=-1).astype(int)
    with np.errstate(divide="ignore"):
        per_value = np.where(value > 0, np.rint((255 << 12) / value), 0).astype(int)
        per_span = np.where(span > 0, np.rint((180 << 12) / (6.0 * span)), 0).astype(int)
    position = np.select(
        [value == red, value == green],
        [green - blue, blue - red + 2 * span],
        red - green + 4 * span,
    )
    hue = (position * per_span + (1 << 11)) >> 12
    saturation = (span * per_value + (1 << 11)) >> 12
    return np.stack([np.where(hue < 0, hue + 180, hue), saturation, value], -1).astype(np.uint8)


def lab(image):
    """CIE Lab of an sRGB image under D65, in float, in OpenCV's 8-bit ranges but not rounded."""
    level = image / 255
    linear = np.where(level <= 0.04045, level / 12.92, ((level + 0.055) / 1.055) ** 2.4)
    to_xyz = np.array(
        [
            [0.412453, 0.357580, 0.180423],
            [0.212671, 0.715160, 0.072169],
            [0.019334, 0.119193, 0.950227],
        ]
    )
    x, y, z = np.moveaxis(linear @ (to_xyz / [[0.950456], [1.0], [1.088754]]).T, -1, 0)
    x, y, z = (np.where(v > 0.008856, np.cbrt(v), 7.787 * v + 16 / 116) for v in (x, y, z))
    return np.stack([255 / 100 * (116 * y - 16), 500 * (x - y) + 128, 200 * (y - z) + 128], -1)


def grid_shares(indices, n_bins, grid, root):
    """Histogram of ``indices`` (h, w) in each cell of a grid, as shares, cell after cell."""
    height, width = indices.shape
    rows = np.arange(height)[:, np.newaxis] * grid[0] // height
    cols = np.arange(width) * grid[1] // width
    shares = []
    for row, col in np.ndindex(*grid):
        chosen = indices[(rows == row) & (cols == col)]
        shares.append(np.bincount(chosen, minlength=n_bins) / chosen.size)
    return np.sqrt(shares) if root else np.array(shares)
