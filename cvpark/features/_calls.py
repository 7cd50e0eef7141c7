"""Parameters of extractors to calls of kernels, without scikit-learn.

A compiled model needs no more of an extractor than this.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._kernels import lbp
from .._kernels.color import SPACE_NAMES, bin_tables, color_batch
from .._kernels.directions import direction_bounds
from .._kernels.fhog import N_NORMS, fhog_batch
from .._kernels.gradient import CHANNEL_GRAY, CHANNEL_MAX, CHANNEL_NAMES
from .._kernels.hog import hog_batch, orientation_bounds, root_table
from .._kernels.hog_blocks import NORM_NAMES
from .._kernels.hog_nine import ORIENTATIONS, TILE, hog_nine_batch
from .._kernels.lbp_eight import eight_batch
from .._kernels.moments import N_CHANNELS, N_MOMENTS, moments_batch
from ._parameters import choice, grid_edges, pair, whole

MAX_SIZE = 1024  # side of a working image in pixels

MAX_ORIENTATIONS = 180
MAX_LEVELS = 8
VARIANTS = ("dalal", "fhog")

MAX_POINTS = 30  # bits of a pattern
MAX_POINTS_ALL_PATTERNS = 16  # 65,536 bins, where each pattern has its own
MAX_RADIUS = 1000.0
NEIGHBORS = ("circle", "pixels")

MAX_JOINT_BINS = 1 << 16


@dataclass(frozen=True)
class KernelCall:
    """A kernel with all it takes but the images.

    Parameters
    ----------
    kernel : callable
        Called as ``kernel(images, *arguments, out)``.
    arguments : tuple
    n_features : int
        Columns of ``out``.

    Examples
    --------
    >>> from cvpark.features import Descriptor, check_patches
    >>> size, calls = descriptor_calls(Descriptor(extractors=["lbp"]).to_config())
    >>> out = np.empty((1, calls[0].n_features), np.float32)
    >>> calls[0](check_patches(np.zeros((1, size, size, 3), np.uint8)), out)
    >>> out.shape
    (1, 160)
    """

    kernel: Callable[..., None]
    arguments: tuple[Any, ...]
    n_features: int

    def __call__(self, images: NDArray[np.uint8], out: NDArray[np.float32]) -> None:
        """Fill ``out`` (n, n_features) with the descriptors of ``images`` (n, height, width, 3)."""
        self.kernel(images, *self.arguments, out)


def hog_grid(
    height: int, width: int, pixels_per_cell: Any, cells_per_block: Any
) -> tuple[int, int, int, int]:
    """Blocks of "dalal" down and across the image, cells down and across a block."""
    cell = pair(pixels_per_cell, "pixels_per_cell")
    block = pair(cells_per_block, "cells_per_block")
    return height // cell[0] - block[0] + 1, width // cell[1] - block[1] + 1, *block


def hog_levels(height: int, width: int, pixels_per_cell: Any, levels: int) -> list[tuple[int, int]]:
    """Cells down and across the image in each grid of "fhog", or ValueError."""
    cell = pair(pixels_per_cell, "pixels_per_cell")
    grids = []
    for level in range(levels):
        size = cell[0] << level, cell[1] << level
        _check_size(height, width, "cell", size)
        grids.append((height // size[0], width // size[1]))
    return grids


def hog_call(
    height: int,
    width: int,
    *,
    variant: str,
    channel: str,
    orientations: int,
    pixels_per_cell: Any,
    cells_per_block: Any,
    block_norm: str,
    transform_sqrt: bool,
    levels: int = 1,
) -> KernelCall:
    """The kernel call of a `HOGExtractor`, or TypeError or ValueError."""
    n_bins = whole(orientations, "orientations", 1, MAX_ORIENTATIONS)
    norm = choice(block_norm, "block_norm", NORM_NAMES)
    cell = pair(pixels_per_cell, "pixels_per_cell")
    block = pair(cells_per_block, "cells_per_block")
    chosen = choice(channel, "channel", ("auto", *CHANNEL_NAMES)) - 1
    roots = root_table(bool(transform_sqrt))
    n_levels = whole(levels, "levels", 1, MAX_LEVELS)
    if choice(variant, "variant", VARIANTS):
        if block != (2, 2) or block_norm != "L2-Hys" or roots.size:
            raise ValueError(
                "variant 'fhog' has normalisations of its own: leave cells_per_block, "
                "block_norm and transform_sqrt at their defaults"
            )
        _check_size(height, width, "cell", cell)
        grids = hog_levels(height, width, cell, n_levels)
        n_features = sum(rows * cols for rows, cols in grids) * (3 * n_bins + N_NORMS)
        gradient = CHANNEL_MAX if chosen < 0 else chosen
        return KernelCall(
            fhog_batch, (gradient, direction_bounds(n_bins), *cell, n_levels), n_features
        )
    if n_levels > 1:
        raise ValueError(f"levels={levels}: only variant 'fhog' has more than one")
    _check_size(height, width, "block", (cell[0] * block[0], cell[1] * block[1]))
    rows, cols, *_ = hog_grid(height, width, cell, block)
    n_features = rows * cols * block[0] * block[1] * n_bins
    gradient = CHANNEL_GRAY if chosen < 0 else chosen
    usual = n_bins == ORIENTATIONS and gradient == CHANNEL_GRAY and not roots.size
    if usual and cell[0] % 2 == 0 and cell[1] <= TILE:
        return KernelCall(hog_nine_batch, (*cell, *block, norm), n_features)
    arguments = gradient, orientation_bounds(n_bins), n_bins, roots, *cell, *block, norm
    return KernelCall(hog_batch, arguments, n_features)


def _check_size(height: int, width: int, what: str, least: tuple[int, int]) -> None:
    if height < least[0] or width < least[1]:
        raise ValueError(
            f"images of {height}x{width} pixels are smaller than one {what} of "
            f"{least[0]}x{least[1]}: enlarge them, or choose fewer pixels_per_cell or "
            "cells_per_block"
        )


def check_pattern(method: Any, n_points: Any, radius: Any, neighbors: Any) -> int:
    """Position of ``method`` among those of the kernel, or what is wrong with the parameters."""
    number = choice(method, "method", lbp.METHOD_NAMES)
    most = MAX_POINTS_ALL_PATTERNS if number in (lbp.DEFAULT, lbp.ROR) else MAX_POINTS
    whole(n_points, "n_points", 1, most)
    if not isinstance(radius, (int, float, np.integer, np.floating)) or isinstance(radius, bool):
        raise TypeError(f"radius is {radius!r}, expected a number of pixels")
    if not 0 < radius <= MAX_RADIUS:
        raise ValueError(
            f"radius is {radius}, expected more than 0 and at most {MAX_RADIUS:g} pixels"
        )
    choice(neighbors, "neighbors", NEIGHBORS)
    if neighbors == "pixels" and (n_points, radius) != (8, 1):
        raise ValueError(
            f"neighbors='pixels' with n_points={n_points} and radius={radius}: the pixels around a "
            "pixel are n_points=8 at radius=1; for any other take neighbors='circle'"
        )
    return number


def is_eight(method: int, n_points: int, radius: float) -> bool:
    """Whether the faster kernels have these codes."""
    return (n_points, radius) == (8, 1) and method != lbp.VAR


def pattern_points(n_points: int, radius: float, neighbors: str) -> lbp.Points:
    """Where the points around a pixel lie."""
    if neighbors == "pixels":
        return lbp.pixel_points()
    return lbp.circle_points(int(n_points), float(radius))


def lbp_call(
    height: int,
    width: int,
    *,
    n_points: int,
    radius: float,
    method: str,
    neighbors: str,
    grid: Any,
    transform_sqrt: bool,
) -> KernelCall:
    """The kernel call of an `LBPExtractor`, or TypeError or ValueError."""
    number = check_pattern(method, n_points, radius, neighbors)
    rows, cols = pair(grid, "grid")
    edges = grid_edges(grid, height, width)
    n_codes = lbp.n_codes(n_points, number)
    histograms = lbp.pattern_bins(n_points, number), *edges, bool(transform_sqrt), n_codes
    n_features = rows * cols * n_codes
    if is_eight(number, n_points, radius):
        codes = neighbors == "circle", number == lbp.UNIFORM
        return KernelCall(eight_batch, (*codes, *histograms), n_features)
    points = pattern_points(n_points, radius, neighbors)
    return KernelCall(lbp.lbp_batch, (points, number, *histograms), n_features)


def channel_bins(n_bins: Any) -> tuple[int, int, int]:
    """Bins of each of the three channels."""
    values = tuple(n_bins) if isinstance(n_bins, (tuple, list)) else (n_bins,) * 3
    if len(values) != 3:
        raise ValueError(f"n_bins is {n_bins!r}, expected an integer or three of them")
    first, second, third = (whole(value, "n_bins", 1, 256) for value in values)
    return first, second, third


def color_call(
    height: int,
    width: int,
    *,
    color_space: str,
    n_bins: Any,
    joint: bool,
    grid: Any,
    transform_sqrt: bool,
) -> KernelCall:
    """The kernel call of a `ColorHistogramExtractor`, or TypeError or ValueError."""
    space = choice(color_space, "color_space", SPACE_NAMES)
    rows, cols = pair(grid, "grid")
    edges = grid_edges(grid, height, width)
    bins = channel_bins(n_bins)
    n_columns = sum(bins)
    if joint:
        product = bins[0] * bins[1] * bins[2]
        n_columns = whole(product, "the number of joint bins", 1, MAX_JOINT_BINS)
    tables = np.array(bins, np.int64), *bin_tables(space, bins, bool(joint))
    arguments = space, *tables, bool(joint), *edges, bool(transform_sqrt)
    return KernelCall(color_batch, arguments, rows * cols * n_columns)


def moments_call(height: int, width: int, *, grid: Any) -> KernelCall:
    """The kernel call of a `ColorMomentsExtractor`, or TypeError or ValueError."""
    rows, cols = pair(grid, "grid")
    edges = grid_edges(grid, height, width)
    n_features = (rows * cols * N_MOMENTS + 1) * N_CHANNELS
    return KernelCall(moments_batch, edges, n_features)


CALLS: dict[str, Callable[..., KernelCall]] = {
    "hog": hog_call,
    "lbp": lbp_call,
    "color": color_call,
    "moments": moments_call,
}


def descriptor_calls(config: Mapping[str, Any]) -> tuple[int, list[KernelCall]]:
    """Working size and kernel calls of a descriptor.

    Parameters
    ----------
    config : mapping
        What `Descriptor.to_config` gave.

    Returns
    -------
    size : int
        Side of the square working image in pixels.
    calls : list of KernelCall
        One for each extractor, in their order.

    Raises
    ------
    TypeError, ValueError, KeyError
        Anything else.

    Examples
    --------
    >>> from cvpark.features import Descriptor
    >>> size, calls = descriptor_calls(Descriptor(extractors=["hog"], size=32).to_config())
    >>> size, [call.n_features for call in calls]
    (32, [324])
    """
    size = whole(config["size"], "size", 1, MAX_SIZE)
    calls = []
    for entry in config["extractors"]:
        parameters = {name: value for name, value in entry.items() if name != "kind"}
        calls.append(CALLS[entry["kind"]](size, size, **parameters))
    return size, calls
