"""Histograms of oriented gradients."""

from __future__ import annotations

from .._kernels.fhog import N_NORMS
from ._base import BaseExtractor
from ._calls import hog_call, hog_grid, hog_levels


class HOGExtractor(BaseExtractor):
    """Histograms of oriented gradients in cells, normalised over overlapping blocks.

    Every pixel adds the length of its gradient to the bin of its orientation in the histogram of
    its cell. Blocks of cells, one cell apart, are normalised and joined.

    Parameters
    ----------
    variant : {"dalal", "fhog"}
        The descriptor of Dalal and Triggs, or that of Felzenszwalb et al.: smaller, with the sign
        of gradients and a pixel's vote shared by the cells around it.
    channel : {"auto", "gray", "max"}
        Whose gradient a pixel has: that of the BT.601 gray image, or that of the colour channel
        in which it is longest. "auto" is "gray" for "dalal" and, as its authors have it, "max"
        for "fhog".
    orientations : int
        Bins of 0 to 180 degrees. In "fhog" twice as many again keep the sign of a gradient; in
        "dalal" it does not count.
    pixels_per_cell : int or (int, int)
        Size of a cell in pixels, one side or (rows, columns).
    cells_per_block : int or (int, int)
        Size of a block in cells, one side or (rows, columns); "fhog" knows only 2.
    block_norm : {"L1", "L1-sqrt", "L2", "L2-Hys"}
        How a block is normalised. L2-Hys clips at 0.2 what L2 gives and normalises again. "fhog"
        has a way of its own and takes only the default.
    transform_sqrt : bool
        Take the square root of the pixel values first; not for "fhog". This is a compression of
        brightness; the parameter of the same name of the histogram extractors roots the finished
        bins. It costs an arc tangent a pixel.
    levels : int
        How many grids of cells "fhog" describes, each with cells twice the size of the one before.
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
    "dalal" is ``skimage.feature.hog``, of the BT.601 gray image or with ``channel_axis=-1``, in
    float32 and in the same order (block row, block column, cell row, cell column, orientation).
    Both depart from [1]_ in that a pixel votes for one bin of one cell, with no interpolation
    between bins and cells and no Gaussian weight within a block. Pixels right of and below the
    last whole cell count only as neighbours.

    "fhog" is the 31-dimensional analytic projection of section 6 of [2]_ for nine orientations,
    3 * orientations + 4 columns a cell for others. A pixel votes for the nearest direction and,
    bilinearly, for the four cells around it. A cell is normalised by the energy of each of the
    four blocks of 2x2 cells it is in, and clipped at 0.2. Its columns are half the sum over the
    four, for each of the signed and then each of the unsigned orientations, and a texture energy
    for each normalisation, by the blocks to its lower right, upper right, lower left and upper
    left: the clipped signed orientations, added and divided by the root of their number. These
    weights, the sum over signed orientations (the paper says unsigned), 1e-4 added to the energies
    and no votes of pixels at the border of the image are those of the authors' released code.
    Departures from that: cells at the border are kept, normalised as if the cells at the border
    were repeated beyond it; the image is not padded to whole cells, but pixels right of and below
    the last one do not vote; there is no constant 32nd column; and directions are not rounded to
    four digits.

    References
    ----------
    .. [1] N. Dalal, B. Triggs: Histograms of oriented gradients for human detection, CVPR 2005,
       https://doi.org/10.1109/CVPR.2005.177
    .. [2] P. F. Felzenszwalb, R. B. Girshick, D. McAllester, D. Ramanan: Object detection with
       discriminatively trained part-based models, TPAMI 32(9), 2010,
       https://doi.org/10.1109/TPAMI.2009.167

    Examples
    --------
    >>> import numpy as np
    >>> images = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3), np.uint8)
    >>> HOGExtractor().fit_transform(images).shape
    (2, 1764)
    >>> HOGExtractor(variant="fhog", pixels_per_cell=16).fit_transform(images).shape
    (2, 496)
    """

    _plan = staticmethod(hog_call)

    def __init__(
        self,
        *,
        variant: str = "dalal",
        channel: str = "auto",
        orientations: int = 9,
        pixels_per_cell: int | tuple[int, int] = 8,
        cells_per_block: int | tuple[int, int] = 2,
        block_norm: str = "L2-Hys",
        transform_sqrt: bool = False,
        levels: int = 1,
        n_jobs: int | None = None,
    ) -> None:
        self.variant = variant
        self.channel = channel
        self.orientations = orientations
        self.pixels_per_cell = pixels_per_cell
        self.cells_per_block = cells_per_block
        self.block_norm = block_norm
        self.transform_sqrt = transform_sqrt
        self.levels = levels
        self.n_jobs = n_jobs

    def _feature_names(self, height: int, width: int) -> list[str]:
        if self.variant == "fhog":
            return self._fhog_names(height, width)
        block_rows, block_cols, cell_rows, cell_cols = hog_grid(
            height, width, self.pixels_per_cell, self.cells_per_block
        )
        return [
            f"hog_block{block_row}_{block_col}_cell{cell_row}_{cell_col}_orientation{orientation}"
            for block_row in range(block_rows)
            for block_col in range(block_cols)
            for cell_row in range(cell_rows)
            for cell_col in range(cell_cols)
            for orientation in range(self.orientations)
        ]

    def _fhog_names(self, height: int, width: int) -> list[str]:
        columns = [
            *(f"signed{index}" for index in range(2 * self.orientations)),
            *(f"unsigned{index}" for index in range(self.orientations)),
            *(f"texture{index}" for index in range(N_NORMS)),
        ]
        grids = hog_levels(height, width, self.pixels_per_cell, self.levels)
        return [
            f"fhog{level or ''}_cell{row}_{col}_{column}"
            for level, (rows, cols) in enumerate(grids)
            for row in range(rows)
            for col in range(cols)
            for column in columns
        ]
