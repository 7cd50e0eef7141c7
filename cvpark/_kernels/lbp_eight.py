"""Local binary patterns of the eight neighbours one pixel away, counted over a grid.

The same codes as the general path of `lbp` computes, in a fraction of the time: a pattern is a
byte, and all work is done in loops over bytes, for the whole image where that is possible.
"""

from __future__ import annotations

import numpy as np

from ._jit import Array, jit
from .histogram import write_cells
from .pixels import rgb_to_gray

# Loops over a row take a multiple of as many pixels, so that vectors of any width leave no rest.
LANES = 32
# Offset of the diagonal points of the circle, rounded as in `lbp.circle_points`.
DIAGONAL = 0.70711

ZERO = np.uint8(0)
RIGHT, UPPER_RIGHT, UP, UPPER_LEFT, LEFT, LOWER_LEFT, DOWN, LOWER_RIGHT = (
    np.uint8(1 << bit) for bit in range(8)
)
STRAIGHT = np.uint8(RIGHT | UP | LEFT | DOWN)

# The ten counts of uniform codes share a word, six bits each, which 63 rows fill at most. Then the
# words of up to 63 columns are added, to sums of twelve bits each.
N_UNIFORM = 10
FIELD, FIELD_MAX, EVEN_FIELDS = np.uint64(6), 63, np.uint64(0x03F03F03F03F03F)
SUM, SUM_MAX = np.uint64(12), np.uint64(0xFFF)


def nri_uniform_bins() -> Array:
    """Return the code of each pattern for the method nri_uniform, uint32."""
    bins = np.full(256, 58, np.uint32)
    bins[0], bins[255] = 0, 57
    for n_set in range(1, 8):
        first = (1 << n_set) - 1
        for turns in range(8):
            bins[(first >> turns | first << (8 - turns)) & 0xFF] = 1 + 8 * (n_set - 1) + turns
    return bins


@jit
def _padded(width: int) -> int:
    return (width + LANES - 1) // LANES * LANES


@jit
def _new_scratch(height: int, width: int) -> tuple[Array, Array]:
    """Return a frame and room for the codes of images of one size, both uint8.

    Row ``row + 1``, column ``col + 1`` of the frame is a pixel, all around it lies 0; the last 0
    of a row may be the first of the next. Row ``row + 1``, column ``col`` of the codes belongs to
    the pixel; what lies around those of the image is arbitrary.
    """
    length = max(_padded(width), width + 1, 2)  # two also for an image without columns
    return np.zeros((height + 3, length), np.uint8), np.empty((height + 1, length), np.uint8)


@jit
def _fill_frame(gray: Array, frame: Array) -> None:
    for row in range(gray.shape[0]):
        source, line = gray[row], frame[row + 1]
        for col in range(source.size):
            line[col + 1] = source[col]


@jit
def _fill_codes(
    frame: Array, width: int, on_circle: bool, uniform: bool, bins: Array, codes: Array
) -> None:
    """Fill ``codes`` with those of the framed image, as `eight_codes` does."""
    _fill_patterns(frame, codes[1:])
    if on_circle:
        _replace_corners(frame, width, codes)
    if uniform:
        _make_uniform(codes)
    elif bins.size:
        flat = codes.reshape(codes.size)
        for i in range(flat.size):
            flat[i] = bins[flat[i]]


@jit
def _fill_patterns(frame: Array, patterns: Array) -> None:
    """Fill ``patterns`` with the comparisons of pixels."""
    # One loop over all rows: a row of bytes is too short for vectors to pay.
    length, size = patterns.shape[1], patterns.size
    pixels, flat = frame.reshape(frame.size), patterns.reshape(size)
    above, here = pixels[: size + 2], pixels[length : length + size + 2]
    below = pixels[2 * length : 2 * length + size + 2]
    for i in range(size):
        pixel = here[i + 1]
        right = RIGHT if here[i + 2] >= pixel else ZERO
        upper_right = UPPER_RIGHT if above[i + 2] >= pixel else ZERO
        up = UP if above[i + 1] >= pixel else ZERO
        upper_left = UPPER_LEFT if above[i] >= pixel else ZERO
        left = LEFT if here[i] >= pixel else ZERO
        lower_left = LOWER_LEFT if below[i] >= pixel else ZERO
        down = DOWN if below[i + 1] >= pixel else ZERO
        lower_right = LOWER_RIGHT if below[i + 2] >= pixel else ZERO
        first = np.uint8(np.uint8(right | upper_right) | np.uint8(up | upper_left))
        second = np.uint8(np.uint8(left | lower_left) | np.uint8(down | lower_right))
        flat[i] = np.uint8(first | second)


@jit
def _replace_corners(frame: Array, width: int, patterns: Array) -> None:
    """Replace the bits of diagonal pixels in ``patterns`` by those of points on the circle.

    A step of the loop over rows lies between two of them and decides the lower corners of one and
    the upper corners of the other, so each is interpolated once. Samples are computed in float64
    exactly as in the general path: a tenth of the pixels of a photograph tie with one, and then
    its rounding decides.
    """
    n_cols, length = _padded(width), frame.shape[1]
    right_shares, left_shares = np.empty(n_cols), np.empty(n_cols)
    for col in range(n_cols):
        right_shares[col] = (col + DIAGONAL) - col
        left_shares[col] = (col - DIAGONAL) - (col - 1)
    right, left = np.zeros(n_cols), np.zeros(n_cols)
    # Kept apart until the row is finished: a loop that wrote to two rows of one array would not be
    # vectorised.
    upper_corners = np.zeros(n_cols, np.uint8)
    pixels = frame.reshape(frame.size)
    for row in range(patterns.shape[0]):
        upper, lower = (row - DIAGONAL) - (row - 1), ((row - 1) + DIAGONAL) - (row - 1)
        line_above = pixels[row * length : row * length + n_cols + 2]
        line = pixels[(row + 1) * length : (row + 1) * length + n_cols + 2]
        above = patterns[row]
        for col in range(n_cols):
            pixel_above, pixel = np.float64(line_above[col + 1]), np.float64(line[col + 1])
            share = right_shares[col]
            new_right = (1.0 - share) * pixel + share * np.float64(line[col + 2])
            share = left_shares[col]
            new_left = (1.0 - share) * np.float64(line[col]) + share * pixel
            sample = (1.0 - lower) * left[col] + lower * new_left
            lower_left = LOWER_LEFT if sample >= pixel_above else ZERO
            sample = (1.0 - lower) * right[col] + lower * new_right
            lower_right = LOWER_RIGHT if sample >= pixel_above else ZERO
            corners = np.uint8(np.uint8(lower_left | lower_right) | upper_corners[col])
            above[col] = np.uint8(np.uint8(above[col] & STRAIGHT) | corners)
            sample = (1.0 - upper) * right[col] + upper * new_right
            upper_right = UPPER_RIGHT if sample >= pixel else ZERO
            sample = (1.0 - upper) * left[col] + upper * new_left
            upper_left = UPPER_LEFT if sample >= pixel else ZERO
            upper_corners[col] = np.uint8(upper_right | upper_left)
            right[col], left[col] = new_right, new_left


@jit
def _count_bits(byte: np.uint8) -> np.uint8:
    """Number of set bits, cut back at each step from the 64 bits Numba widens to."""
    byte = np.uint8(byte - np.uint8(np.uint8(byte >> 1) & np.uint8(0x55)))
    pairs = np.uint8(np.uint8(byte >> 2) & np.uint8(0x33))
    byte = np.uint8(np.uint8(byte & np.uint8(0x33)) + pairs)
    return np.uint8(np.uint8(byte + np.uint8(byte >> 4)) & np.uint8(0xF))


@jit
def _make_uniform(patterns: Array) -> None:
    """Replace ``patterns`` by the number of set bits, 9 for those that are not uniform."""
    flat = patterns.reshape(patterns.size)
    for i in range(flat.size):
        pattern = flat[i]
        changes = np.uint8(np.uint8(pattern ^ np.uint8(pattern >> 1)) & np.uint8(0x7F))
        flat[i] = _count_bits(pattern) if _count_bits(changes) <= 2 else np.uint8(9)


@jit
def _count(codes: Array, uniform: bool, col_edges: Array, counts: Array) -> None:
    """Add the histograms of ``codes`` (rows, length) to ``counts`` (cells, bins) int32."""
    if uniform:
        _count_uniform(codes, col_edges, counts)
        return
    for row in range(codes.shape[0]):
        line = codes[row]
        for cell in range(counts.shape[0]):
            counter = counts[cell]
            for col in range(col_edges[cell], col_edges[cell + 1]):
                counter[line[col]] += 1


@jit
def _count_uniform(codes: Array, col_edges: Array, counts: Array) -> None:
    """Count as `_count` does, but whole rows at a time."""
    n_rows = codes.shape[0]
    columns = np.empty(codes.shape[1], np.uint64)
    for first in range(0, n_rows, FIELD_MAX):
        columns[:] = 0
        for row in range(first, min(first + FIELD_MAX, n_rows)):
            line = codes[row]
            for col in range(columns.size):
                columns[col] += np.uint64(1) << (FIELD * np.uint64(line[col]))
        for cell in range(counts.shape[0]):
            for start in range(col_edges[cell], col_edges[cell + 1], FIELD_MAX):
                stop = min(start + FIELD_MAX, col_edges[cell + 1])
                _add_fields(columns[start:stop], counts[cell])


@jit
def _add_fields(columns: Array, counter: Array) -> None:
    """Add the counts of up to 63 ``columns`` to ``counter``."""
    even, odd = np.uint64(0), np.uint64(0)
    for word in columns:
        even += word & EVEN_FIELDS
        odd += (word >> FIELD) & EVEN_FIELDS
    for code in range(0, N_UNIFORM, 2):
        counter[code] += np.int32(even & SUM_MAX)
        counter[code + 1] += np.int32(odd & SUM_MAX)
        even, odd = even >> SUM, odd >> SUM


@jit
def eight_codes(gray: Array, on_circle: bool, uniform: bool, bins: Array, out: Array) -> None:
    """Fill ``out`` (h, w) float64 with the codes of ``gray`` (h, w) uint8.

    Bit i of a pattern, counterclockwise from the right, is set where neighbour i is not below the
    pixel. The neighbours are pixels or, ``on_circle``, points at distance 1. The code is that of
    the method uniform or, where ``bins`` is not empty, looked up there, else it is the pattern.
    """
    height, width = gray.shape
    frame, codes = _new_scratch(height, width)
    _fill_frame(gray, frame)
    _fill_codes(frame, width, on_circle, uniform, bins, codes)
    for row in range(height):
        source, line = codes[row + 1], out[row]
        for col in range(width):
            line[col] = source[col]


@jit
def eight_batch(
    images: Array,
    on_circle: bool,
    uniform: bool,
    bins: Array,
    row_edges: Array,
    col_edges: Array,
    root: bool,
    n_bins: int,
    out: Array,
) -> None:
    """Fill ``out`` as `lbp.lbp_batch` does, with the codes of `eight_codes`."""
    height, width = images.shape[1], images.shape[2]
    gray = np.empty((height, width), np.uint8)
    frame, codes = _new_scratch(height, width)
    counts = np.empty((col_edges.size - 1, n_bins), np.int32)
    for i in range(images.shape[0]):
        rgb_to_gray(images[i], gray)
        _fill_frame(gray, frame)
        _fill_codes(frame, width, on_circle, uniform, bins, codes)
        for cell_row in range(row_edges.size - 1):
            rows = row_edges[cell_row], row_edges[cell_row + 1]
            counts[:] = 0
            _count(codes[rows[0] + 1 : rows[1] + 1], uniform, col_edges, counts)
            start = cell_row * counts.size
            write_cells(counts, rows, col_edges, root, out[i, start : start + counts.size])
