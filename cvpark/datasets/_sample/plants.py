"""Trees and lampposts that stand before the slots."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_LEAVES = (
    (0.21, 0.12, 0.035),
    (0.15, 0.075, 0.026),
    (0.09, 0.060, 0.028),
    (0.12, 0.105, 0.030),
    (0.05, 0.065, 0.020),
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
    """A small tree in autumn: a trunk, branches that fork, and leaves on the thin ones."""
    height = rng.uniform(3.2, 5.2)
    lean = np.array([*rng.normal(0, 0.05, 2), 1.0])
    foot, fork, top = (np.array([x, y, 0.0]) + lean * (share * height) for share in (0, 0.35, 0.9))
    trunk = rng.uniform(0.05, 0.10)
    strokes, thickness = [(foot, fork), (fork, top)], [trunk, 0.5 * trunk]
    ends = [(fork, top, 0.5 * trunk)]
    twigs: list[NDArray[np.float64]] = []
    # Branches of the trunk, their forks, and twigs, each along the one they grow on.
    for count, reach, thin in ((11, 0.36, 0.4), (3, 0.55, 0.6), (2, 0.6, 0.7)):
        grown = []
        for start, end, thick in ends:
            for share in rng.uniform(0.15, 1.0, count).tolist():
                aside = rng.normal(0, 1, 3) * (1, 1, 0.4)
                heading = (end - start) / _length(end - start) + aside * 1.1 / _length(aside)
                size = (height if len(ends) == 1 else _length(end - start)) * reach
                size *= rng.uniform(0.6, 1.1) * (1.2 - 0.6 * share)
                at = start + (end - start) * share
                tip = at + heading * (size / _length(heading))
                strokes.append((at, tip))
                thickness.append(thick * thin)
                grown.append((at, tip, thick * thin))
                if len(ends) > 1:
                    twigs.append(np.stack([at, tip]))
        ends = grown
    density = float(rng.choice([0.0, 0.6, 2.5, 6.0, 12.0], p=[0.25, 0.2, 0.2, 0.2, 0.15]))
    count = int(len(twigs) * density)
    chosen = np.array(twigs)[rng.integers(0, len(twigs), count)]
    share = rng.random((count, 1))
    leaves = chosen[:, 0] * (1 - share) + chosen[:, 1] * share + rng.normal(0, 0.1, (count, 3))
    first = int(rng.integers(0, len(_LEAVES)))
    tints = tuple(_LEAVES[(first + k) % len(_LEAVES)] for k in range(3))
    bark = (0.08, 0.068, 0.055) if rng.random() < 0.6 else (0.14, 0.125, 0.105)
    corners = leaves[:, None] + rng.normal(0, rng.uniform(0.022, 0.042), (count, 4, 3))
    return Plant(foot[:2], np.array(strokes), np.array(thickness), bark, corners, tints)


def _length(vector: NDArray[np.float64]) -> float:
    return math.sqrt(float((vector * vector).sum()))


def make_reeds(rng: np.random.Generator, x: float, y: float) -> Plant:
    """Dry stems that fan out from the ground, or the rods of a shrub, with leaves or bare."""
    count = int(rng.integers(100, 300))
    spread, height = rng.uniform(0.3, 0.8), rng.uniform(0.9, 2.3)
    feet = np.array([x, y, 0.0]) + rng.normal(0, (spread, 0.3 * spread, 0), (count, 3))
    tips = feet + rng.normal(0, 0.22 * height, (count, 3)) * (1, 1, 0)
    tips[:, 2] = height * rng.uniform(0.5, 1.1, count)
    bark = ((0.15, 0.115, 0.07), (0.09, 0.07, 0.05), (0.13, 0.115, 0.085))[int(rng.integers(0, 3))]
    strokes = np.stack([feet, tips], axis=1)
    thickness = rng.uniform(0.004, 0.014, count)
    leaves = int(rng.choice([0, count, 3 * count]))
    chosen, share = strokes[rng.integers(0, count, leaves)], rng.uniform(0.3, 1.0, (leaves, 1, 1))
    middles = chosen[:, :1] * (1 - share) + chosen[:, 1:] * share
    corners = middles + rng.normal(0, 0.035, (leaves, 4, 3))
    first = int(rng.integers(0, len(_LEAVES) - 1))
    tints = (_LEAVES[first], _LEAVES[first + 1], bark)
    return Plant(np.array([x, y]), strokes, thickness, bark, corners, tints)


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
        tuple((grey, grey, 0.96 * grey) for grey in (0.40, 0.38, 0.30, 0.19, 0.09)),
    )


def _globe(middle: NDArray[np.float64]) -> NDArray[np.float64]:
    """A disc that faces the cameras, of five quadrilaterals from top to bottom."""
    turns = np.arange(90, 450, 30) * (math.pi / 180)
    rim = middle + 0.17 * np.round(np.stack([np.cos(turns), 0 * turns, np.sin(turns)], axis=1), 9)
    return np.stack([rim[[k, k + 1, 10 - k, 11 - k]] for k in range(5)])
