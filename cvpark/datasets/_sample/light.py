"""Light of a capture: sun, sky and what they make of a surface."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Direction along which what a body mirrors changes.
CLUTTER = (3.4, 2.2, 0.0)

# The sky that is mirrored, beside the light of all of it.
_BLUER = np.array((0.92, 1.0, 1.12))

_LEVELS = 4096
# Of linear light 0 to 4: a shoulder keeps white paint in the sun from clipping, as cameras do.
_LINEAR = np.arange(_LEVELS) * (4.0 / _LEVELS)
_SHOULDER = np.power(1 - np.exp(-1.35 * _LINEAR), 1 / 2.2)
_CONTRAST = 0.4 * _SHOULDER + 0.6 * _SHOULDER**2 * (3 - 2 * _SHOULDER)
_TONE = np.floor(255 * _CONTRAST + 0.5).astype(np.uint8)

# Linear RGB of diffuse light: by day, and what it turns to when the day is short.
_CLEAR_SKY, _GREY_SKY = (0.53, 0.55, 0.60), (0.97, 0.96, 0.91)
_GLOW = ((0.55, 0.65, 1.0), (1.15, 0.85, 0.40), (0.8, 0.75, 0.95), (0.95, 1.0, 0.75))


@dataclass(frozen=True)
class Light:
    """Light of one capture.

    Parameters
    ----------
    to_sun : tuple of float
        Unit vector towards the sun.
    sun, sky : tuple of float
        Linear red, green and blue of direct and of diffuse light.
    gain : tuple of float
        Exposure times white balance.
    wet : float
        How wet the ground is, 0 to 1.
    lamps : bool
        Whether some cars have their lamps on.
    noise : float
        Standard deviation of the sensor noise in grey levels.
    """

    to_sun: tuple[float, float, float]
    sun: tuple[float, float, float]
    sky: tuple[float, float, float]
    gain: tuple[float, float, float]
    wet: float
    lamps: bool
    noise: float

    @property
    def hard(self) -> bool:
        """Whether shadows have an edge."""
        return max(self.sun) > 0.15

    def cast(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Shadows (..., 3) of points on the ground."""
        shadows: NDArray[np.float64] = points - points[..., 2:] * (
            np.array(self.to_sun) / self.to_sun[2]
        )
        return shadows

    def develop(self, radiance: NDArray[np.floating]) -> NDArray[np.uint8]:
        """Linear radiance (..., 3) to the 8 bits of a picture."""
        levels = radiance * (np.asarray(self.gain) * (_LEVELS / 4.0))
        return np.asarray(_TONE.take(levels.astype(np.int32), mode="clip"), np.uint8)

    def shade(
        self,
        albedo: NDArray[np.float64],
        gloss: NDArray[np.float64],
        normals: NDArray[np.float64],
        views: NDArray[np.float64],
        lit: float,
        to_sun: NDArray[np.float64],
        clutter: NDArray[np.float64],
    ) -> NDArray[np.float64]:
        """Radiance (n, 3) of glossy faces.

        Parameters
        ----------
        albedo : ndarray, shape (n, 3)
        gloss : ndarray, shape (n,)
            0 is matt, 1 is lacquer or glass.
        normals, views : ndarray, shape (n, 3)
            Unit vectors: outwards, and towards the camera.
        lit : float
            Share of the sun that is not in shadow.
        to_sun, clutter : ndarray, shape (3,)
            `to_sun` and `CLUTTER` in the coordinates of the faces.
        """
        sun, sky = np.array(self.sun) * lit, np.array(self.sky)
        towards = np.maximum(dot(normals, to_sun), 0)
        diffuse = (0.48 + 0.52 * normals[:, 2:]) * sky + towards[:, None] * sun
        facing = dot(normals, views)
        mirror = (2 * facing)[:, None] * normals - views
        # Above the horizon a body mirrors the sky, brightest low down; below it the ground.
        up = mirror[:, 2]
        height = np.minimum(np.maximum(up * 3 + 0.5, 0), 1)
        # Trees and houses interrupt it here and there.
        height *= 1 + 0.45 * np.sin(dot(mirror, clutter))
        seen = 0.22 + height * (1.05 - 0.35 * np.maximum(up, 0))
        away = 1 - facing
        fresnel = gloss * (0.04 + 0.8 * (away * away) * (away * away) * away)
        radiance = albedo * diffuse + (fresnel * seen)[:, None] * (sky * _BLUER)
        if self.hard:
            glint = np.maximum(dot(mirror, to_sun), 0)
            for _ in range(5):  # to the 32nd power, alike on every machine
                glint *= glint
            radiance += (glint * np.minimum(gloss, 1) * 0.4)[:, None] * sun
        return np.asarray(radiance, np.float64)


def dot(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """Product of vectors (..., 3), the same to the last bit on every machine."""
    return a[..., 0] * b[..., 0] + a[..., 1] * b[..., 1] + a[..., 2] * b[..., 2]


def make_light(
    rng: np.random.Generator, weather: str, hour: float, cast: tuple[float, float, float]
) -> Light:
    """Light of a weather ("SUNNY", "OVERCAST", "RAINY") at an hour of a winter day.

    `cast` is the gain of the camera's red, green and blue.
    """
    noon = math.sin(math.pi * min(max((hour - 7) / 10.5, 0.0), 1.0))
    daylight = min(1.0, 0.12 + 1.7 * noon)
    # The cameras look south-west: from the left in the morning, ahead in the afternoon.
    azimuth = math.radians((hour - 12.3) * 15 - 45)
    elevation = math.radians(8 + 26 * noon)
    to_sun = (
        round(math.sin(azimuth) * math.cos(elevation), 9),
        round(math.cos(azimuth) * math.cos(elevation), 9),
        round(math.sin(elevation), 9),
    )
    clear = weather == "SUNNY"
    strength = 2.2 * daylight * rng.uniform(0.7, 1.1) if clear and noon > 0.2 else 0.0
    sun = (strength * 1.08, strength * (0.82 + 0.14 * noon), strength * (0.55 + 0.3 * noon))
    base = _CLEAR_SKY if clear else _GREY_SKY
    dusk = (1 - daylight) * rng.uniform(0.2, 1.0)
    glow = _GLOW[int(rng.integers(0, len(_GLOW)))]
    sky = tuple((a + (b - a) * dusk) * daylight for a, b in zip(base, glow, strict=True))
    # Exposure follows the light only in part, and white balance wanders.
    dim = max(0.08, min(1.0, daylight * rng.uniform(1.6, 3.6)) ** 1.6)
    exposure = dim * rng.uniform(0.7, 1.3) / (sky[1] + 0.25 * strength)
    red, blue = rng.normal((0.03, -0.02), (0.08, 0.11))
    return Light(
        to_sun=to_sun,
        sun=sun,
        sky=sky,  # type: ignore[arg-type]
        gain=(exposure * cast[0] * (1 + red), exposure * cast[1], exposure * cast[2] * (1 + blue)),
        wet=float(rng.uniform(0.5, 1.0)) if weather == "RAINY" else 0.0,
        lamps=noon < 0.35 or (weather == "RAINY" and noon < 0.6),
        noise=float(rng.uniform(0.8, 2.0) + 4 * (1 - daylight)),
    )
