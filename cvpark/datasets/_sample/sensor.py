"""What lens, sensor and their electronics do to a picture."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from . import draw
from .camera import FRAME_HEIGHT, FRAME_WIDTH, Window

_TILE = 1024
# Share of stray light in what is seen through a drop.
_DROP_HAZE = 0.375


class Sensor:
    """Blur, stray light, sharpening and noise, in whole numbers so that every machine agrees."""

    def __init__(self, seed: np.random.SeedSequence) -> None:
        rng = np.random.default_rng(seed)
        fine = rng.integers(-18, 19, (_TILE, _TILE, 1), np.int16)
        # In-camera denoising leaves blotches: neighbours are alike, colours over a wider range.
        fine = fine + np.roll(fine, 1, 0) + np.roll(fine, 1, 1)
        coarse = rng.integers(-18, 19, (_TILE // 4, _TILE // 4, 3), np.int16)
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
        smear: NDArray[np.uint8] | None = None,
        smear_blur: float = 0.0,
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
        smear : ndarray of uint8, shape (height, width), optional
            Where dirt or a drop blurs the picture, up to 255.
        smear_blur : float
            Standard deviation of that blur in pixels.
        rng : Generator
            Chooses the piece of noise.
        """
        height, width = image.shape[:2]
        image = _blur(image, blur)
        if smear is not None:
            image = _mix(image, _through_water(image, veil, smear_blur), smear)
        # Rounded so that what follows is exact, thus the same on every machine.
        clear, amount = 1 - round(haze * 256) / 256, round(noise * 8) / 256
        smooth = cv2.GaussianBlur(image, (5, 5), 0)
        sharp = cv2.addWeighted(image, 1.5 * clear, smooth, -0.5 * clear, 0)
        sharp = cv2.add(sharp, (*np.floor(veil * (1 - clear) + 0.5).tolist(), 0))
        row, column = (int(rng.integers(0, _TILE - size + 1)) for size in (height, width))
        grain = self._noise[row : row + height, column : column + width]
        return np.asarray(cv2.addWeighted(sharp, 1, grain, amount, -128 * amount), np.uint8)


def _through_water(
    image: NDArray[np.uint8], veil: NDArray[np.uint8], blur: float
) -> NDArray[np.uint8]:
    """What is left of a picture behind a drop: broad blotches of it, and stray light."""
    blurred = _blur(image, blur)
    stray = (*np.floor(veil * _DROP_HAZE + 0.5).tolist(), 0)
    return np.asarray(cv2.add(cv2.convertScaleAbs(blurred, alpha=1 - _DROP_HAZE), stray), np.uint8)


def _mix(
    first: NDArray[np.uint8], second: NDArray[np.uint8], share: NDArray[np.uint8]
) -> NDArray[np.uint8]:
    """Of two pictures, as many 256ths of the second as `share` says."""
    left, top, width, height = cv2.boundingRect(share)
    part = np.s_[top : top + height, left : left + width]
    change = np.subtract(second[part], first[part], dtype=np.int32)
    change *= share[part][..., None]
    mixed = first.copy()
    mixed[part] += (change >> 8).astype(np.uint8)  # modulo 256, which comes out right
    return mixed


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
    blur : float
        What they do to the picture: standard deviation in full-frame pixels.
    haze : float
        Share of stray light all over, 0 to 1.
    """

    spots: NDArray[np.float64]
    blur: float
    haze: float

    def smear(self, window: Window) -> NDArray[np.uint8] | None:
        """How strongly each pixel of a window is disturbed, up to 255; None where none is."""
        radius = self.spots[:, 2:3]
        boxes = np.concatenate([self.spots[:, :2] - radius, self.spots[:, :2] + radius], axis=1)
        near = np.flatnonzero(draw.seen(boxes, window)).tolist()
        if not near:
            return None
        coarse = draw.coarse(window, 4)
        smear = np.zeros((coarse.height, coarse.width), np.uint8)
        for column, row, radius, strength in self.spots[near].tolist():
            across = ((coarse.columns() - column) / radius) ** 2
            down = ((coarse.rows() - row) / radius) ** 2
            covered = np.clip(1.6 * (1 - across - down[:, None]), 0, 1)
            smear = np.maximum(smear, np.rint(covered * (255 * strength)).astype(np.uint8))
        return draw.enlarge(smear, window, 4)


def make_lens(rng: np.random.Generator, wet: bool) -> Lens:
    """A lens with a spot or two, with many drops in the rain, and dull on some days."""
    count = int(rng.poisson(9 if wet else 3))
    low, high = (0, 0, 60, 0.4), (FRAME_WIDTH, FRAME_HEIGHT, 340, 1.0)
    haze = float(rng.choice([0.0, rng.uniform(0.1, 0.4)], p=[0.7, 0.3]))
    return Lens(rng.uniform(low, high, (count, 4)), float(rng.uniform(6, 16)), haze)
