"""Pixels to pixels: area resizing, gray."""

from __future__ import annotations

import numpy as np

from ._jit import Array, jit

# BT.601 luma in units of 2**-15, the integers OpenCV uses. They sum to 2**15, so gray stays gray.
GRAY_RED, GRAY_GREEN, GRAY_BLUE = np.int32(9798), np.int32(19235), np.int32(3735)
GRAY_HALF, GRAY_SHIFT = np.int32(1 << 14), np.int32(15)

# Input pixels summed in one go. Four cover the span of an output pixel at the usual 150 -> 64.
N_TAPS = 4
# Two integers below it fit one float64.
PAIR = float(1 << 26)


@jit
def rgb_to_gray(image: Array, out: Array) -> None:
    """Fill ``out`` (h, w) uint8 with the rounded BT.601 luma of ``image`` (h, w, 3) uint8."""
    n_pixels = out.size
    values = image.reshape(3 * n_pixels)
    luma = out.reshape(n_pixels)
    # One flat loop, every step cut back to 32 bits: the compiler takes 16 pixels at a time, which
    # it does not with rows and columns or with the 64 bits Numba widens integers to.
    for i in range(n_pixels):
        red_green = np.int32(GRAY_RED * values[3 * i] + GRAY_GREEN * values[3 * i + 1])
        blue = np.int32(GRAY_BLUE * values[3 * i + 2] + GRAY_HALF)
        luma[i] = np.int32(red_green + blue) >> GRAY_SHIFT


@jit
def _sum_rows(values: Array, first: int, weights: Array, out: Array) -> None:
    """Fill ``out`` (n) float32 with a weighted sum of rows of ``values`` from ``first`` on."""
    bottom = values.shape[0] - 1
    out[:] = np.float32(0)
    for tap in range(0, weights.size, N_TAPS):
        row = first + tap
        # Taps past the last row have no weight; any row that exists will do for them.
        row_0, row_1 = values[min(row, bottom)], values[min(row + 1, bottom)]
        row_2, row_3 = values[min(row + 2, bottom)], values[min(row + 3, bottom)]
        weight_0, weight_1 = np.float32(weights[tap]), np.float32(weights[tap + 1])
        weight_2, weight_3 = np.float32(weights[tap + 2]), np.float32(weights[tap + 3])
        for i in range(out.size):
            out[i] += (weight_0 * np.float32(row_0[i]) + weight_1 * np.float32(row_1[i])) + (
                weight_2 * np.float32(row_2[i]) + weight_3 * np.float32(row_3[i])
            )


@jit
def _sum_columns(line: Array, first: Array, weights: Array, out: Array) -> None:
    """Fill ``out`` (3 * n_out) float64 with weighted sums of the RGB pixels of ``line``."""
    out[:] = 0.0
    for col in range(first.size):
        for tap in range(0, weights.shape[1], N_TAPS):
            i = 3 * (first[col] + tap)
            weight_0, weight_1 = weights[col, tap], weights[col, tap + 1]
            weight_2, weight_3 = weights[col, tap + 2], weights[col, tap + 3]
            for channel in range(3):
                out[3 * col + channel] += (weight_0 * line[i] + weight_1 * line[i + 3]) + (
                    weight_2 * line[i + 6] + weight_3 * line[i + 9]
                )
                i += 1


@jit
def _tap_table(n_in: int, n_out: int) -> tuple[Array, Array]:
    """Return ``first`` and ``weights`` of the table, the taps a multiple of ``N_TAPS``."""
    n_taps = ((n_in - 1) // n_out + 2 + N_TAPS - 1) // N_TAPS * N_TAPS
    first, weights = np.empty(n_out, np.int64), np.zeros((n_out, n_taps))
    for index in range(n_out):
        start, stop = index * n_in, (index + 1) * n_in
        first[index] = start // n_out
        for pixel in range(start // n_out, (stop - 1) // n_out + 1):
            overlap = min(stop, (pixel + 1) * n_out) - max(start, pixel * n_out)
            weights[index, pixel - first[index]] = overlap
    return first, weights


@jit
def _divide(totals: Array, area: int, out: Array) -> None:
    """Fill ``out`` uint8 with the integers ``totals`` divided by ``area``, rounded half up."""
    # floor(total / area + 1/2) over integers; the further 1/2 in the numerator keeps a product that
    # comes out a rounding error low from turning an exact half into the number below.
    scale, half = 1.0 / area, (area + 0.5) * (0.5 / area)
    for i in range(out.size):
        out[i] = np.int32(totals[i] * scale + half)


@jit
def resize_area(image: Array, out: Array) -> None:
    """Fill ``out`` (height, width, 3) uint8 with ``image`` (h, w, 3) uint8, area averaged.

    An output pixel is the mean of the image over the box it covers, partly covered input pixels
    counting by their covered share, rounded half up. The same rule serves both directions:
    enlarged, an output pixel within one input pixel repeats it. All sums are integers held in
    floats, exact for images of up to 65,000 rows, so the result does not depend on the order of
    summation.
    """
    h, w = image.shape[0], image.shape[1]
    height, width = out.shape[0], out.shape[1]
    row_first, row_weights = _tap_table(h, height)
    col_first, col_weights = _tap_table(w, width)
    values = image.reshape((h, 3 * w))
    out_values = out.reshape((height, 3 * width))
    upper, lower = np.empty(3 * w, np.float32), np.zeros(3 * w, np.float32)
    line = np.zeros(
        3 * (w + col_weights.shape[1])
    )  # zeros past the end for the taps without weight
    totals, second = np.empty(3 * width), np.empty(3 * width)
    # The sums along a row are what costs most, so two rows share one number: float64 holds 53 bits,
    # and the sums of an image of up to 512 x 512 need 26. Larger images take one row at a time.
    n_rows = 2 if 255 * h * w < PAIR else 1
    unpair = 1.0 / PAIR if n_rows == 2 else 0.0
    for row in range(0, height, n_rows):
        other = min(row + n_rows, height) - 1
        _sum_rows(values, row_first[row], row_weights[row], upper)
        if n_rows == 2:
            _sum_rows(values, row_first[other], row_weights[other], lower)
        for i in range(3 * w):
            line[i] = np.float64(upper[i]) + PAIR * np.float64(lower[i])
        _sum_columns(line, col_first, col_weights, totals)
        for i in range(3 * width):
            second[i] = np.floor(totals[i] * unpair)
            totals[i] -= PAIR * second[i]
        _divide(second, h * w, out_values[other])
        _divide(totals, h * w, out_values[row])


@jit
def resize_area_batch(images: Array, out: Array) -> None:
    """Fill ``out`` (n, height, width, 3) uint8 with area averaged ``images`` (n, h, w, 3)."""
    for i in range(images.shape[0]):
        resize_area(images[i], out[i])
