"""Pixels to pixels: area resizing, gray."""

from __future__ import annotations

import math

import numpy as np

from ._jit import Array, jit

# BT.601 luma in units of 2**-15, the integers OpenCV uses. They sum to 2**15, so gray stays gray.
GRAY_RED, GRAY_GREEN, GRAY_BLUE = np.int32(9798), np.int32(19235), np.int32(3735)
GRAY_HALF, GRAY_SHIFT = np.int32(1 << 14), np.int32(15)

# Input pixels summed in one go. Four cover the span of an output pixel at the usual 150 -> 64.
N_TAPS = 4
# Output rows that go through the horizontal sums side by side, and the numbers of one column.
N_ROWS = 8
N_LANES = 3 * N_ROWS
# Numbers the compiler takes from a row at a time; a row is summed up to a multiple of it.
STRIDE = 128
# Up to here sums of a column of levels fit uint16, and `_divide` is exact.
MAX_HEIGHT, MAX_AREA = 257, 1 << 19
QUOTIENT_SHIFT = 47


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
def _tap_table(n_in: int, n_out: int) -> tuple[Array, Array]:
    """Return the first input pixel of each output pixel and the weights from there on, int64.

    A weight is the part of an input pixel that the output pixel covers, in units of 1 / ``n_out``.
    """
    # In lowest terms output pixels begin at multiples of 1 / n of an input pixel, at most 1 - 1 / n
    # past one; that one covers the most.
    common = math.gcd(n_in, n_out)
    most = (n_in // common + n_out // common - 2) // (n_out // common) + 1
    n_taps = (most + N_TAPS - 1) // N_TAPS * N_TAPS
    first, weights = np.empty(n_out, np.int64), np.empty((n_out, n_taps), np.int64)
    pixel = 0
    for index in range(n_out):
        start, stop = index * n_in, (index + 1) * n_in
        while (pixel + 1) * n_out <= start:
            pixel += 1
        first[index] = pixel
        for tap in range(n_taps):
            left, right = (pixel + tap) * n_out, (pixel + tap + 1) * n_out
            weights[index, tap] = max(min(stop, right) - max(start, left), 0)
    return first, weights


@jit
def _sum_rows(values: Array, n_values: int, first: int, weights: Array, out: Array) -> None:
    """Fill ``out`` uint16 with a weighted sum of rows of ``values`` from ``first`` on.

    A row has ``n_values``. Where the image goes on behind the last row needed, ``out`` is filled
    beyond that, which spares a remainder of single numbers.
    """
    bottom = values.size // n_values - 1
    last = min(first + weights.size - 1, bottom)
    n = out.size if last * n_values + out.size <= values.size else n_values
    for tap in range(0, weights.size, N_TAPS):
        row = first + tap
        # Taps past the last row have no weight; any row that exists will do for them.
        start_0, start_1 = min(row, bottom) * n_values, min(row + 1, bottom) * n_values
        start_2, start_3 = min(row + 2, bottom) * n_values, min(row + 3, bottom) * n_values
        row_0, row_1 = values[start_0 : start_0 + n], values[start_1 : start_1 + n]
        row_2, row_3 = values[start_2 : start_2 + n], values[start_3 : start_3 + n]
        weight_0, weight_1 = weights[tap], weights[tap + 1]
        weight_2, weight_3 = weights[tap + 2], weights[tap + 3]
        for i in range(n):
            first_two = np.uint16(np.uint16(weight_0 * row_0[i]) + np.uint16(weight_1 * row_1[i]))
            last_two = np.uint16(np.uint16(weight_2 * row_2[i]) + np.uint16(weight_3 * row_3[i]))
            before = out[i] if tap > 0 else np.uint16(0)
            out[i] = np.uint16(before + np.uint16(first_two + last_two))


@jit
def _interleave(rows: Array, lanes: Array) -> None:
    """Fill ``lanes`` with the ``rows`` (8, n), number after number: their transpose."""
    row_0, row_1, row_2, row_3 = rows[0], rows[1], rows[2], rows[3]
    row_4, row_5, row_6, row_7 = rows[4], rows[5], rows[6], rows[7]
    # Written out, since only of eight assignments the compiler makes a transpose in registers.
    for i in range(rows.shape[1]):
        lanes[8 * i] = row_0[i]
        lanes[8 * i + 1] = row_1[i]
        lanes[8 * i + 2] = row_2[i]
        lanes[8 * i + 3] = row_3[i]
        lanes[8 * i + 4] = row_4[i]
        lanes[8 * i + 5] = row_5[i]
        lanes[8 * i + 6] = row_6[i]
        lanes[8 * i + 7] = row_7[i]


@jit
def _deinterleave(lanes: Array, out: Array, top: int) -> None:
    """Fill eight rows of ``out`` from ``top`` on with ``lanes``, those past the end into the last.

    `resize_area_batch` fills all of them with what belongs there.
    """
    bottom = out.shape[0] - 1
    row_0, row_1 = out[min(top, bottom)], out[min(top + 1, bottom)]
    row_2, row_3 = out[min(top + 2, bottom)], out[min(top + 3, bottom)]
    row_4, row_5 = out[min(top + 4, bottom)], out[min(top + 5, bottom)]
    row_6, row_7 = out[min(top + 6, bottom)], out[min(top + 7, bottom)]
    for i in range(out.shape[1]):
        row_0[i] = lanes[8 * i]
        row_1[i] = lanes[8 * i + 1]
        row_2[i] = lanes[8 * i + 2]
        row_3[i] = lanes[8 * i + 3]
        row_4[i] = lanes[8 * i + 4]
        row_5[i] = lanes[8 * i + 5]
        row_6[i] = lanes[8 * i + 6]
        row_7[i] = lanes[8 * i + 7]


@jit
def _sum_columns(lanes: Array, first: Array, weights: Array, totals: Array) -> None:
    """Fill ``totals`` uint32 with weighted sums of the columns of ``lanes``, 24 numbers each."""
    for col in range(first.size):
        for tap in range(0, weights.shape[1], N_TAPS):
            source, target = np.uint64((first[col] + tap) * N_LANES), np.uint64(col * N_LANES)
            weight_0, weight_1 = weights[col, tap], weights[col, tap + 1]
            weight_2, weight_3 = weights[col, tap + 2], weights[col, tap + 3]
            for lane in range(N_LANES):
                i, k = source + np.uint64(lane), target + np.uint64(lane)
                first_two = np.uint32(
                    np.uint32(weight_0 * lanes[i])
                    + np.uint32(weight_1 * lanes[i + np.uint64(N_LANES)])
                )
                last_two = np.uint32(
                    np.uint32(weight_2 * lanes[i + np.uint64(2 * N_LANES)])
                    + np.uint32(weight_3 * lanes[i + np.uint64(3 * N_LANES)])
                )
                before = totals[k] if tap > 0 else np.uint32(0)
                totals[k] = np.uint32(before + np.uint32(first_two + last_two))


@jit
def _divide(totals: Array, area: int, out: Array) -> None:
    """Fill ``out`` uint8 with ``totals`` up to 255 * ``area`` over ``area``, rounded half up.

    The rounded reciprocal errs by less than 2**-47 of a number below 2**8 * ``area``: too little to
    reach the next integer, 1 / ``area`` away, while ``area`` is at most ``MAX_AREA``.
    """
    half, reciprocal = np.uint64(area // 2), np.uint64((1 << QUOTIENT_SHIFT) // area + 1)
    for i in range(totals.size):
        total = np.uint64(totals[i]) + half
        out[i] = np.uint64(total * reciprocal) >> np.uint64(QUOTIENT_SHIFT)


@jit
def _resize_frames(
    images: Array, rows: tuple[Array, Array], cols: tuple[Array, Array], out: Array
) -> None:
    """Fill ``out`` as `resize_area_batch` does, images of any size, without haste."""
    h, w = images.shape[1], images.shape[2]
    values = images.reshape((images.shape[0], h, 3 * w))
    line = np.empty(3 * w, np.int64)
    for i in range(out.shape[0]):
        for row in range(out.shape[1]):
            line[:] = 0
            for tap in range(rows[1].shape[1]):
                source, weight = values[i, min(rows[0][row] + tap, h - 1)], rows[1][row, tap]
                for k in range(line.size):
                    line[k] += weight * source[k]
            for col in range(out.shape[2]):
                for channel in range(3):
                    total = h * w // 2
                    for tap in range(cols[1].shape[1]):
                        pixel = min(cols[0][col] + tap, w - 1)
                        total += cols[1][col, tap] * line[3 * pixel + channel]
                    out[i, row, col, channel] = total // (h * w)


@jit
def resize_area_batch(images: Array, out: Array) -> None:
    """Fill ``out`` (n, height, width, 3) uint8 with area averaged ``images`` (n, h, w, 3) uint8.

    An output pixel is the mean of the image over the box it covers, partly covered input pixels
    counting by their covered share, rounded half up. The same rule serves both directions:
    enlarged, an output pixel within one input pixel repeats it. All sums are integers, so the
    result does not depend on the order of summation.

    Rows are summed first, in uint16, all numbers of a row being neighbours. Eight sums are then
    interleaved, so that the sums along a row have neighbours too.
    """
    h, w, height, width = images.shape[1], images.shape[2], out.shape[1], out.shape[2]
    rows = _tap_table(h, height)
    cols = rows if (w, width) == (h, height) else _tap_table(w, width)
    if h > MAX_HEIGHT or h * w > MAX_AREA:
        _resize_frames(images, rows, cols, out)
        return
    # As wide as what they are summed in: the compiler narrows no products of wider ones.
    row_weights, col_weights = rows[1].astype(np.uint16), cols[1].astype(np.uint32)
    summed = np.empty((N_ROWS, (3 * w + STRIDE - 1) // STRIDE * STRIDE), np.uint16)
    # Taps past the end have no weight, but are read.
    lanes = np.empty(max(summed.size, N_LANES * (w + col_weights.shape[1])), np.uint16)
    totals, means = np.empty(N_LANES * width, np.uint32), np.empty(N_LANES * width, np.uint8)
    values, out_rows = images.reshape((-1, 3 * h * w)), out.reshape((-1, height, 3 * width))
    for i in range(images.shape[0]):
        for top in range(0, height, N_ROWS):
            for lane in range(N_ROWS):
                row = min(top + lane, height - 1)
                _sum_rows(values[i], 3 * w, rows[0][row], row_weights[row], summed[lane])
            _interleave(summed, lanes)
            _sum_columns(lanes, cols[0], col_weights, totals)
            _divide(totals, h * w, means)
            _deinterleave(means, out_rows[i], top)
