"""RGB pixels to means and deviations of colours over a grid."""

from __future__ import annotations

import math

import numpy as np

from ._jit import Array, jit

N_CHANNELS = 3  # red - green, red + green - 2 * blue, red + green + blue
N_MOMENTS = 2  # mean, standard deviation
UNITS = np.array([1.0, 0.5, 1.0 / 3.0])
INTENSITY = 2

# Contrasts below this one, in levels, count as this: the noise of a flat patch is not stretched.
LEAST_CONTRAST = 12.0
# Added to the brightness, in levels: the noise of a black patch is not stretched.
DARKNESS = 8.0
# So many squares of up to 765 fit in 32 bits.
MAX_ROWS = 2048


@jit
def _oppose(values: Array, line: Array) -> None:
    """Fill ``line`` (3 * n) int16 with the opponent colours of ``values`` (3 * n) RGB."""
    n = values.size // 3
    red_green, yellow_blue, intensity = line[:n], line[n : 2 * n], line[2 * n : 3 * n]
    for i in range(n):
        red, green = np.int16(values[3 * i]), np.int16(values[3 * i + 1])
        blue = np.int16(values[3 * i + 2])
        both = np.int16(red + green)
        red_green[i] = np.int16(red - green)
        yellow_blue[i] = np.int16(both - np.int16(blue + blue))
        intensity[i] = np.int16(both + blue)


@jit
def _add(line: Array, sums: Array, squares: Array) -> None:
    """Add ``line`` int16 and its squares to those of the rows above, int32."""
    for i in range(line.size):
        value = np.int32(line[i])
        sums[i] = np.int32(sums[i] + value)
        squares[i] = np.int32(squares[i] + np.int32(value * value))


@jit
def _add_columns(rows: Array, edges: Array, ends: Array, totals: Array) -> None:
    """Add ``rows`` (2, 3 * width), sums and squares, to ``totals`` (2, 3, n_cols) int64 by cells.

    A cell is the difference of two running sums, which are kept in ``ends`` (2, 3 * width + 1)
    int64: adding up each for itself takes three times as long.
    """
    sums, squares, total, square = rows[0], rows[1], np.int64(0), np.int64(0)
    total_ends, square_ends = ends[0], ends[1]
    for i in range(sums.size):
        total_ends[i], square_ends[i] = total, square
        total += np.int64(sums[i])
        square += np.int64(squares[i])
    total_ends[sums.size], square_ends[sums.size] = total, square
    width, n_cols = edges[-1], edges.size - 1
    for part in range(2):
        for channel in range(N_CHANNELS):
            columns, cells = ends[part, channel * width :], totals[part, channel]
            for col in range(n_cols):
                cells[col] += columns[edges[col + 1]] - columns[edges[col]]


@jit
def _add_band(
    values: Array, edges: Array, line: Array, rows: Array, ends: Array, totals: Array
) -> None:
    """Add a row of cells, whose RGB pixels are ``values``, to ``totals`` (2, 3, n_cols).

    ``line`` (3 * width) int16 and ``rows`` (2, 3 * width) int32 are working memory.
    """
    sums, squares, pitch = rows[0], rows[1], line.size
    n_rows = values.size // pitch
    for first in range(0, n_rows, MAX_ROWS):
        rows[:] = 0
        for row in range(first, min(first + MAX_ROWS, n_rows)):
            _oppose(values[row * pitch : (row + 1) * pitch], line)
            _add(line, sums, squares)
        _add_columns(rows, edges, ends, totals)


@jit
def _deviation(total: float, square: float, n: float) -> float:
    """Standard deviation of ``n`` numbers with this sum and this sum of squares."""
    mean = total / n
    return math.sqrt(max(square / n - mean * mean, 0.0))


@jit
def _write(totals: Array, sizes: Array, out: Array) -> None:
    """Fill ``out`` from the ``totals`` (n_rows, 2, 3, n_cols) of cells of ``sizes`` pixels."""
    n_rows, _, _, n_cols = totals.shape
    n_values, n_pixels = 2 * N_CHANNELS, sizes.sum()
    image = out[n_rows * n_cols * n_values :]
    brightness = totals[:, 0, INTENSITY].sum() / n_pixels
    per_brightness = 1.0 / (brightness * UNITS[INTENSITY] + DARKNESS)
    for channel in range(N_CHANNELS):
        unit = UNITS[channel]
        total, square = totals[:, 0, channel].sum(), totals[:, 1, channel].sum()
        deviation = unit * _deviation(total, square, n_pixels)
        image[channel] = deviation * per_brightness
        origin, scale = 0.0, unit * per_brightness
        if channel == INTENSITY:
            origin, scale = brightness, unit / max(deviation, LEAST_CONTRAST)
        for row in range(n_rows):
            sums, squares = totals[row, 0, channel], totals[row, 1, channel]
            columns = out[row * n_cols * n_values + channel :]
            for col in range(n_cols):
                n = sizes[row, col]
                columns[col * n_values] = (sums[col] / n - origin) * scale
                columns[col * n_values + N_CHANNELS] = (
                    _deviation(sums[col], squares[col], n) * unit * per_brightness
                )


@jit
def moments_batch(images: Array, row_edges: Array, col_edges: Array, out: Array) -> None:
    """Fill ``out`` (n, n_features) float32 with colour moments of ``images`` (n, h, w, 3).

    Parameters
    ----------
    images : ndarray
        RGB images, uint8.
    row_edges, col_edges : ndarray
        First row and column of each cell of the grid, and the end of the last.
    out : ndarray
        Cells row after row, of each the means and the deviations of the three opponent colours;
        then the deviations over the whole image. All are divided by the image's brightness, but
        for the mean intensity: that is relative to it and divided by the image's contrast.
    """
    n, height, width, _ = images.shape
    values, pitch = images.reshape((n, 3 * width * height)), 3 * width
    line, rows = np.empty(pitch, np.int16), np.empty((2, pitch), np.int32)
    ends = np.empty((2, pitch + 1), np.int64)
    n_rows, n_cols = row_edges.size - 1, col_edges.size - 1
    sizes = np.empty((n_rows, n_cols), np.float64)
    for row in range(n_rows):
        for col in range(n_cols):
            n_cell_rows, n_cell_cols = (
                row_edges[row + 1] - row_edges[row],
                col_edges[col + 1] - col_edges[col],
            )
            sizes[row, col] = n_cell_rows * n_cell_cols
    totals = np.empty((n_rows, 2, N_CHANNELS, n_cols), np.int64)
    for image in range(n):
        totals[:] = 0
        for row in range(n_rows):
            band = values[image, pitch * row_edges[row] : pitch * row_edges[row + 1]]
            _add_band(band, col_edges, line, rows, ends, totals[row])
        _write(totals, sizes, out[image])
