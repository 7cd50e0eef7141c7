"""Pinhole cameras on a roof, and the windows cut out of their frames."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

FRAME_WIDTH, FRAME_HEIGHT = 2592, 1944
_NEAREST = 0.5


@dataclass(frozen=True)
class Camera:
    """A camera above the building's edge; the world is x along the rows, y away from it, z up.

    Parameters
    ----------
    number : int
        Its number in file names.
    x, height : float
        Position in metres; y is 0.
    pan, tilt : float
        Degrees to the right of straight ahead, and below the horizon.
    focal : float
        In pixels of the full frame.
    softness, haze : float
        Blur of the lens in full-frame pixels, and share of stray light, 0 to 1.
    cast : tuple of float
        Gain of red, green and blue: its white balance.
    """

    number: int
    x: float
    height: float
    pan: float
    tilt: float
    focal: float
    softness: float
    haze: float
    cast: tuple[float, float, float]

    @property
    def position(self) -> NDArray[np.float64]:
        return np.array([self.x, 0.0, self.height])

    @cached_property
    def _axes(self) -> tuple[tuple[float, float, float], ...]:
        """Right, down and forward in world coordinates.

        Rounded, and applied without BLAS below: libraries differ in the last bit between
        processors, and a picture must not.
        """
        pan, tilt = math.radians(self.pan), math.radians(self.tilt)
        right = (math.cos(pan), -math.sin(pan), 0.0)
        forward = (math.sin(pan) * math.cos(tilt), math.cos(pan) * math.cos(tilt), -math.sin(tilt))
        down = (-math.sin(pan) * math.sin(tilt), -math.cos(pan) * math.sin(tilt), -math.cos(tilt))
        return tuple(
            tuple(round(value, 9) for value in axis)  # type: ignore[misc]
            for axis in (right, down, forward)
        )

    def project(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """World points (..., 3) in metres to column, row and depth (..., 3)."""
        relative = points - self.position
        right, down, forward = (
            relative[..., 0] * a + relative[..., 1] * b + relative[..., 2] * c
            for a, b, c in self._axes
        )
        scale = self.focal / np.maximum(forward, _NEAREST)
        projected = np.empty_like(relative)
        projected[..., 0] = FRAME_WIDTH / 2 + scale * right
        projected[..., 1] = FRAME_HEIGHT / 2 + scale * down
        projected[..., 2] = forward
        return projected

    def ground(
        self, columns: NDArray[np.float64], rows: NDArray[np.float64], farthest: float
    ) -> NDArray[np.float64]:
        """Where the rays through these pixels meet the ground, at most `farthest` metres away.

        Returns
        -------
        ndarray, shape (n_rows, n_columns, 2)
            World x and y.
        """
        u = ((columns - FRAME_WIDTH / 2) / self.focal)[None, :]
        v = ((rows - FRAME_HEIGHT / 2) / self.focal)[:, None]
        right, down, forward = self._axes
        x, y, z = (u * right[i] + v * down[i] + forward[i] for i in range(3))
        reach = self.height / np.maximum(-z, 1e-6)
        reach = np.minimum(reach, farthest / np.maximum(y, 1e-6))
        return np.stack([self.x + reach * x, reach * y], axis=-1)


@dataclass(frozen=True)
class Window:
    """A rectangle of the full frame, drawn at `width` x `height` pixels."""

    left: float
    top: float
    span_x: float
    span_y: float
    width: int
    height: int

    @property
    def scale(self) -> float:
        """Drawn pixels per full-frame pixel."""
        return self.width / self.span_x

    def columns(self) -> NDArray[np.float64]:
        """Full-frame column of each drawn pixel's centre."""
        return self.left + (np.arange(self.width, dtype=np.float64) + 0.5) * (
            self.span_x / self.width
        )

    def rows(self) -> NDArray[np.float64]:
        """Full-frame row of each drawn pixel's centre."""
        return self.top + (np.arange(self.height, dtype=np.float64) + 0.5) * (
            self.span_y / self.height
        )

    def place(self, pixels: NDArray[np.float64]) -> NDArray[np.float64]:
        """Full-frame columns and rows (..., 2) to those of this window."""
        origin = np.array([self.left, self.top])
        return np.asarray((pixels - origin) * self.scale - 0.5, np.float64)
