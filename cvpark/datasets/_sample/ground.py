"""The ground of the lot: asphalt, paint, kerbs, grass."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from .camera import Camera, Window
from .scene import GRASS, LEFT, RIGHT, ROWS

_TILE = 512
_PAINT_WIDTH = 0.11
_FARTHEST = 120.0
# Linear RGB.
_GREEN_DRY_LEAF = ((0.045, 0.062, 0.014), (0.095, 0.085, 0.028), (0.20, 0.12, 0.05))


def make_texture(
    seed: np.random.SeedSequence, octaves: range = range(2, 10)
) -> NDArray[np.float32]:
    """Seamless noise, shape (512, 512), mean 0 and about unit deviation.

    Octave k has features of 1 / 2**k of the tile.
    """
    rng = np.random.default_rng(seed)
    total = np.zeros((_TILE, _TILE), np.float32)
    for octave in octaves:
        cells, times = 2**octave, _TILE >> octave
        grid = rng.integers(-512, 512, (cells, cells)).astype(np.float32)
        wrapped = cv2.copyMakeBorder(grid, 1, 1, 1, 1, cv2.BORDER_WRAP)
        size = (cells + 2) * times
        smooth = cv2.resize(wrapped, (size, size), interpolation=cv2.INTER_LINEAR)
        total += smooth[times : times + _TILE, times : times + _TILE] * 0.85**octave
    # Rounded, for interpolation may differ in the last bit between processors.
    return np.round(
        total / np.float32(210 * math.sqrt(sum(0.85 ** (2 * octave) for octave in octaves))), 3
    )


@dataclass(frozen=True)
class Surface:
    """The ground in a window.

    Attributes
    ----------
    albedo : ndarray of float32, shape (3, height, width)
        Linear RGB when dry.
    grass, puddle : ndarray of float32, shape (height, width)
        Share of each pixel; water stands in puddles when it rains.
    distance : ndarray of float32, shape (height, width)
        World y.
    """

    albedo: NDArray[np.float32]
    grass: NDArray[np.float32]
    puddle: NDArray[np.float32]
    distance: NDArray[np.float32]


class Ground:
    """Texture, stains and marks of one lot."""

    def __init__(self, seed: np.random.SeedSequence) -> None:
        grain, relief, stains = seed.spawn(3)
        self._grain = make_texture(grain)
        self._relief = make_texture(relief, range(2, 6))
        rng = np.random.default_rng(stains)
        self._stains = rng.uniform((LEFT, 5, 0.15), (RIGHT, 50, 0.7), (160, 3))

    def survey(self, camera: Camera, window: Window) -> Surface:
        """What the ground in a window is like, whatever the weather."""
        place = camera.ground(window.columns(), window.rows(), _FARTHEST).astype(np.float32)
        broad, fine = _look_up(self._grain, place, 37.0), _look_up(self._grain, place, 3.1)
        grain, relief = _look_up(self._grain, place, 1.3), _look_up(self._relief, place, 29.0)
        shade = 0.12 * (1 + 0.06 * broad + 0.05 * fine + 0.07 * grain + 0.06 * relief)
        shade *= 1 - 0.4 * self._stained(camera, window, place)
        cracks = np.abs(_look_up(self._grain, place[..., ::-1], 11.0)) < 0.012
        shade = np.where(cracks, shade * 0.8, shade)
        shade += 0.36 * self._paint(place) * np.clip(0.6 + 0.25 * relief + 0.3 * fine, 0, 1)
        grass, kerb = self._edges(place)
        shade += (0.22 * (1 + 0.1 * fine) - shade) * kerb
        litter = np.clip(fine + grain + 0.4 * relief - 3.2 + 0.5 * kerb, 0, 0.8) * (1 - grass)
        lawn = np.clip(1 + 0.12 * broad + 0.18 * fine + 0.2 * grain, 0.2, 2)
        dry = np.clip(0.3 + 0.35 * relief + 0.15 * fine, 0, 1)
        albedo = []
        for fresh, withered, leaf in zip(*_GREEN_DRY_LEAF, strict=True):
            channel = shade + (leaf - shade) * litter
            blades = lawn * (fresh + (withered - fresh) * dry)
            albedo.append(channel + (blades - channel) * grass)
        puddle = np.clip((relief + 0.1 * broad - 0.7) * 1.2, 0, 1) * (1 - grass)
        parts = np.stack(albedo), grass, puddle, place[..., 1]
        return Surface(*(part.astype(np.float32) for part in parts))

    def _stained(
        self, camera: Camera, window: Window, place: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Oil, where engines stand."""
        stained = np.zeros(place.shape[:2])
        offsets = np.array([(-1, -1, 0), (1, -1, 0), (-1, 1, 0), (1, 1, 0)])
        centres = np.concatenate([self._stains[:, :2], np.zeros((len(self._stains), 1))], axis=1)
        squares = centres[:, None] + 1.3 * self._stains[:, None, 2:] * offsets
        corners = window.place(camera.project(squares)[..., :2])
        low = np.floor(corners.min(axis=1)).astype(int).clip(0)
        high = np.ceil(corners.max(axis=1)).astype(int).clip(0)
        seen = ((high > low) & (low < (window.width, window.height))).all(axis=1)
        for k in np.flatnonzero(seen):
            part = np.s_[low[k, 1] : high[k, 1], low[k, 0] : high[k, 0]]
            x, y, radius = self._stains[k]
            distance = (place[part][..., 0] - x) ** 2 + (place[part][..., 1] - y) ** 2
            stained[part] = np.maximum(stained[part], 1.5 - distance / radius**2)
        return np.minimum(stained, 1).astype(np.float32)

    def _paint(self, place: NDArray[np.float32]) -> NDArray[np.float32]:
        """Coverage by slot lines."""
        x, y = place[..., 0], place[..., 1]
        dx, dy = _footprint(x), _footprint(y)
        covered = np.zeros(x.shape)
        nearest, farthest = float(y.min()), float(y.max())
        for row in ROWS:
            if row.near > farthest + 1 or row.far < nearest - 1:
                continue
            within = _inside(y, row.near, row.far, dy) * _inside(x, LEFT, RIGHT, dx)
            offset = np.abs((x - LEFT + row.pitch / 2) % row.pitch - row.pitch / 2)
            covered = np.maximum(covered, within * _line(offset, dx))
            if row.parallel:
                covered = np.maximum(covered, _line(np.abs(y - row.far), dy))
        return covered.astype(np.float32)

    def _edges(self, place: NDArray[np.float32]) -> tuple[NDArray[np.float32], ...]:
        """Coverage by grass and by its kerb."""
        y = place[..., 1] + 0.03 * _look_up(self._grain, place, 5.0)
        dy = _footprint(place[..., 1])
        grass, kerb = np.zeros_like(y), np.zeros_like(y)
        for near, far in GRASS:
            grass = np.maximum(grass, _inside(y, near, far, dy))
            kerb = np.maximum(kerb, _inside(place[..., 1], near - 0.15, far + 0.15, dy))
        return np.maximum(grass, _inside(y, 60.0, 1e9, dy)), kerb


def _look_up(
    texture: NDArray[np.float32], place: NDArray[np.float32], metres: float
) -> NDArray[np.float32]:
    """The texture laid out so that one tile is `metres` wide."""
    cell = np.floor(place * np.float32(_TILE / metres)).astype(np.int32) & (_TILE - 1)
    return np.asarray(texture[cell[..., 1], cell[..., 0]], np.float32)


def _footprint(coordinate: NDArray[np.float32]) -> NDArray[np.float32]:
    """Metres a pixel covers along a world axis."""
    down, across = np.gradient(coordinate)
    return np.asarray(np.maximum(np.abs(down), np.abs(across)) + 1e-6, np.float32)


def _inside(
    value: NDArray[np.float32], low: float, high: float, pixel: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Coverage of each pixel by a strip."""
    above = np.clip((value - low) / pixel + 0.5, 0, 1)
    return np.asarray(above * np.clip((high - value) / pixel + 0.5, 0, 1), np.float32)


def _line(distance: NDArray[np.float32], pixel: NDArray[np.float32]) -> NDArray[np.float32]:
    """Coverage of each pixel by a painted line."""
    reach = np.clip((_PAINT_WIDTH / 2 - distance) / pixel + 0.5, 0, 1)
    return np.asarray(np.minimum(reach, _PAINT_WIDTH / pixel), np.float32)
