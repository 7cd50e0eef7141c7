"""Parameters of extractors, checked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def pair(value: Any, name: str, minimum: int = 1) -> tuple[int, int]:
    """Read a size given as one integer or as a pair (rows, columns)."""
    values = tuple(value) if isinstance(value, (tuple, list, np.ndarray)) else (value, value)
    if len(values) != 2:
        raise ValueError(f"{name} is {value!r}, expected an integer or a pair (rows, columns)")
    rows, cols = (whole(entry, name, minimum) for entry in values)
    return rows, cols


def whole(value: Any, name: str, minimum: int, maximum: int | None = None) -> int:
    """Read an integer of a range, or raise TypeError or ValueError with its ``name``."""
    if not isinstance(value, (int, np.integer)) or isinstance(value, bool):
        raise TypeError(f"{name} is {value!r}, expected an integer")
    if value < minimum or (maximum is not None and value > maximum):
        limits = f"at least {minimum}" if maximum is None else f"{minimum} to {maximum}"
        raise ValueError(f"{name} is {value}, expected {limits}")
    return int(value)


def choice(value: Any, name: str, choices: Sequence[str]) -> int:
    """Position of ``value`` among the ``choices``: kernels take numbers, no strings."""
    if value not in choices:
        raise ValueError(f"{name} is {value!r}, expected one of {', '.join(choices)}")
    return list(choices).index(value)


def grid_edges(grid: Any, height: int, width: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """First row and first column of each cell of a grid, each followed by the end of the last cell.

    Pixel row ``r`` belongs to cell row ``r * rows // height``, so cells differ by a pixel at most.
    """
    rows, cols = pair(grid, "grid")
    if rows > height or cols > width:
        raise ValueError(
            f"a grid of {rows}x{cols} cells needs images of at least as many pixels, "
            f"got {height}x{width}: enlarge the images or choose a smaller grid"
        )
    return -(-np.arange(rows + 1) * height // rows), -(-np.arange(cols + 1) * width // cols)
