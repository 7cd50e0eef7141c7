"""Bodies of quadrilaterals over a stack of outlines."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .light import dot

Colour = tuple[float, float, float]
"""Linear red, green and blue."""

POINTS = 24
"""Of each closed outline, front first, then the left side."""


@dataclass(frozen=True)
class Mesh:
    """A body of quadrilaterals in drawing order, in its own coordinates (x forward, z up).

    Attributes
    ----------
    quads : ndarray, shape (n, 4, 3)
    normals, centres : ndarray, shape (n, 3)
    planes : ndarray, shape (n,)
        Distances of the faces' planes from the origin.
    albedo : ndarray, shape (n, 3)
    gloss : ndarray, shape (n,)
    lamps : ndarray of bool, shape (n,)
        Faces that shine when the lamps are on.
    hull : ndarray, shape (m, 3), and cabin : ndarray, shape (k, 3)
        Points whose shadows span those of the body and of the cabin.
    box : ndarray, shape (12, 3)
        Corners of rectangles around the body: on the ground, below the windows, on the roof.
    """

    quads: NDArray[np.float64]
    normals: NDArray[np.float64]
    centres: NDArray[np.float64]
    planes: NDArray[np.float64]
    albedo: NDArray[np.float64]
    gloss: NDArray[np.float64]
    lamps: NDArray[np.bool_]
    hull: NDArray[np.float64]
    cabin: NDArray[np.float64]
    box: NDArray[np.float64]


class Builder:
    """Collects faces on the surface of a stack of outlines, in drawing order.

    Parameters
    ----------
    rings : ndarray, shape (m, POINTS, 3)
        The outlines, from the ground up.
    swell : sequence of (float, float)
        How far the surface between two outlines bulges half way: outwards as a share, and up in
        metres.
    """

    def __init__(self, rings: NDArray[np.float64], swell: Sequence[tuple[float, float]]) -> None:
        self.rings = rings
        self._swell = np.array([(out, out, up) for out, up in swell])
        # Flat lists, which become arrays many times faster than nested ones.
        self._corners: list[float] = []
        self._loose: dict[int, NDArray[np.float64]] = {}
        self._looks: list[float] = []

    def add(self, quad: NDArray[np.float64], albedo: Colour, gloss: float) -> None:
        """A face that is not on the surface."""
        self._loose[len(self._corners) // 8] = quad
        self._corners += [0.0] * 8
        self._looks += (*albedo, gloss, 0.0)

    def patch(
        self,
        band: int,
        around: tuple[float, float],
        up: tuple[float, float],
        albedo: Colour,
        gloss: float,
        lamp: bool = False,
        steps: int = 1,
    ) -> None:
        """A piece of the surface, split where an outline bends and into `steps` upwards.

        `band` is between outlines `band` and `band` + 1; `around` runs along the outlines, one
        for each of their points, and `up` from 0 to 1 between them.
        """
        if steps > 1:
            rise = (up[1] - up[0]) / steps
            for k in range(steps):
                part = up[0] + k * rise, up[0] + (k + 1) * rise
                self.patch(band, around, part, albedo, gloss, lamp)
            return
        start, stop = around
        bends = [k for k in range(math.ceil(start), math.floor(stop) + 1) if start < k < stop]
        edges = [start, *bends, stop]
        low, high = band + up[0], band + min(up[1], 1 - 1e-9)
        for a, b in itertools.pairwise(edges):
            self._corners += (a, low, b, low, b, high, a, high)
            self._looks += (*albedo, gloss, lamp)

    def pair(
        self,
        end: int,
        band: int,
        around: tuple[float, float],
        up: tuple[float, float],
        albedo: Colour,
        gloss: float,
        lamp: bool = False,
    ) -> None:
        """The same piece left and right of an end (0 front, 12 rear)."""
        self.patch(band, (end + around[0], end + around[1]), up, albedo, gloss, lamp)
        self.patch(band, (end - around[1], end - around[0]), up, albedo, gloss, lamp)

    def at(self, corners: NDArray[np.float64]) -> NDArray[np.float64]:
        """Points (..., 3) of the surface from places around and up (..., 2)."""
        first = np.floor(corners).astype(np.int64)
        share = (corners - first)[..., None]
        column, band = first[..., 0] % POINTS, first[..., 1]
        beside = (column + 1) % POINTS
        low = self.rings[band, column] * (1 - share[..., 0, :])
        low = low + self.rings[band, beside] * share[..., 0, :]
        high = self.rings[band + 1, column] * (1 - share[..., 0, :])
        high = high + self.rings[band + 1, beside] * share[..., 0, :]
        up = share[..., 1, :]
        bulge = self._swell[band] * (4 * up * (1 - up))
        placed = low + (high - low) * up
        placed[..., :2] *= 1 + bulge[..., :2]
        placed[..., 2] += bulge[..., 2]
        return placed

    def finish(self) -> Mesh:
        quads = self.at(np.array(self._corners).reshape(-1, 4, 2))
        for index, quad in self._loose.items():
            quads[index] = quad
        normals = np.cross(quads[:, 2] - quads[:, 0], quads[:, 3] - quads[:, 1])
        normals /= np.sqrt(dot(normals, normals))[:, None] + 1e-12
        centres = quads.mean(axis=1)
        # Little sky reaches the lower parts.
        open_sky = np.clip(0.4 + 0.8 * centres[:, 2:], 0.4, 1)
        looks = np.array(self._looks).reshape(-1, 5)
        body, belt, cabin = self.rings.reshape(-1, 3), self.rings[3, :, 2].max(), self.rings[5]
        box = [_corners(body, 0.0), _corners(body, belt), _corners(cabin, body[:, 2].max())]
        return Mesh(
            quads,
            normals,
            centres,
            dot(normals, centres),
            looks[:, :3] * open_sky,
            looks[:, 3].copy(),
            looks[:, 4] > 0,
            self.rings[[0, 3]].reshape(-1, 3),
            self.rings[[4, 5]].reshape(-1, 3),
            np.concatenate(box),
        )


def _corners(points: NDArray[np.float64], height: float) -> NDArray[np.float64]:
    """The rectangle around points, at a height."""
    (a, c, _), (b, d, _) = points.min(axis=0), points.max(axis=0)
    return np.array([(x, y, height) for x, y in ((a, c), (b, c), (b, d), (a, d))])
