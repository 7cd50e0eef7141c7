"""Cars as shaded three-dimensional bodies."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .mesh import POINTS, Builder, Colour, Mesh


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
    ((0.54, 0.54, 0.52), 0.24),
    ((0.32, 0.33, 0.34), 0.16),
    ((0.14, 0.145, 0.15), 0.11),
    ((0.045, 0.047, 0.052), 0.12),
    ((0.010, 0.010, 0.011), 0.17),
    ((0.014, 0.022, 0.055), 0.06),
    ((0.09, 0.14, 0.19), 0.02),
    ((0.24, 0.018, 0.015), 0.06),
    ((0.09, 0.012, 0.018), 0.02),
    ((0.28, 0.25, 0.20), 0.02),
    ((0.03, 0.07, 0.055), 0.02),
)

_GLASS = (0.009, 0.011, 0.012)
_DARK = (0.012, 0.012, 0.013)
_TYRE = (0.016, 0.016, 0.017)
_LAMP = (0.30, 0.31, 0.32)
_TAIL = (0.22, 0.010, 0.010)
_PLATE = (0.45, 0.46, 0.46)
_INK = (0.22, 0.22, 0.23)
_CHROME = (0.25, 0.25, 0.26)


def _superellipse(round_x: float, round_y: float) -> tuple[NDArray[np.float64], ...]:
    """Nearly straight sides and rounded corners."""
    angles = np.arange(POINTS) * (2 * math.pi / POINTS)
    cos, sin = np.round(np.cos(angles), 9), np.round(np.sin(angles), 9)
    along = np.round(np.sign(cos) * np.abs(cos) ** round_x, 9)
    return along, np.round(np.sign(sin) * np.abs(sin) ** round_y, 9)


# Around the body and around the cabin.
_ROUND, _SQUARE = _superellipse(0.34, 0.42), _superellipse(0.22, 0.30)
# How the surface bulges between two outlines, out and up.
_SWELL = (
    (0.0, 0.0),  # bumper
    (0.008, 0.0),  # grille and doors
    (0.012, 0.0),  # lamps
    (0.0, 0.035),  # bonnet
    (0.014, 0.01),  # windows
    (0.012, 0.012),  # edge of the roof
    (0.0, 0.012),
)


def _rings(shape: Shape) -> NDArray[np.float64]:
    """Outlines from sill to roof, shape (8, 24, 3)."""
    s, half, width = shape, shape.length / 2, shape.width / 2
    belt = 0.60 * s.height + 0.02
    tail, nose = -half + s.deck, half - s.cowl
    roof_rear, roof_front = tail + s.fastback, nose - s.rake
    rows = (  # rear end, front end, half width, height at the rear and at the front
        (-half + 0.10, half - 0.10, width - 0.07, 0.20, 0.20),
        (-half, half, width - 0.01, 0.44, 0.42),
        (-half + 0.03, half - 0.03, width, 0.66, s.hood - 0.12),
        (-half + 0.06, half - 0.12, width - 0.03, belt - 0.04, s.hood),
        (tail, nose, width - 0.10, belt + 0.02, belt + 0.04),
        (roof_rear, roof_front, width - 0.24, s.height - 0.10, s.height - 0.10),
        (roof_rear + 0.08, roof_front - 0.10, width - 0.30, s.height - 0.04, s.height - 0.045),
        (roof_rear + 0.40, roof_front - 0.45, width - 0.50, s.height, s.height),
    )
    outlines: list[NDArray[np.float64]] = []
    for rear, front, side, z_rear, z_front in rows:
        along, across = _ROUND if len(outlines) < 4 else _SQUARE
        x = (front + rear) / 2 + (front - rear) / 2 * along
        share = (x - rear) / (front - rear)
        outlines.append(np.stack([x, side * across, z_rear + (z_front - z_rear) * share], axis=1))
    return np.stack(outlines)


def make_car(rng: np.random.Generator) -> Mesh:
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
    build = Builder(_rings(shape), _SWELL)
    _lower_body(build, rng, paint)
    _wheels(build, shape)
    _bonnet(build, paint)
    # Before the cabin, which hides one of them.
    _mirrors(build, paint)
    _cabin(build, rng, paint)
    return build.finish()


def _lower_body(build: Builder, rng: np.random.Generator, paint: Colour) -> None:
    bumper = paint if rng.random() < 0.75 else (0.04, 0.04, 0.042)
    build.patch(0, (0, POINTS), (0, 1), bumper, 0.5)
    build.patch(1, (0, POINTS), (0, 1), paint, 0.8)
    build.patch(2, (0, POINTS), (0, 1), paint, 0.8, steps=2)
    # Front: intake, grille, plate, headlights.
    build.pair(0, 0, (0, rng.uniform(0.8, 1.6)), (0.3, 0.85), _DARK, 0.1)
    build.pair(0, 1, (0, rng.uniform(0.5, 1.1)), (0.5, rng.uniform(0.85, 1.0)), _DARK, 0.3)
    _plate(build, 0, 1, (0.05, 0.42))
    inner, outer = rng.uniform(0.9, 1.4), rng.uniform(2.4, 3.4)
    build.pair(0, 1, (inner, outer), (0.7, 1), _LAMP, 0.8, lamp=True)
    build.pair(0, 2, (inner + 0.2, outer), (0, rng.uniform(0.5, 0.95)), _LAMP, 0.9, lamp=True)
    build.pair(0, 2, (inner + 0.5, outer - 0.2), (0.05, 0.4), _grey(_LAMP, 0.4), 0.9, lamp=True)
    build.pair(0, 2, (0, 0.12), (0.05, 0.6), _CHROME, 0.6)
    # Rear: lights, plate, bumper edge.
    low, inner = rng.uniform(0.1, 0.5), rng.uniform(1.1, 2.1)
    build.pair(12, 2, (inner, rng.uniform(2.5, 3.1)), (low, 1), _TAIL, 0.7, True)
    build.pair(12, 2, (inner, 2.4), (low, low + 0.2), _grey(_LAMP, 0.6), 0.7)
    if rng.random() < 0.6:
        _plate(build, 12, 2, (0.1, 0.5))
    else:
        _plate(build, 12, 1, (0.35, 0.85))
    build.pair(12, 1, (0, 3), (0.9, 1), _grey(paint, 0.5), 0.2)
    build.pair(12, 0, (0, 2), (0.1, 0.6), (0.03, 0.03, 0.03), 0.1)
    # Sides: gaps of the doors, a strip.
    for side in (4.9, 6.05, 7.6):
        for around in (side, POINTS - side):
            for band in (1, 2):
                build.patch(band, (around, around + 0.01), (0, 1), _grey(paint, 0.8), 0)


def _plate(build: Builder, end: int, band: int, up: tuple[float, float]) -> None:
    low, high = up
    build.pair(end, band, (0, 0.44), up, _PLATE, 0.1)
    build.pair(end, band, (0, 0.36), (0.7 * low + 0.3 * high, 0.3 * low + 0.7 * high), _INK, 0.1)


def _wheels(build: Builder, shape: Shape) -> None:
    angles = (np.arange(8) + 0.5) * (2 * math.pi / 8)
    circle = np.round(np.stack([np.cos(angles), 0 * angles, np.sin(angles)], axis=1), 9)
    strips = np.array([(k, k + 1, 6 - k, 7 - k) for k in range(3)])
    parts = ((0.38, 0.35, _DARK), (0.31, 0.31, _TYRE), (0.19, 0.31, (0.08, 0.08, 0.083)))
    for x in (shape.length * 0.5 - 0.80, -shape.length * 0.5 + 0.75):
        for side in (1, -1):
            for radius, height, albedo in parts:
                centre = np.array([x, side * (shape.width / 2 + 0.005), height])
                disc = centre + circle * radius
                for corners in disc[strips[:, ::-side]]:
                    build.add(corners, albedo, 0.05)


def _bonnet(build: Builder, paint: Colour) -> None:
    build.patch(3, (0, POINTS), (0, 1), paint, 0.9, steps=2)
    build.pair(0, 3, (0, 2.4), (0.92, 1), _DARK, 0.1)  # the gap with the wipers


def _cabin(build: Builder, rng: np.random.Generator, paint: Colour) -> None:
    build.patch(4, (0, POINTS), (0, 1), paint, 0.7)
    foot, top = rng.uniform(0.7, 2.1, 2)
    for k in range(4):  # what a window mirrors changes from its foot to its top
        low, high = 0.05 + 0.23 * k, 0.28 + 0.23 * k
        build.pair(0, 4, (0, 2.8), (low, high), _GLASS, foot + (top - foot) * k / 3)
    pillar = rng.uniform(8.3, 9.2)
    build.pair(0, 4, (3.5, 5.75), (0.08, 0.92), _GLASS, 1.0)
    build.pair(0, 4, (5.95, 7.6), (0.08, 0.92), _GLASS, 1.0)
    build.pair(0, 4, (7.7, pillar), (0.12, 0.88), _GLASS, 1.0)
    side = rng.uniform(1.5, 2.5)
    build.pair(12, 4, (0, side), (0.08, 0.5), _grey(_GLASS, rng.uniform(0.5, 2)), 1.2)
    build.pair(12, 4, (0, side), (0.5, 0.9), _grey(_GLASS, rng.uniform(0.5, 2)), 0.9)
    build.pair(12, 4, (0, 0.2), (0.94, 1), _grey(_TAIL, 0.5), 0.4)
    if rng.random() < 0.5:  # a paper behind the windscreen
        at, low = rng.uniform(-1.5, 1.3), rng.uniform(0.08, 0.2)
        build.patch(4, (at, at + 0.2), (low, low + 0.1), (0.22, 0.22, 0.2), 0.3)
    for band in (5, 6):
        build.patch(band, (0, POINTS), (0, 1), paint, 0.9)
    roof = build.rings[7]
    for k in range(POINTS // 2):
        strip = [k, k + 1, POINTS - 1 - k, POINTS - k]
        build.add(roof[[i % POINTS for i in strip]], paint, 0.9)
    if rng.random() < 0.2:  # rails
        build.pair(0, 5, (4.0, 8.0), (0.0, 0.25), _DARK, 0.3)


def _grey(colour: Colour, factor: float) -> Colour:
    red, green, blue = colour
    return red * factor, green * factor, blue * factor


def _mirrors(build: Builder, paint: Colour) -> None:
    for around, side in ((3.5, 1), (POINTS - 3.5, -1)):
        foot = build.at(np.array([around, 4.08]))
        out, up = np.array([0, side * 0.17, 0]), np.array([0.03, 0, 0.12])
        face = np.stack([foot, foot + out, foot + out + up, foot + up])
        for quad in (face, face[::-1]):
            build.add(quad, paint, 0.5)
