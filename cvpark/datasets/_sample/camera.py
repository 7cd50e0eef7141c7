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
    def axes(self) -> tuple[tuple[float, float, float], ...]:
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
        return self.see(points - self.position, self.axes)

    def see(
        self, points: NDArray[np.float64], axes: tuple[tuple[float, float, float], ...]
    ) -> NDArray[np.float64]:
        """Points relative to the camera, in coordinates in which these are its axes."""
        x, y, z = points[..., 0], points[..., 1], points[..., 2]
        right, down, forward = (x * a + y * b + z * c for a, b, c in axes)
        scale = self.focal / np.maximum(forward, _NEAREST)
        projected = np.empty_like(points)
        projected[..., 0] = FRAME_WIDTH / 2 + scale * right
        projected[..., 1] = FRAME_HEIGHT / 2 + scale * down
        projected[..., 2] = forward
        return projected

    def ground(
        self, columns: NDArray[np.float64], rows: NDArray[np.float64], farthest: float
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Where the rays through these pixels meet the ground, at most `farthest` metres ahead.

        Returns
        -------
        x, y : ndarray, shape (n_rows, n_columns)
            World coordinates.
        """
        u = ((columns - FRAME_WIDTH / 2) / self.focal)[None, :]
        v = ((rows - FRAME_HEIGHT / 2) / self.focal)[:, None]
        right, down, forward = self.axes
        # The camera does not roll, so that a row of pixels meets the ground at one depth.
        depth = np.minimum(self.height / np.maximum(-v * down[2] - forward[2], 1e-6), farthest)
        x, y = ((depth * right[i]) * u + depth * (v * down[i] + forward[i]) for i in range(2))
        return self.x + x, y


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
        places = pixels * self.scale
        places -= np.array([self.left * self.scale + 0.5, self.top * self.scale + 0.5])
        return places
