"""Cars as shaded three-dimensional bodies."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_Colour = tuple[float, float, float]

# A body is a stack of closed outlines, each of this many points, front first, then the left side.
_POINTS = 24


@dataclass(frozen=True)
class Shape:
    """Dimensions of a type of car in metres."""

    length: float
    width: float
    height: float
    hood: float
    """Height of the bonnet's front edge."""
    cowl: float
    """Distance from the nose to the foot of the windscreen."""
    deck: float
    """Distance from the tail to the foot of the rear window."""
    rake: float
    """Run of the windscreen from foot to roof."""
    fastback: float
    """Run of the rear window from foot to roof."""


SHAPES = (
    Shape(3.55, 1.60, 1.52, 0.76, 0.80, 0.10, 0.62, 0.22),  # city car
    Shape(3.90, 1.68, 1.46, 0.72, 0.95, 0.14, 0.75, 0.42),  # small hatchback
    Shape(4.25, 1.77, 1.46, 0.72, 1.10, 0.16, 0.80, 0.50),  # hatchback
    Shape(4.55, 1.78, 1.44, 0.72, 1.20, 0.75, 0.85, 0.70),  # saloon
    Shape(4.60, 1.79, 1.48, 0.73, 1.20, 0.14, 0.80, 0.35),  # estate
    Shape(4.30, 1.80, 1.64, 0.86, 1.05, 0.14, 0.70, 0.35),  # off-roader
    Shape(4.35, 1.82, 1.72, 0.82, 0.85, 0.10, 0.85, 0.20),  # people carrier
    Shape(4.25, 1.80, 1.85, 0.90, 0.85, 0.06, 0.60, 0.08),  # van
)
_SHAPE_SHARES = np.array([0.17, 0.22, 0.22, 0.07, 0.12, 0.09, 0.08, 0.03])

# Linear RGB of the lacquer with its share of the cars.
_COLOURS = (
    ((0.78, 0.79, 0.78), 0.24),
    ((0.42, 0.43, 0.44), 0.15),
    ((0.20, 0.21, 0.22), 0.13),
    ((0.08, 0.085, 0.095), 0.12),
    ((0.015, 0.015, 0.018), 0.15),
    ((0.03, 0.06, 0.20), 0.05),
    ((0.09, 0.16, 0.26), 0.05),
    ((0.35, 0.02, 0.02), 0.06),
    ((0.12, 0.015, 0.03), 0.02),
    ((0.36, 0.32, 0.22), 0.02),
    ((0.03, 0.08, 0.06), 0.01),
)

_GLASS = (0.012, 0.016, 0.018)
_DARK = (0.012, 0.012, 0.013)
_TYRE = (0.016, 0.016, 0.017)
_LAMP = (0.55, 0.57, 0.60)
_TAIL = (0.32, 0.012, 0.012)
_PLATE = (0.62, 0.63, 0.62)
_INK = (0.22, 0.22, 0.23)
_CHROME = (0.45, 0.46, 0.48)


@dataclass(frozen=True)
class Car:
    """A mesh of quadrilaterals in drawing order, in its own coordinates (x forward, z up).

    Attributes
    ----------
    quads : ndarray, shape (n, 4, 3)
    albedo : ndarray, shape (n, 3)
    gloss : ndarray, shape (n,)
    lamps : ndarray of bool, shape (n,)
        Faces that shine when the lamps are on.
    hull : ndarray, shape (m, 3), and cabin : ndarray, shape (k, 3)
        Points whose shadows span those of the body and of the cabin.
    """

    quads: NDArray[np.float64]
    albedo: NDArray[np.float64]
    gloss: NDArray[np.float64]
    lamps: NDArray[np.bool_]
    hull: NDArray[np.float64]
    cabin: NDArray[np.float64]


class _Builder:
    """Collects faces on the surface of a stack of outlines, in drawing order."""

    def __init__(self, rings: NDArray[np.float64]) -> None:
        self.rings = rings
        self._corners: list[tuple[float, float]] = []
        self._loose: dict[int, NDArray[np.float64]] = {}
        self._looks: list[tuple[_Colour, float, bool]] = []

    def add(self, quad: NDArray[np.float64], albedo: _Colour, gloss: float) -> None:
        """A face that is not on the surface."""
        self._loose[len(self._looks)] = quad
        self._corners += [(0.0, 0.0)] * 4
        self._looks.append((albedo, gloss, False))

    def patch(
        self,
        band: int,
        around: tuple[float, float],
        up: tuple[float, float],
        albedo: _Colour,
        gloss: float,
        lamp: bool = False,
    ) -> None:
        """A piece of the surface, split where an outline bends.

        `band` is between outlines `band` and `band` + 1; `around` runs along the outlines, one
        for each of their points, and `up` from 0 to 1 between them.
        """
        start, stop = around
        bends = [k for k in range(math.ceil(start), math.floor(stop) + 1) if start < k < stop]
        edges = [start, *bends, stop]
        low, high = band + up[0], band + min(up[1], 1 - 1e-9)
        for a, b in zip(edges[:-1], edges[1:], strict=True):
            self._corners += [(a, low), (b, low), (b, high), (a, high)]
            self._looks.append((albedo, gloss, lamp))

    def pair(
        self,
        end: int,
        band: int,
        around: tuple[float, float],
        up: tuple[float, float],
        albedo: _Colour,
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
        column, band = first[..., 0] % _POINTS, first[..., 1]
        beside = (column + 1) % _POINTS
        low = self.rings[band, column] * (1 - share[..., 0, :])
        low = low + self.rings[band, beside] * share[..., 0, :]
        high = self.rings[band + 1, column] * (1 - share[..., 0, :])
        high = high + self.rings[band + 1, beside] * share[..., 0, :]
        return low + (high - low) * share[..., 1, :]

    def finish(self) -> Car:
        quads = self.at(np.array(self._corners)).reshape(-1, 4, 3)
        for index, quad in self._loose.items():
            quads[index] = quad
        albedo, gloss, lamps = zip(*self._looks, strict=True)
        return Car(
            quads,
            np.array(albedo),
            np.array(gloss),
            np.array(lamps),
            self.rings[[0, 3]].reshape(-1, 3),
            self.rings[[4, 5]].reshape(-1, 3),
        )


def _rings(shape: Shape) -> NDArray[np.float64]:
    """Outlines from sill to roof, shape (7, 24, 3)."""
    s, half, width = shape, shape.length / 2, shape.width / 2
    belt = 0.60 * s.height + 0.02
    rows = (  # rear end, front end, half width, height at the rear and at the front
        (-half + 0.10, half - 0.10, width - 0.07, 0.20, 0.20),
        (-half, half, width - 0.01, 0.44, 0.42),
        (-half + 0.03, half - 0.03, width, 0.66, s.hood - 0.12),
        (-half + 0.06, half - 0.12, width - 0.03, belt - 0.04, s.hood),
        (-half + s.deck, half - s.cowl, width - 0.10, belt + 0.02, belt + 0.04),
        (
            -half + s.deck + s.fastback,
            half - s.cowl - s.rake,
            width - 0.27,
            s.height - 0.08,
            s.height - 0.07,
        ),
        (
            -half + s.deck + s.fastback + 0.12,
            half - s.cowl - s.rake - 0.15,
            width - 0.40,
            s.height,
            s.height,
        ),
    )
    angles = np.arange(_POINTS) * (2 * math.pi / _POINTS)
    cos, sin = np.round(np.cos(angles), 9), np.round(np.sin(angles), 9)
    outlines = []
    for rear, front, side, z_rear, z_front in rows:
        # A superellipse: nearly straight sides, rounded corners.
        along = np.round(np.sign(cos) * np.abs(cos) ** 0.34, 9)
        across = np.round(np.sign(sin) * np.abs(sin) ** 0.42, 9)
        x = (front + rear) / 2 + (front - rear) / 2 * along
        share = (x - rear) / (front - rear)
        outlines.append(np.stack([x, side * across, z_rear + (z_front - z_rear) * share], axis=1))
    return np.stack(outlines)


def make_car(rng: np.random.Generator) -> Car:
    """A car of random type, size, colour and trim."""
    base = SHAPES[rng.choice(len(SHAPES), p=_SHAPE_SHARES)]
    stretch = rng.normal(1, 0.015, 3)
    shape = Shape(
        base.length * stretch[0],
        base.width * stretch[1],
        base.height * stretch[2],
        *(value * rng.uniform(0.93, 1.07) for value in (base.hood, base.cowl, base.deck)),
        *(value * rng.uniform(0.85, 1.15) for value in (base.rake, base.fastback)),
    )
    shares = np.array([share for _, share in _COLOURS])
    colour = np.array(_COLOURS[rng.choice(len(_COLOURS), p=shares)][0]) * rng.uniform(0.8, 1.2)
    red, green, blue = np.minimum(colour, 0.85).tolist()
    paint = red, green, blue
    build = _Builder(_rings(shape))
    _lower_body(build, rng, paint)
    _wheels(build, shape)
    _bonnet(build, paint)
    _cabin(build, rng, shape, paint)
    return build.finish()


def _lower_body(
    build: _Builder, rng: np.random.Generator, paint: _Colour
) -> None:
    bumper = paint if rng.random() < 0.75 else (0.04, 0.04, 0.042)
    build.patch(0, (0, _POINTS), (0, 1), bumper, 0.5)
    for band in (1, 2):
        build.patch(band, (0, _POINTS), (0, 1), paint, 0.8)
    # Front: intake, grille, plate, headlights.
    build.pair(0, 0, (0, rng.uniform(0.8, 1.6)), (0.3, 0.85), _DARK, 0.1)
    build.pair(0, 1, (0, rng.uniform(0.5, 1.1)), (0.5, rng.uniform(0.85, 1.0)), _DARK, 0.3)
    _plate(build, 0, 1, (0.05, 0.42))
    inner, outer = rng.uniform(0.9, 1.4), rng.uniform(2.4, 3.4)
    build.pair(0, 1, (inner, outer), (0.7, 1), _LAMP, 0.8, lamp=True)
    build.pair(0, 2, (inner + 0.2, outer), (0, rng.uniform(0.5, 0.95)), _LAMP, 0.9, lamp=True)
    build.pair(0, 2, (0, 0.12), (0.05, 0.6), _CHROME, 0.6)
    # Rear: lights, plate, bumper edge.
    low = rng.uniform(0.0, 0.4)
    build.pair(12, 2, (rng.uniform(0.9, 1.6), rng.uniform(2.3, 3.0)), (low, 1), _TAIL, 0.7, True)
    if rng.random() < 0.6:
        _plate(build, 12, 2, (0.1, 0.5))
    else:
        _plate(build, 12, 1, (0.35, 0.85))
    build.pair(12, 1, (0, 3), (0.9, 1), _grey(paint, 0.5), 0.2)
    build.pair(12, 0, (0, 2), (0.1, 0.6), (0.03, 0.03, 0.03), 0.1)
    # Sides: gaps of the doors, a strip.
    for side in (4.9, 6.05, 7.6):
        for around in (side, _POINTS - side):
            for band in (1, 2):
                build.patch(band, (around, around + 0.015), (0, 1), _DARK, 0)


def _plate(build: _Builder, end: int, band: int, up: tuple[float, float]) -> None:
    low, high = up
    build.pair(end, band, (0, 0.44), up, _PLATE, 0.1)
    build.pair(end, band, (0, 0.36), (0.7 * low + 0.3 * high, 0.3 * low + 0.7 * high), _INK, 0.1)


def _wheels(build: _Builder, shape: Shape) -> None:
    angles = np.arange(12) * (2 * math.pi / 12)
    circle = np.round(np.stack([np.cos(angles), 0 * angles, np.sin(angles)], axis=1), 9)
    strips = ((0, 1, 10, 11), (1, 2, 9, 10), (2, 3, 8, 9), (3, 4, 7, 8), (4, 5, 6, 7))
    for x in (shape.length * 0.5 - 0.80, -shape.length * 0.5 + 0.75):
        for side in (1, -1):
            for radius, albedo in ((0.37, _DARK), (0.31, _TYRE), (0.19, (0.22, 0.22, 0.23))):
                centre = np.array([x, side * (shape.width / 2 + 0.005), 0.31])
                disc = centre + circle * radius * np.array([1, 1, 1])
                for strip in strips:
                    corners = disc[list(strip)]
                    build.add(corners[::-1] if side > 0 else corners, albedo, 0.05)


def _bonnet(build: _Builder, paint: _Colour) -> None:
    build.patch(3, (0, _POINTS), (0, 1), paint, 0.9)
    build.pair(0, 3, (0, 2.4), (0.88, 1), _DARK, 0.1)  # the gap with the wipers


def _cabin(
    build: _Builder, rng: np.random.Generator, shape: Shape, paint: _Colour
) -> None:
    build.patch(4, (0, _POINTS), (0, 1), paint, 0.7)
    # What a window mirrors and what is behind it differ from its foot to its top.
    for low, high in ((0.05, 0.36), (0.36, 0.68), (0.68, 0.97)):
        inside = _grey(_GLASS, rng.uniform(0.5, 3.5))
        build.pair(0, 4, (0, 2.55), (low, high), inside, rng.uniform(0.5, 2.2))
    pillar = rng.uniform(8.3, 9.2)
    build.pair(0, 4, (3.5, 5.75), (0.08, 0.92), _GLASS, 1.0)
    build.pair(0, 4, (5.95, 7.6), (0.08, 0.92), _GLASS, 1.0)
    build.pair(0, 4, (7.7, pillar), (0.12, 0.88), _GLASS, 1.0)
    side = rng.uniform(2.0, 2.5)
    build.pair(12, 4, (0, side), (0.08, 0.5), _grey(_GLASS, rng.uniform(0.5, 2)), 1.2)
    build.pair(12, 4, (0, side), (0.5, 0.9), _grey(_GLASS, rng.uniform(0.5, 2)), 0.9)
    build.pair(12, 4, (0.05, 0.4), (0.93, 1), _TAIL, 0.4, True)
    for _ in range(rng.integers(0, 3)):  # papers behind the windscreen
        at, low = rng.uniform(-1.5, 1.3), rng.uniform(0.08, 0.2)
        build.patch(4, (at, at + 0.25), (low, low + 0.12), (0.4, 0.4, 0.38), 0.3)
    build.patch(5, (0, _POINTS), (0, 1), paint, 0.9)
    roof = build.rings[6]
    for k in range(_POINTS // 2):
        strip = [k, k + 1, _POINTS - 1 - k, _POINTS - k]
        build.add(roof[[i % _POINTS for i in strip]], paint, 0.9)
    if rng.random() < 0.2:  # rails
        build.pair(0, 5, (4.0, 8.0), (0.0, 0.25), _DARK, 0.3)
    _mirrors(build, paint)


def _grey(colour: _Colour, factor: float) -> _Colour:
    red, green, blue = colour
    return red * factor, green * factor, blue * factor


def _mirrors(build: _Builder, paint: _Colour) -> None:
    for around, side in ((3.5, 1), (_POINTS - 3.5, -1)):
        foot = build.at(np.array([around, 4.08]))
        low, high = foot + (-0.02, 0, 0), foot + (0.02, 0, 0.15)
        out = np.array([0, side * 0.19, 0])
        face = np.stack([low, low + out, high + out, high])
        for quad in (face, face[::-1], np.stack([high, high + out, high + out - (0.1, 0, 0), high])):
            build.add(quad, paint, 0.5)
