"""The lot, its slots and who parks where and when."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from .camera import FRAME_HEIGHT, FRAME_WIDTH, Camera
from .cars import make_car
from .mesh import Mesh
from .plants import Plant, make_lamppost, make_reeds, make_tree

WIDTH = 2.5
"""Of a slot, metres."""
LENGTH = 5.0
LEFT, RIGHT = -45.0, 45.0
"""Ends of the rows."""
_FLEET = 160
# Slots a camera watches, at most.
_MARKED = 26


@dataclass(frozen=True)
class Row:
    """A row of slots along x, from `near` to `far`."""

    near: float
    far: float
    pitch: float
    parallel: bool = False


ROWS = (
    Row(7.2, 9.4, 5.6, parallel=True),
    Row(13.4, 18.4, WIDTH),
    Row(25.0, 30.0, WIDTH),
    Row(32.6, 37.6, WIDTH),
    Row(44.0, 49.0, WIDTH),
)
GRASS = ((9.7, 13.0), (30.2, 32.3), (49.2, 54.0))
"""Strips of grass between kerbs, from y to y."""


@dataclass(frozen=True)
class Slot:
    """A marked place for one car."""

    number: int
    x: float
    y: float
    parallel: bool


@dataclass(frozen=True)
class View:
    """A slot as one camera sees it: a square box in full-frame pixels."""

    slot: Slot
    left: int
    top: int
    side: int


@dataclass(frozen=True)
class Stay:
    """A car in a slot from one hour to another."""

    slot: Slot
    start: float
    end: float
    car: Mesh
    place: tuple[float, float, float, float]
    """World x and y of the car's middle, and its heading."""
    lamps_on: bool
    """Whether the driver has just come or is about to leave."""

    @cached_property
    def box(self) -> NDArray[np.float64]:
        """The car's `Mesh.box` in the world, shape (12, 3)."""
        return self.to_world(self.car.box)

    def to_world(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Coordinates of the car (..., 3) to those of the world."""
        x, y, cos, sin = self.place
        placed = np.empty_like(points)
        placed[..., 0] = points[..., 0] * cos - points[..., 1] * sin + x
        placed[..., 1] = points[..., 0] * sin + points[..., 1] * cos + y
        placed[..., 2] = points[..., 2]
        return placed

    def turn_back(self, x: float, y: float, z: float) -> NDArray[np.float64]:
        """A direction in the world as one of the car."""
        _, _, cos, sin = self.place
        return np.array([x * cos + y * sin, y * cos - x * sin, z])


@dataclass(frozen=True)
class Lot:
    """What stays from day to day."""

    slots: tuple[Slot, ...]
    plants: tuple[Plant, ...]
    fleet: tuple[Mesh, ...]
    """Cars that come again from day to day."""
    cameras: tuple[Camera, ...]
    views: tuple[tuple[View, ...], ...]
    """Slots in sight of each camera."""


def make_lot(seed: np.random.SeedSequence, n_cameras: int) -> Lot:
    """A car park with its cameras."""
    rng = np.random.default_rng(seed)
    slots: list[Slot] = []
    for row in ROWS:
        for k in range(int((RIGHT - LEFT) / row.pitch)):
            x = LEFT + (k + 0.5) * row.pitch
            slots.append(Slot(101 + len(slots), x, (row.near + row.far) / 2, row.parallel))
    cameras = tuple(_make_camera(rng, number) for number in range(1, n_cameras + 1))
    views = tuple(_views(rng, camera, slots) for camera in cameras)
    fleet = tuple(make_car(rng) for _ in range(_FLEET))
    return Lot(tuple(slots), _make_plants(rng), fleet, cameras, views)


def _make_camera(rng: np.random.Generator, number: int) -> Camera:
    pans = (-17.0, -6.0, 0.0, 7.0, 16.0)
    return Camera(
        number=number,
        x=float(rng.uniform(-18, 18)),
        height=float(rng.uniform(9.0, 11.0)),
        pan=pans[(number - 1) % len(pans)] + float(rng.uniform(-4, 4)),
        tilt=float(rng.uniform(28, 32)),
        focal=float(rng.uniform(2350, 2700)),
        softness=float(rng.uniform(0.6, 1.8)),
        haze=float(rng.uniform(0.0, 0.08)),
        cast=(float(rng.uniform(0.97, 1.10)), 1.0, float(rng.uniform(0.80, 1.06))),
    )


def _views(rng: np.random.Generator, camera: Camera, slots: list[Slot]) -> tuple[View, ...]:
    """Boxes as the dataset draws them: about as wide as a slot, around the body of a car."""
    views = []
    for slot in slots:
        # A steep look along the row would show the neighbours instead.
        if not slot.parallel and abs(slot.x - camera.x) > 0.5 * slot.y:
            continue
        # The boxes of parallel slots lie over the far half of the cars.
        aim, stray = ((0.6, 0.85), 0.14) if slot.parallel else ((0.3, 0.65), 0.05)
        column, row, depth = camera.project(np.array([slot.x, slot.y + aim[0], aim[1]]))
        side = camera.focal * WIDTH / max(depth, 1.0) * rng.uniform(0.92, 1.08)
        side = int(min(max(round(side / 10) * 10, 120), 440))
        left = int(column - side / 2 + side * rng.normal(0, stray))
        top = int(row - side / 2 + side * rng.normal(0, 0.05))
        inside = left >= 0 and top >= 0 and left + side <= FRAME_WIDTH
        if depth > 5 and inside and top + side <= FRAME_HEIGHT and depth < 55:
            views.append(View(slot, left, top, side))
    marked = np.sort(rng.permutation(len(views))[:_MARKED])
    return tuple(views[k] for k in marked)


def _make_plants(rng: np.random.Generator) -> tuple[Plant, ...]:
    plants: list[Plant] = []
    for near, far in GRASS:
        x = LEFT + rng.uniform(0, 5)
        while x < RIGHT:
            y = rng.uniform(near + 0.3, far - 0.3)
            make = (make_tree, make_reeds, make_lamppost)[rng.choice(3, p=(0.62, 0.30, 0.08))]
            plants.append(make(rng, x, y))
            x += rng.uniform(2.2, 7.0)
    return tuple(plants)


def make_stays(seed: np.random.SeedSequence, lot: Lot, demand: float) -> list[Stay]:
    """Who parks where on one day; `demand` is about the share of busy slots at noon."""
    rng = np.random.default_rng(seed)
    stays: list[Stay] = []
    for slot in lot.slots:
        popular = demand + (0.12 if slot.y < 31 else -0.12)
        clock = 6.0 + 4 * rng.random() ** 2
        while clock < 18:
            if rng.random() > popular:
                clock += rng.uniform(1.0, 4.0)
                continue
            leave = clock + rng.gamma(4.0, 0.9)
            car = lot.fleet[rng.integers(0, len(lot.fleet))]
            place, lamps_on = _park(rng, slot), bool(rng.random() < 0.12)
            stays.append(Stay(slot, clock, leave, car, place, lamps_on))
            clock = leave + rng.exponential(0.7)
    return stays


def _park(rng: np.random.Generator, slot: Slot) -> tuple[float, float, float, float]:
    """Where a car stands in its slot: a little off and askew, nose in or out."""
    angle = float(rng.normal(0, 0.03))
    sign = -1.0 if rng.random() < 0.5 else 1.0
    cos, sin = round(sign * math.cos(angle), 9), round(sign * math.sin(angle), 9)
    across, along = rng.normal(0, 0.17), rng.normal(0.1, 0.4)
    if rng.random() < 0.03:  # who comes late parks on the line
        across += float(rng.choice([-1, 1])) * rng.uniform(0.4, 1.0)
    if slot.parallel:
        return slot.x + along, slot.y + 0.4 * across, cos, sin
    return slot.x + across, slot.y + along, -sin, cos


def parked(stays: list[Stay], hour: float) -> list[Stay]:
    """Who stands there at an hour."""
    return [stay for stay in stays if stay.start <= hour < stay.end]
