"""Colour moments over a grid."""

from __future__ import annotations

from ._base import BaseExtractor
from ._calls import moments_call
from ._color import CHANNEL_NAMES
from ._parameters import pair


class ColorMomentsExtractor(BaseExtractor):
    """Mean and standard deviation of opponent colours, for each cell of a grid over the image.

    Parameters
    ----------
    grid : int or (int, int)
        Cells of the grid, one side or (rows, columns). Pixel row ``r`` belongs to cell row
        ``r * rows // height``.
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
    The channels are R - G, (R + G) / 2 - B and I = (R + G + B) / 3, in levels. All is relative to
    the image. Its brightness is the mean of I plus 8 levels, which keep the noise of black images
    small; its contrast is the standard deviation of I, at least 12 levels. The means of the first
    two channels and all deviations are divided by the brightness, so that the light's does not
    count. The mean of I is less that of the image and divided by the contrast: what counts is
    where it is brighter than elsewhere. The last three columns are the deviations over the whole
    image.

    [1]_ takes the first three moments of hue, saturation and value, of large parts of an image.
    Here the third is left out, and the rest relative: trained in one weather, a model is then
    better in another.

    References
    ----------
    .. [1] M. Stricker, M. Orengo: Similarity of color images, Storage and Retrieval for Image and
       Video Databases III, SPIE 2420, 1995, https://doi.org/10.1117/12.205308

    Examples
    --------
    >>> import numpy as np
    >>> halves = np.zeros((1, 4, 4, 3), np.uint8)
    >>> halves[:, :, 2:] = 200
    >>> extractor = ColorMomentsExtractor(grid=(1, 2)).fit(halves)
    >>> dict(zip(extractor.get_feature_names_out(), extractor.transform(halves)[0].tolist()))[
    ...     "moments_cell0_1_i_mean"
    ... ]
    1.0
    """

    _plan = staticmethod(moments_call)

    def __init__(self, *, grid: int | tuple[int, int] = 6, n_jobs: int | None = None) -> None:
        self.grid = grid
        self.n_jobs = n_jobs

    def _feature_names(self, height: int, width: int) -> list[str]:
        rows, cols = pair(self.grid, "grid")
        channels = CHANNEL_NAMES["opponent"]
        cells = [
            f"moments_cell{row}_{col}_{channel}_{moment}"
            for row in range(rows)
            for col in range(cols)
            for moment in ("mean", "deviation")
            for channel in channels
        ]
        return [*cells, *(f"moments_image_{channel}_deviation" for channel in channels)]
