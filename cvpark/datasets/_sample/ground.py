"""The ground of the lot: asphalt, paint, kerbs, grass."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from .camera import Camera, Window
from .scene import GRASS, LEFT, RIGHT, ROWS

_TILE = 512
# Pixels surveyed at a time.
_STRIP = 50_000
_PAINT_WIDTH = 0.11
_FARTHEST = 120.0
BRIGHTEST = 0.64
"""The highest albedo."""
# Linear RGB.
_GREEN_DRY_LEAF = ((0.042, 0.058, 0.018), (0.085, 0.078, 0.034), (0.16, 0.10, 0.05))


def make_texture(
    seed: np.random.SeedSequence, octaves: range = range(2, 10)
) -> NDArray[np.float32]:
    """Seamless noise, shape (512, 512), mean 0 and about unit deviation.

    Octave k has features of 1 / 2**k of the tile.
    """
    rng = np.random.default_rng(seed)
    # In double precision, in which the interpolation is exact, thus the same on every machine.
    total = np.zeros((_TILE, _TILE))
    for octave in octaves:
        cells, times = 2**octave, _TILE >> octave
        grid = rng.integers(-512, 512, (cells, cells)).astype(np.float64)
        wrapped = cv2.copyMakeBorder(grid, 1, 1, 1, 1, cv2.BORDER_WRAP)
        size = (cells + 2) * times
        smooth = cv2.resize(wrapped, (size, size), interpolation=cv2.INTER_LINEAR)
        total += smooth[times : times + _TILE, times : times + _TILE] * 0.85**octave
    deviation = 210 * math.sqrt(sum(0.85 ** (2 * octave) for octave in octaves))
    return (total / deviation).astype(np.float32)


@dataclass(frozen=True)
class Surface:
    """The ground in a window.

    Attributes
    ----------
    dry, wet : ndarray of uint8, shape (height, width, 3)
        Square root of the albedo, 255 where it is `BRIGHTEST`. Roots, since 8 bits of them are
        as fine as an eye, and since a product of roots is the root of a product.
    distance : ndarray of float32, shape (height // 2, width // 2)
        World y of every other pixel.
    """

    dry: NDArray[np.uint8]
    wet: NDArray[np.uint8]
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
        # In strips of an even number of rows, which fit the processor's cache.
        rows = _STRIP // window.width // 2 * 2
        step = window.span_y / window.height
        strips = []
        for first in range(0, window.height, rows):
            height = min(rows, window.height - first)
            top, span = window.top + first * step, height * step
            strips.append(
                self._survey(camera, replace(window, top=top, span_y=span, height=height))
            )
        dry, wet, distance = (np.concatenate(parts) for parts in zip(*strips, strict=True))
        return Surface(dry, wet, distance)

    def _survey(
        self, camera: Camera, window: Window
    ) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.float32]]:
        x, y = (
            place.astype(np.float32)
            for place in camera.ground(window.columns(), window.rows(), _FARTHEST)
        )
        pixel = _footprint(x), _footprint(y)
        broad, fine = _look_up(self._grain, x, y, 37.0), _look_up(self._grain, x, y, 3.1)
        grain, relief = _look_up(self._grain, x, y, 1.3), _look_up(self._relief, x, y, 29.0)
        shade = 0.12 * (1 + 0.05 * broad + 0.045 * fine + 0.06 * grain + 0.06 * relief)
        shade *= 1 - 0.3 * self._stained(camera, window, x, y, fine)
        shade[np.abs(_look_up(self._grain, y, x, 11.0)) < 0.012] *= np.float32(0.8)
        shade += 0.25 * _paint(x, y, *pixel) * np.clip(0.45 + 0.35 * relief + 0.3 * fine, 0, 1)
        ragged = y + 0.03 * _look_up(self._grain, x, y, 5.0)
        grass, kerb = _edges(y, ragged, pixel[1])
        shade += (0.19 * (1 + 0.1 * fine) - shade) * kerb
        bare = 1 - grass
        litter = np.clip(fine + grain + 0.4 * relief - 3.6 + 0.8 * kerb, 0, 0.8) * bare
        lawn = np.clip(1 + 0.1 * broad + 0.16 * fine + 0.28 * grain, 0.2, 2) * grass
        dry = np.clip(0.3 + 0.22 * relief + 0.12 * fine, 0, 1)
        albedo = np.empty((*x.shape, 3), np.float32)
        for k, (fresh, withered, leaf) in enumerate(zip(*_GREEN_DRY_LEAF, strict=True)):
            channel = (shade + (leaf - shade) * litter) * bare
            albedo[..., k] = channel + lawn * (fresh + (withered - fresh) * dry)
        # Water darkens, and mirrors the sky, most in puddles.
        puddle = np.clip((relief + 0.1 * broad - 0.7) * 1.2, 0, 1)
        sheen = (0.02 + 0.07 * puddle) * bare
        soaked = albedo * (0.55 + 0.225 * grass)[..., None] + sheen[..., None]
        return _root(albedo), _root(soaked), y[::2, ::2]

    def _stained(
        self,
        camera: Camera,
        window: Window,
        x: NDArray[np.float32],
        y: NDArray[np.float32],
        ragged: NDArray[np.float32],
    ) -> NDArray[np.float32]:
        """Oil, where engines stand."""
        stained = np.zeros_like(x)
        offsets = np.array([(-1, -1, 0), (1, -1, 0), (-1, 1, 0), (1, 1, 0)])
        centres = np.concatenate([self._stains[:, :2], np.zeros((len(self._stains), 1))], axis=1)
        squares = centres[:, None] + 1.3 * self._stains[:, None, 2:] * offsets
        corners = window.place(camera.project(squares)[..., :2])
        low = np.floor(corners.min(axis=1)).astype(int).clip(0)
        high = np.ceil(corners.max(axis=1)).astype(int).clip(0)
        seen = ((high > low) & (low < (window.width, window.height))).all(axis=1)
        for k in np.flatnonzero(seen):
            part = np.s_[low[k, 1] : high[k, 1], low[k, 0] : high[k, 0]]
            middle_x, middle_y, radius = self._stains[k].tolist()
            distance = (x[part] - middle_x) ** 2 + (y[part] - middle_y) ** 2
            stain = 1.3 + 0.35 * ragged[part] - distance / radius**2
            stained[part] = np.maximum(stained[part], stain)
        return np.minimum(stained, np.float32(1))


def _root(albedo: NDArray[np.float32]) -> NDArray[np.uint8]:
    roots = np.sqrt(np.minimum(albedo, np.float32(BRIGHTEST))) * np.float32(255 / BRIGHTEST**0.5)
    return np.asarray(roots + np.float32(0.5), np.uint8)


def _paint(
    x: NDArray[np.float32], y: NDArray[np.float32], dx: NDArray[np.float32], dy: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Coverage by slot lines."""
    covered = np.zeros_like(x)
    nearest, farthest = float(y.min()), float(y.max())
    for row in ROWS:
        if row.near > farthest + 1 or row.far < nearest - 1:
            continue
        within = _inside(y, row.near, row.far, dy) * _inside(x, LEFT, RIGHT, dx)
        turns = (x - LEFT) * np.float32(1 / row.pitch)
        offset = np.abs(turns - np.rint(turns)) * np.float32(row.pitch)
        covered = np.maximum(covered, within * _line(offset, dx))
        if row.parallel:
            covered = np.maximum(covered, _line(np.abs(y - row.far), dy))
    return covered


def _edges(
    y: NDArray[np.float32], ragged: NDArray[np.float32], dy: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Coverage by grass, whose edges are ragged, and by its kerb."""
    grass, kerb = _inside(ragged, 60.0, 1e9, dy), np.zeros_like(y)
    nearest, farthest = float(y.min()), float(y.max())
    for near, far in GRASS:
        if near < farthest + 1 and far > nearest - 1:
            grass = np.maximum(grass, _inside(ragged, near, far, dy))
            kerb = np.maximum(kerb, _inside(y, near - 0.12, far + 0.12, dy))
    return grass, kerb


def _look_up(
    texture: NDArray[np.float32], x: NDArray[np.float32], y: NDArray[np.float32], metres: float
) -> NDArray[np.float32]:
    """The texture laid out so that one tile is `metres` wide."""
    # The offset makes all coordinates positive, so that cutting the fraction off rounds down.
    scale, offset = np.float32(_TILE / metres), np.float32(_TILE * math.ceil(200 / metres))
    column, row = ((axis * scale + offset).astype(np.int32) & (_TILE - 1) for axis in (x, y))
    return texture.ravel().take(row * _TILE + column)


def _footprint(coordinate: NDArray[np.float32]) -> NDArray[np.float32]:
    """Metres a pixel covers along a world axis."""
    down = np.abs(coordinate[1:, 1:] - coordinate[:-1, 1:])
    across = np.abs(coordinate[1:, 1:] - coordinate[1:, :-1])
    inner = np.maximum(down, across) + np.float32(1e-6)
    return np.asarray(cv2.copyMakeBorder(inner, 1, 0, 1, 0, cv2.BORDER_REPLICATE), np.float32)


def _inside(
    value: NDArray[np.float32], low: float, high: float, pixel: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Coverage of each pixel by a strip."""
    reach = np.minimum(value - low, high - value) / pixel + np.float32(0.5)
    return np.asarray(np.clip(reach, 0, 1), np.float32)


def _line(distance: NDArray[np.float32], pixel: NDArray[np.float32]) -> NDArray[np.float32]:
    """Coverage of each pixel by a painted line."""
    reach = np.clip((_PAINT_WIDTH / 2 - distance) / pixel + 0.5, 0, 1)
    return np.asarray(np.minimum(reach, _PAINT_WIDTH / pixel), np.float32)
