"""Histograms of oriented gradients."""

from __future__ import annotations

from typing import Any

from .._kernels.hog import NORM_NAMES, hog_batch, orientation_bounds, root_table
from ._base import BaseExtractor, choice, pair, whole

MAX_ORIENTATIONS = 180


class HOGExtractor(BaseExtractor):
    """Histograms of oriented gradients of the gray image, normalised over overlapping blocks.

    The image is converted to gray, and every pixel adds the length of its gradient to the bin of
    its orientation in the histogram of its cell. Blocks of cells, one cell apart, are normalised
    and joined.

    Parameters
    ----------
    orientations : int
        Bins of 0 to 180 degrees; the sign of a gradient does not count.
    pixels_per_cell : int or (int, int)
        Size of a cell in pixels, one side or (rows, columns).
    cells_per_block : int or (int, int)
        Size of a block in cells, one side or (rows, columns).
    block_norm : {"L1", "L1-sqrt", "L2", "L2-Hys"}
        How a block is normalised. L2-Hys clips at 0.2 what L2 gives and normalises again.
    transform_sqrt : bool
        Take the square root of the gray values first. This is a compression of brightness; the
        parameter of the same name of the histogram extractors roots the finished bins. It costs
        an arc tangent a pixel.
    n_jobs : int or None
        Threads for a batch; None is one, -1 one for each core.

    Attributes
    ----------
    image_shape_ : tuple of int
        (height, width, 3) of the images seen by `fit`.
    n_features_out_ : int
        Length of a descriptor.

    Notes
    -----
    The descriptor is that of ``skimage.feature.hog`` on the BT.601 gray image, in float32 and in
    the same order (block row, block column, cell row, cell column, orientation). Both depart from
    the paper in that a pixel votes for one bin of one cell, with no interpolation between bins
    and cells and no Gaussian weight within a block. Pixels right of and below the last whole cell
    count only as neighbours.

    References
    ----------
    N. Dalal, B. Triggs: Histograms of oriented gradients for human detection, CVPR 2005,
    https://doi.org/10.1109/CVPR.2005.177

    Examples
    --------
    >>> import numpy as np
    >>> images = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3), np.uint8)
    >>> HOGExtractor().fit_transform(images).shape
    (2, 1764)
    """

    _kernel = staticmethod(hog_batch)

    def __init__(
        self,
        *,
        orientations: int = 9,
        pixels_per_cell: int | tuple[int, int] = 8,
        cells_per_block: int | tuple[int, int] = 2,
        block_norm: str = "L2-Hys",
        transform_sqrt: bool = False,
        n_jobs: int | None = None,
    ) -> None:
        self.orientations = orientations
        self.pixels_per_cell = pixels_per_cell
        self.cells_per_block = cells_per_block
        self.block_norm = block_norm
        self.transform_sqrt = transform_sqrt
        self.n_jobs = n_jobs

    def _kernel_arguments(self, height: int, width: int) -> tuple[Any, ...]:
        orientations = whole(self.orientations, "orientations", 1, MAX_ORIENTATIONS)
        norm = choice(self.block_norm, "block_norm", NORM_NAMES)
        cell = pair(self.pixels_per_cell, "pixels_per_cell")
        block = pair(self.cells_per_block, "cells_per_block")
        least = (cell[0] * block[0], cell[1] * block[1])
        if height < least[0] or width < least[1]:
            raise ValueError(
                f"images of {height}x{width} pixels are smaller than one block of "
                f"{least[0]}x{least[1]}: enlarge them, or choose fewer pixels_per_cell or "
                "cells_per_block"
            )
        bounds, roots = orientation_bounds(orientations), root_table(bool(self.transform_sqrt))
        return bounds, orientations, roots, *cell, *block, norm

    def _grid(self, height: int, width: int) -> tuple[int, int, int, int]:
        """Blocks down and across the image, cells down and across a block."""
        cell = pair(self.pixels_per_cell, "pixels_per_cell")
        block = pair(self.cells_per_block, "cells_per_block")
        return height // cell[0] - block[0] + 1, width // cell[1] - block[1] + 1, *block

    def _n_features(self, height: int, width: int) -> int:
        block_rows, block_cols, cell_rows, cell_cols = self._grid(height, width)
        return block_rows * block_cols * cell_rows * cell_cols * self.orientations

    def _feature_names(self, height: int, width: int) -> list[str]:
        block_rows, block_cols, cell_rows, cell_cols = self._grid(height, width)
        return [
            f"hog_block{block_row}_{block_col}_cell{cell_row}_{cell_col}_orientation{orientation}"
            for block_row in range(block_rows)
            for block_col in range(block_cols)
            for cell_row in range(cell_rows)
            for cell_col in range(cell_cols)
            for orientation in range(self.orientations)
        ]
