"""What lens, sensor and their electronics do to a picture."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from .camera import FRAME_HEIGHT, FRAME_WIDTH

_TILE = 1024


class Sensor:
    """Blur, stray light, sharpening and noise, in whole numbers so that every machine agrees."""

    def __init__(self, seed: np.random.SeedSequence) -> None:
        rng = np.random.default_rng(seed)
        fine = rng.integers(-18, 19, (_TILE, _TILE, 1), np.int16)
        # In-camera denoising leaves blotches: neighbours are alike, colours over a wider range.
        fine = fine + np.roll(fine, 1, 0) + np.roll(fine, 1, 1)
        coarse = rng.integers(-12, 13, (_TILE // 4, _TILE // 4, 3), np.int16)
        coarse = coarse.repeat(4, 0).repeat(4, 1)
        coarse = coarse + np.roll(coarse, 2, 0) + np.roll(coarse, 2, 1)
        # Standard deviation about 32, so that a product with a small number fits 16 bits.
        self._noise = np.ascontiguousarray(fine + coarse)

    def expose(
        self,
        image: NDArray[np.uint8],
        *,
        blur: float,
        haze: float,
        veil: NDArray[np.uint8],
        noise: float,
        rng: np.random.Generator,
    ) -> NDArray[np.uint8]:
        """A sharp RGB picture as the camera delivers it.

        Parameters
        ----------
        image : ndarray of uint8, shape (height, width, 3)
            At most 1024 pixels wide and high.
        blur : float
            Standard deviation in pixels.
        haze : float
            Share of stray light, 0 to 1.
        veil : ndarray of uint8, shape (3,)
            Its colour.
        noise : float
            Standard deviation in grey levels, up to 16.
        rng : Generator
            Chooses the piece of noise.
        """
        height, width = image.shape[:2]
        if blur > 0.3:
            image = cv2.GaussianBlur(image, (0, 0), round(blur, 2))
        levels = np.arange(256)[:, None] * (1 - haze) + veil * haze
        image = cv2.LUT(image, np.floor(levels + 0.5).astype(np.uint8)[None])
        smooth = cv2.GaussianBlur(image, (5, 5), 1.2).astype(np.int16)
        sharp = image.astype(np.int16)
        smooth -= sharp
        smooth >>= 1
        row, column = rng.integers(0, _TILE - np.array([height, width]) + 1)
        grain = self._noise[row : row + height, column : column + width] * np.int16(noise * 16)
        grain >>= 9
        return np.asarray(np.clip(sharp - smooth + grain, 0, 255), np.uint8)


@dataclass(frozen=True)
class Lens:
    """Dirt and drops on a camera's lens on one day.

    Attributes
    ----------
    spots : ndarray, shape (n, 4)
        Column, row and radius in full-frame pixels, and strength from 0 to 1.
    """

    spots: NDArray[np.float64]

    def trouble(self, column: float, row: float) -> float:
        """How strongly the view is disturbed at a pixel, 0 to 1."""
        if not len(self.spots):
            return 0.0
        far = (self.spots[:, 0] - column) ** 2 + (self.spots[:, 1] - row) ** 2
        covered = self.spots[:, 3] * np.clip(1.5 - far / self.spots[:, 2] ** 2, 0, 1)
        return float(covered.max())


def make_lens(rng: np.random.Generator, wet: bool) -> Lens:
    """A lens with a spot or two, with many drops in the rain."""
    count = int(rng.poisson(9 if wet else 2.5))
    low, high = (0, 0, 90, 0.2), (FRAME_WIDTH, FRAME_HEIGHT, 330, 1.0)
    return Lens(rng.uniform(low, high, (count, 4)))
