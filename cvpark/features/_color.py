"""Colour histograms over a grid."""

from __future__ import annotations

from itertools import chain, product

from ._base import BaseExtractor
from ._calls import channel_bins, color_call
from ._parameters import pair

#: What the channels of a space are called in the names of columns.
CHANNEL_NAMES = {"rgb": "rgb", "hsv": "hsv", "lab": "lab", "opponent": ("rg", "yb", "i")}


class ColorHistogramExtractor(BaseExtractor):
    """Histograms of colours, one for each cell of a grid over the image.

    Parameters
    ----------
    color_space : {"rgb", "hsv", "lab", "opponent"}
        What the channels are.
    n_bins : int or (int, int, int)
        Bins of each channel, 1 to 256. They split the channel's values evenly: 0 to 179 for
        hue, 0 to 255 for all others.
    joint : bool
        One histogram with a bin for each combination of the three channels' bins (the first
        channel's changes slowest), instead of three histograms side by side.
    grid : int or (int, int)
        Cells of the grid, one side or (rows, columns). Pixel row ``r`` belongs to cell row
        ``r * rows // height``.
    transform_sqrt : bool
        Take the square root of each share: linear models then compare histograms by the Hellinger
        distance. Not to be confused with the parameter of the same name of `HOGExtractor`, which
        roots pixels.
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
    The conversions are OpenCV's 8-bit ones, to the last bit: hue in steps of two degrees,
    lightness and saturation stretched to 0 to 255, a and b shifted by 128. Each histogram sums to
    1 before the root.

    The opponent colours of van de Sande, Gevers and Snoek are O1 = (R - G) / sqrt(2), red against
    green, O2 = (R + G - 2 B) / sqrt(6), yellow against blue, and O3 = (R + G + B) / sqrt(3), the
    intensity. Here each is stretched to 0 to 255 and rounded half up, which is exact in integers:
    ``(R - G + 256) >> 1``, ``(R + G - 2 B + 512) >> 2`` and ``(R + G + B + 1) // 3``. Gray has 128
    in the first two, which an equal shift of all three levels leaves as they are.

    References
    ----------
    M. J. Swain, D. H. Ballard: Color indexing, International Journal of Computer Vision 7, 1991,
    https://doi.org/10.1007/BF00130487

    K. van de Sande, T. Gevers, C. Snoek: Evaluating color descriptors for object and scene
    recognition, IEEE Transactions on Pattern Analysis and Machine Intelligence 32, 2010,
    https://doi.org/10.1109/TPAMI.2009.154

    Examples
    --------
    >>> import numpy as np
    >>> red = np.zeros((1, 8, 8, 3), np.uint8)
    >>> red[..., 0] = 255
    >>> extractor = ColorHistogramExtractor(color_space="rgb", n_bins=2, grid=1)
    >>> extractor.fit_transform(red)
    array([[0., 1., 1., 0., 1., 0.]], dtype=float32)
    """

    _plan = staticmethod(color_call)

    def __init__(
        self,
        *,
        color_space: str = "hsv",
        n_bins: int | tuple[int, int, int] = 8,
        joint: bool = False,
        grid: int | tuple[int, int] = 4,
        transform_sqrt: bool = True,
        n_jobs: int | None = None,
    ) -> None:
        self.color_space = color_space
        self.n_bins = n_bins
        self.joint = joint
        self.grid = grid
        self.transform_sqrt = transform_sqrt
        self.n_jobs = n_jobs

    def _feature_names(self, height: int, width: int) -> list[str]:
        channels = [
            [f"{channel}{i}" for i in range(n)]
            for channel, n in zip(
                CHANNEL_NAMES[self.color_space], channel_bins(self.n_bins), strict=True
            )
        ]
        combined = map("_".join, product(*channels)) if self.joint else chain(*channels)
        bins = list(combined)
        rows, cols = pair(self.grid, "grid")
        return [
            f"{self.color_space}_cell{row}_{col}_{name}"
            for row in range(rows)
            for col in range(cols)
            for name in bins
        ]
