"""What lens, sensor and their electronics do to a picture."""

from __future__ import annotations

import math
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
        self._noise = (fine + coarse + 128).astype(np.uint8)

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
        image = _blur(image, blur)
        # Rounded so that what follows is exact, thus the same on every machine.
        clear, amount = 1 - round(haze * 256) / 256, round(noise * 8) / 256
        smooth = cv2.GaussianBlur(image, (5, 5), 0)
        sharp = cv2.addWeighted(image, 1.5 * clear, smooth, -0.5 * clear, 0)
        sharp = cv2.add(sharp, (*np.floor(veil * (1 - clear) + 0.5).tolist(), 0))
        row, column = (int(rng.integers(0, _TILE - size + 1)) for size in (height, width))
        grain = self._noise[row : row + height, column : column + width]
        return np.asarray(cv2.addWeighted(sharp, 1, grain, amount, -128 * amount), np.uint8)


def _blur(image: NDArray[np.uint8], deviation: float) -> NDArray[np.uint8]:
    """Blur by a standard deviation in pixels: a wide one at half the size."""
    if deviation > 1.5:
        # Down and up again is a blur by the square root of 2 by itself.
        small = _blur(cv2.pyrDown(image), math.sqrt(deviation**2 - 2) / 2)
        return np.asarray(cv2.pyrUp(small, dstsize=image.shape[1::-1]), np.uint8)
    if deviation > 0.3:
        return np.asarray(cv2.GaussianBlur(image, (0, 0), round(deviation, 2)), np.uint8)
    return image


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
