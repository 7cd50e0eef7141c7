"""Which captures a sample is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from .scene import View


class Day(NamedTuple):
    """A day of one weather, all of it in one split."""

    split: str
    weather: str
    date: str


# Any first part of them keeps all splits and weathers as far as it can.
DAYS = (
    Day("train", "SUNNY", "2015-11-12"),
    Day("val", "OVERCAST", "2015-11-13"),
    Day("test", "RAINY", "2015-11-17"),
    Day("train", "RAINY", "2015-11-18"),
    Day("train", "OVERCAST", "2015-11-19"),
    Day("test", "SUNNY", "2015-11-24"),
    Day("val", "SUNNY", "2015-11-26"),
    Day("test", "OVERCAST", "2015-12-01"),
    Day("train", "SUNNY", "2015-12-02"),
    Day("train", "OVERCAST", "2015-12-04"),
    Day("val", "RAINY", "2015-12-09"),
    Day("train", "RAINY", "2015-12-11"),
)
_HOURS = np.arange(7.0, 18.0, 0.5)
N_CAMERAS = 5
_EACH = 14
MAXIMUM = len(DAYS) * len(_HOURS) * N_CAMERAS * _EACH
"""Number of patches there can be."""


@dataclass(frozen=True)
class Shot:
    """One capture to be rendered."""

    day: int
    """Index into `DAYS`."""
    hour: float
    camera: int
    """Index into the cameras of the lot."""
    n_patches: int


def plan(seed: np.random.SeedSequence, n_patches: int) -> list[Shot]:
    """Which captures to render: turns of all days, with few patches each in a small sample."""
    rng = np.random.default_rng(seed)
    each = min(_EACH, max(4, n_patches // (2 * len(DAYS))))
    hours = [rng.permutation(_HOURS) for _ in DAYS]
    shots: list[Shot] = []
    left = n_patches
    turn = 0
    while left > 0:
        for day in range(len(DAYS)):
            count = min(each, left)
            if count:
                hour = hours[day][turn // N_CAMERAS]
                shots.append(Shot(day, float(hour), (day + turn) % N_CAMERAS, count))
                left -= count
        turn += 1
    return shots


def choose(
    rng: np.random.Generator, views: tuple[View, ...], busy: set[int], count: int
) -> list[View]:
    """Random slots, half of them busy as far as there are enough."""
    order = [views[k] for k in rng.permutation(len(views))]
    taken = [view for view in order if view.slot.number in busy]
    free = [view for view in order if view.slot.number not in busy]
    n_taken = min(len(taken), max(count // 2, count - len(free)))
    chosen = taken[:n_taken] + free[: count - n_taken]
    return sorted(chosen, key=lambda view: view.slot.number)


def clock(hour: float, camera: int) -> str:
    """Cameras take their pictures one minute after the other."""
    minutes = int(hour * 60) + camera
    return f"{minutes // 60:02d}.{minutes % 60:02d}"
