"""Local binary patterns over a grid."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._kernels import lbp as kernel
from .._kernels._jit import frozen
from .._kernels.lbp_eight import eight_codes
from ._base import BaseExtractor
from ._calls import check_pattern, is_eight, lbp_call, pattern_points
from ._parameters import choice, pair


class LBPExtractor(BaseExtractor):
    """Histograms of local binary patterns of the gray image, one for each cell of a grid.

    A pixel's pattern says which of the points on a circle around it are not darker than the pixel.

    Parameters
    ----------
    n_points : int
        Points on the circle, up to 30; up to 16 for the methods default and ror.
    radius : float
        Radius of the circle in pixels.
    method : {"default", "ror", "uniform", "nri_uniform", "var"}
        Which patterns share a code, with the names of scikit-image: none; those that differ by a
        rotation; the uniform ones (at most two changes around the circle) with equally many
        points, and all others; only those others. For var it is no pattern but the variance of
        the points that counts.
    neighbors : {"circle", "pixels"}
        What a pixel is compared with: interpolated points on the circle, or the eight pixels
        around it, which takes half the time and exists for ``n_points=8, radius=1`` only.
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
    The codes equal those of ``skimage.feature.local_binary_pattern`` on the BT.601 gray image
    (see `lbp_codes`): points are interpolated, and outside the image lies 0. Pixels as neighbours
    come in the same order, counterclockwise from the right; those at the corners lie further away
    than the others, and a descriptor of one kind means nothing to a model trained on the other.
    Each cell's histogram sums to 1 before the root. Its bins are the codes, with two exceptions.
    For ror they are the codes that occur, in order. For var there are 19: variances below 2**-4,
    and one for each octave from there to 2**14.

    References
    ----------
    T. Ojala, M. Pietikäinen, T. Mäenpää: Multiresolution gray-scale and rotation invariant
    texture classification with local binary patterns, IEEE TPAMI 24, 2002,
    https://doi.org/10.1109/TPAMI.2002.1017623

    Examples
    --------
    >>> import numpy as np
    >>> images = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3), np.uint8)
    >>> LBPExtractor().fit_transform(images).shape
    (2, 160)
    """

    _plan = staticmethod(lbp_call)

    def __init__(
        self,
        *,
        n_points: int = 8,
        radius: float = 1,
        method: str = "uniform",
        neighbors: str = "circle",
        grid: int | tuple[int, int] = 4,
        transform_sqrt: bool = True,
        n_jobs: int | None = None,
    ) -> None:
        self.n_points = n_points
        self.radius = radius
        self.method = method
        self.neighbors = neighbors
        self.grid = grid
        self.transform_sqrt = transform_sqrt
        self.n_jobs = n_jobs

    def _feature_names(self, height: int, width: int) -> list[str]:
        rows, cols = pair(self.grid, "grid")
        method = choice(self.method, "method", kernel.METHOD_NAMES)
        codes: Any = range(kernel.n_codes(self.n_points, method))
        if method == kernel.ROR:
            codes = kernel.ror_codes(self.n_points)[0]
        label = "bin" if method == kernel.VAR else "code"
        return [
            f"lbp_cell{row}_{col}_{label}{code}"
            for row in range(rows)
            for col in range(cols)
            for code in codes
        ]


def lbp_codes(
    image: NDArray[np.uint8],
    *,
    n_points: int = 8,
    radius: float = 1,
    method: str = "uniform",
    neighbors: str = "circle",
) -> NDArray[np.float64]:
    """Code of each pixel of a gray image.

    Parameters
    ----------
    image : ndarray of uint8, shape (height, width)
    n_points, radius, method, neighbors
        As for `LBPExtractor`.

    Returns
    -------
    ndarray of float64, shape (height, width)
        For points on the circle equal to what ``skimage.feature.local_binary_pattern`` returns;
        for var, nan where all points have one value.

    Raises
    ------
    TypeError, ValueError
        An image that is not uint8 gray, or parameters out of range.

    Examples
    --------
    >>> import numpy as np
    >>> lbp_codes(np.diag([9, 9, 9]).astype(np.uint8))
    array([[0., 8., 8.],
           [8., 0., 8.],
           [8., 8., 0.]])
    """
    number = check_pattern(method, n_points, radius, neighbors)
    gray = np.asarray(image)
    if gray.ndim != 2 or gray.dtype != np.uint8:
        raise ValueError(
            f"got an array of shape {gray.shape} and dtype {gray.dtype}, expected a gray image of "
            "shape (height, width) and dtype uint8"
        )
    gray, out, table = frozen(gray), np.empty(gray.shape), kernel.pattern_bins(n_points, number)
    if is_eight(number, n_points, radius):
        eight_codes(gray, neighbors == "circle", number == kernel.UNIFORM, table, out)
    else:
        kernel.lbp_codes(gray, pattern_points(n_points, radius, neighbors), number, table, out)
    if number == kernel.ROR:
        out = kernel.ror_codes(n_points)[0][out.astype(int)].astype(float)
    return out
