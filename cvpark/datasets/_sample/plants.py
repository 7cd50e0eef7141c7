"""Trees and lampposts that stand before the slots."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_LEAVES = (
    (0.30, 0.17, 0.03),
    (0.22, 0.10, 0.02),
    (0.13, 0.12, 0.03),
    (0.05, 0.08, 0.02),
)


@dataclass(frozen=True)
class Plant:
    """Something thin that stands on the ground.

    Attributes
    ----------
    foot : ndarray, shape (2,)
    strokes : ndarray, shape (n, 2, 3)
        Line segments from end to end, in world coordinates.
    thickness : ndarray, shape (n,)
        Metres.
    bark : tuple of float
        Linear RGB of the strokes.
    leaves : ndarray, shape (m, 4, 3)
        Corners of the leaves, or of a lamp, in world coordinates.
    tints : tuple of tuple of float
        Linear RGB of the leaves, in turns.
    """

    foot: NDArray[np.float64]
    strokes: NDArray[np.float64]
    thickness: NDArray[np.float64]
    bark: tuple[float, float, float]
    leaves: NDArray[np.float64]
    tints: tuple[tuple[float, float, float], ...]


def make_tree(rng: np.random.Generator, x: float, y: float) -> Plant:
    """A small tree in autumn: a trunk, forking branches, and leaves on the thin ones."""
    height = rng.uniform(3.0, 5.0)
    fork = rng.uniform(0.3, 0.5) * height
    lean = rng.normal(0, 0.12, 2)
    foot, crown = np.array([x, y, 0.0]), np.array([x + lean[0], y + lean[1], fork])
    strokes, thickness = [(foot, crown)], [rng.uniform(0.05, 0.11)]
    ends = [(crown, np.array([0, 0, 1.0]), height - fork, thickness[0])]
    twigs: list[NDArray[np.float64]] = []
    for level in range(4):
        grown = []
        for start, heading, reach, thick in ends:
            for _ in range(int(rng.integers(2, 4 if level else 5))):
                turn = heading + rng.normal(0, 0.5 if level else 0.65, 3) * (1, 1, 0.7)
                turn = turn / math.sqrt(float((turn * turn).sum()))
                length = reach * rng.uniform(0.35, 0.6)
                end = start + turn * length
                strokes.append((start, end))
                thickness.append(thick * 0.55)
                grown.append((end, turn, reach * 0.68, thick * 0.55))
                if level >= 2:
                    twigs.append(np.stack([start, end]))
        ends = grown
    density = float(rng.choice([0.0, 0.6, 3.0, 9.0], p=[0.4, 0.2, 0.2, 0.2]))
    count = int(len(twigs) * density)
    chosen = np.array(twigs)[rng.integers(0, len(twigs), count)]
    share = rng.random((count, 1))
    leaves = chosen[:, 0] * (1 - share) + chosen[:, 1] * share + rng.normal(0, 0.1, (count, 3))
    first = int(rng.integers(0, len(_LEAVES)))
    tints = (_LEAVES[first], _LEAVES[(first + 1) % len(_LEAVES)])
    bark = (0.09, 0.075, 0.06) if rng.random() < 0.6 else (0.2, 0.18, 0.15)
    corners = leaves[:, None] + rng.normal(0, rng.uniform(0.03, 0.06), (count, 4, 3))
    return Plant(foot[:2], np.array(strokes), np.array(thickness), bark, corners, tints)


def make_reeds(rng: np.random.Generator, x: float, y: float) -> Plant:
    """Dry stems that fan out from the ground, or the bare rods of a shrub."""
    count = int(rng.integers(80, 240))
    spread, height = rng.uniform(0.3, 0.8), rng.uniform(0.9, 2.3)
    feet = np.array([x, y, 0.0]) + rng.normal(0, (spread, 0.3 * spread, 0), (count, 3))
    tips = feet + rng.normal(0, 0.22 * height, (count, 3)) * (1, 1, 0)
    tips[:, 2] = height * rng.uniform(0.5, 1.1, count)
    bark = ((0.24, 0.17, 0.09), (0.11, 0.08, 0.055), (0.17, 0.14, 0.10))[int(rng.integers(0, 3))]
    strokes = np.stack([feet, tips], axis=1)
    thickness = rng.uniform(0.006, 0.022, count)
    return Plant(np.array([x, y]), strokes, thickness, bark, np.zeros((0, 4, 3)), (bark,))


def make_lamppost(rng: np.random.Generator, x: float, y: float) -> Plant:
    """A post with a round lamp."""
    height = rng.uniform(3.2, 4.5)
    foot, top = np.array([x, y, 0.0]), np.array([x, y, height])
    return Plant(
        foot[:2],
        np.array([(foot, top)]),
        np.array([0.09]),
        (0.15, 0.155, 0.16),
        _globe(top),
        ((0.40, 0.40, 0.38),),
    )


def _globe(middle: NDArray[np.float64]) -> NDArray[np.float64]:
    """A disc that faces the cameras, of quadrilaterals."""
    turns = np.arange(0, 360, 30) * (math.pi / 180)
    rim = middle + 0.17 * np.round(np.stack([np.cos(turns), 0 * turns, np.sin(turns)], axis=1), 9)
    return np.stack([rim[[k, k + 1, 10 - k, 11 - k]] for k in range(5)])
