"""Descriptor to score: linear and radial-basis support vector machines.

The radial-basis kernel multiplies two matrices of 8-bit integers, a projection and the centres,
with a vector of floating numbers. The vector is split: each number becomes two integers of 15
bits, the higher and the lower part. All sums are then exact, which makes them the same in any
order and for any number of descriptors at once, and nearly every processor has an instruction for
them. What counts for one descriptor is how many bytes of the matrices are read.
"""

from __future__ import annotations

import math

import numpy as np

from ._jit import Array, jit

# Matrices come in tiles (n_tiles, n_chunks, TILE, CHUNK): of TILE rows CHUNK columns at a time lie
# together. CHUNK products of 8 by 16 bits stay below 2**31.
TILE = 64
CHUNK = 128
BLOCK = 8  # descriptors for which a tile is read once

PART_BITS = 15
HALF = 1 << (PART_BITS - 1)
VALUE_BITS = 2 * PART_BITS - 1  # of a split number, so that its higher part fits in 16 with sign

# A number up to 2**51 plus this one has the nearest integer in its lowest bits.
ROUND = 1.5 * 2.0**52
EXPONENT_BIAS, EXPONENT_SHIFT = 1023, 52
LOWEST_EXPONENT = -1000.0
# Taylor's series of 2**x. For x from -0.5 to 0.5 the first term left out is below 1e-11.
P1, P2, P3, P4, P5, P6, P7, P8, P9 = (math.log(2.0) ** n / math.factorial(n) for n in range(1, 10))

SMALLEST = 1e-300  # instead of the largest magnitude of a vector of zeros


@jit
def linear_scores(X: Array, weights: Array, intercept: float, lanes: Array, out: Array) -> None:
    """Fill ``out`` (n,) float64 with ``X @ weights + intercept``, summed in float64.

    ``X`` (n, n_features) and ``weights`` (n_features,) are float32. ``lanes`` float64, of any
    size, is working memory for sums side by side.
    """
    n_lanes = lanes.size
    whole = weights.size - weights.size % n_lanes
    for i in range(X.shape[0]):
        lanes[:] = 0.0
        for first in range(0, whole, n_lanes):
            values, factors = X[i, first : first + n_lanes], weights[first : first + n_lanes]
            for lane in range(n_lanes):
                lanes[lane] += np.float64(values[lane]) * np.float64(factors[lane])
        total = intercept
        for col in range(whole, weights.size):
            total += np.float64(X[i, col]) * np.float64(weights[col])
        for lane in range(n_lanes):
            total += lanes[lane]
        out[i] = total


@jit
def _power_above(values: Array) -> float:
    """Return a power of two above all magnitudes of ``values`` float32.

    Read as integers, the bits of positive numbers have the order of the numbers; the largest of
    integers is found without branches.
    """
    bits = values.view(np.int32)
    largest = np.int32(0)
    for i in range(bits.size):
        largest = max(largest, np.int32(bits[i] & np.int32(0x7FFFFFFF)))
    return math.ldexp(1.0, int(largest >> 23) - 126)


@jit
def _split(values: Array, unit: float, parts: Array) -> None:
    """Fill ``parts`` (n_chunks, 2, CHUNK) int16 with the higher and the lower part of ``values``.

    A value is ``unit * (2**15 * higher + lower)``, but for less than a unit. All must be smaller
    than ``unit * 2**VALUE_BITS``. Columns past the values are left as they are.
    """
    per_unit = 1.0 / unit
    for first in range(0, values.size, CHUNK):
        chunk = values[first : first + CHUNK]
        higher, lower = parts[first // CHUNK, 0], parts[first // CHUNK, 1]
        for i in range(chunk.size):
            value = np.int32(np.float64(chunk[i]) * per_unit)
            part = np.int32(np.int32(value + np.int32(HALF)) >> np.int32(PART_BITS))
            higher[i] = part
            lower[i] = np.int32(value - np.int32(part << np.int32(PART_BITS)))


@jit
def _multiply(tile: Array, parts: Array, out: Array) -> None:
    """Fill ``out`` (TILE,) int64 with the products of the rows of ``tile`` and a split vector.

    ``tile`` (n_chunks, TILE, CHUNK) is int8, ``parts`` (n_chunks, 2, CHUNK) int16.
    """
    out[:] = 0
    for chunk in range(tile.shape[0]):
        rows, higher, lower = tile[chunk].reshape(TILE * CHUNK), parts[chunk, 0], parts[chunk, 1]
        for k in range(TILE):
            row = rows[k * CHUNK : (k + 1) * CHUNK]
            # In one loop for both, the compiler would not see that 16 bits are multiplied; with a
            # store between the two, it would read the row twice.
            first, second = np.int32(0), np.int32(0)
            for i in range(CHUNK):
                first = np.int32(first + np.int32(np.int32(row[i]) * np.int32(higher[i])))
            for i in range(CHUNK):
                second = np.int32(second + np.int32(np.int32(row[i]) * np.int32(lower[i])))
            out[k] += (np.int64(first) << PART_BITS) + np.int64(second)


@jit
def _add_gaussians(
    dots: Array,
    factor: float,
    terms: Array,
    square: float,
    shifted: Array,
    rests: Array,
    sums: Array,
) -> None:
    """Add ``terms[1] * 2**(factor * dots - terms[0] - square)`` to ``sums``, all (TILE,) float64.

    The whole part of an exponent is shifted into the exponent bits of a number, the rest goes
    through a polynomial: nothing is called, so that the compiler vectorises it. ``shifted`` and
    ``rests`` are working memory.
    """
    squares, weights, bits = terms[0], terms[1], shifted.view(np.int64)
    for k in range(TILE):
        exponent = np.float64(dots[k]) * factor - squares[k] - square
        exponent = max(exponent, LOWEST_EXPONENT)
        shifted[k] = exponent + ROUND
        rests[k] = exponent - (shifted[k] - ROUND)
    for k in range(TILE):
        bits[k] = (bits[k] + EXPONENT_BIAS) << EXPONENT_SHIFT
    for k in range(TILE):
        x = rests[k]
        tail = x * (P5 + x * (P6 + x * (P7 + x * (P8 + x * P9))))
        power = 1.0 + x * (P1 + x * (P2 + x * (P3 + x * (P4 + tail))))
        sums[k] += weights[k] * (power * shifted[k])


@jit
def _project(
    X: Array,
    projection: Array,
    columns: Array,
    parts: Array,
    units: Array,
    dots: Array,
    out: Array,
) -> None:
    """Fill the first rows of ``out`` (block, n_columns) float64 with ``X`` (n, n_features) float32.

    ``parts`` (block, n_chunks, 2, CHUNK) int16, ``units`` (block,) float64 and ``dots`` (TILE,)
    int64 are working memory.
    """
    for i in range(X.shape[0]):
        units[i] = math.ldexp(_power_above(X[i]), -VALUE_BITS)
        _split(X[i], units[i], parts[i])
    for t in range(projection.shape[0]):
        for i in range(X.shape[0]):
            _multiply(projection[t], parts[i], dots)
            for k in range(TILE):
                col = t * TILE + k
                out[i, col] = columns[0, col] * (units[i] * np.float64(dots[k])) + columns[1, col]


@jit
def _split_point(point: Array, steps: Array, parts: Array) -> tuple[float, float]:
    """Fill ``parts`` with ``point * steps`` (n_columns,) float64, which overwrites ``point``.

    Returns the unit of the parts, and the square of the point.
    """
    square, largest = 0.0, SMALLEST
    for col in range(point.size):
        square += point[col] * point[col]
        point[col] *= steps[col]
        largest = max(largest, abs(point[col]))
    unit = math.ldexp(1.0, math.frexp(largest)[1] - VALUE_BITS)
    _split(point, unit, parts)
    return unit, square


@jit
def rbf_scores(
    X: Array,
    projection: Array,
    columns: Array,
    centres: Array,
    terms: Array,
    gamma: float,
    intercept: float,
    parts: Array,
    point_parts: Array,
    points: Array,
    sums: Array,
    out: Array,
) -> None:
    """Fill ``out`` (n,) float64 with sums of ``weight * 2**(-gamma * squared distance)``.

    The distances are those from the points ``projection @ x * columns[0] + columns[1]`` to the
    centres times ``columns[2]``.

    Parameters
    ----------
    X : float32, (n, n_features)
    projection : int8, tiles of n_columns rows
    columns : float64, (3, n_columns)
        Step of the projection, offset, step of the centres.
    centres : int8, tiles of n_columns columns
    terms : float64, (n_tiles, 2, TILE)
        ``gamma`` times the square of each centre, and its weight: 0 for those that fill a tile.
    gamma, intercept : float
    parts, point_parts : int16, (block, n_chunks, 2, CHUNK)
        Working memory, 0 past the columns.
    points : float64, (block, n_columns)
        Working memory.
    sums : float64, (block, TILE)
        Working memory.
    out : float64, (n,)
    """
    block = parts.shape[0]
    dots, shifted, rests = np.empty(TILE, np.int64), np.empty(TILE), np.empty(TILE)
    units, squares = np.empty(block), np.empty(block)
    for start in range(0, X.shape[0], block):
        n = min(block, X.shape[0] - start)
        _project(X[start : start + n], projection, columns, parts, units, dots, points)
        for i in range(n):
            units[i], squares[i] = _split_point(points[i], columns[2], point_parts[i])
            sums[i] = 0.0
        for t in range(centres.shape[0]):
            for i in range(n):
                _multiply(centres[t], point_parts[i], dots)
                factor, square = 2.0 * gamma * units[i], gamma * squares[i]
                _add_gaussians(dots, factor, terms[t], square, shifted, rests, sums[i])
        for i in range(n):
            total = intercept
            for k in range(TILE):
                total += sums[i, k]
            out[start + i] = total
