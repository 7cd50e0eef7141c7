"""Plants and their shadows as a camera sees them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from . import draw
from .camera import Camera, Window
from .light import Light
from .plants import Plant


@dataclass(frozen=True)
class Growth:
    """A plant, or its shadow, in full-frame pixels; boxes as those of `draw.boxes`."""

    plant: Plant
    depth: float
    strokes: NDArray[np.float64]
    thickness: NDArray[np.float64]
    leaves: NDArray[np.float64]
    stroke_boxes: NDArray[np.float64]
    leaf_boxes: NDArray[np.float64]
    box: NDArray[np.float64]
    """Of all of it, shape (4,)."""


@dataclass(frozen=True)
class Cut:
    """What shows of a plant in a window, in fixed point."""

    plant: Plant
    depth: float
    strokes: list[tuple[int, list[NDArray[np.int32]]]]
    """Width in pixels and lines."""
    leaves: list[list[NDArray[np.int32]]]
    """Those of each tint."""

    def draw(self, image: NDArray[np.uint8], colours: Sequence[tuple[int, ...]]) -> None:
        """Draw it in the colours of bark and leaves."""
        bark, *tints = colours
        for width, lines in self.strokes:
            draw.strokes(image, lines, width, bark)
        for leaves, tint in zip(self.leaves, tints, strict=True):
            draw.fill_all(image, leaves, tint)


def _project(
    camera: Camera, plant: Plant, strokes: NDArray[np.float64], leaves: NDArray[np.float64]
) -> Growth:
    """A plant whose strokes and leaves are at these places in the world."""
    strokes, leaves = camera.project(strokes), camera.project(leaves)
    thickness = plant.thickness * camera.focal / np.maximum(strokes[:, 0, 2], 3.0)
    stroke_boxes = draw.boxes(strokes)
    stroke_boxes[:, :2] -= thickness[:, None]
    stroke_boxes[:, 2:] += thickness[:, None]
    leaf_boxes = draw.boxes(leaves)
    parts = np.concatenate([stroke_boxes, leaf_boxes])
    return Growth(
        plant=plant,
        depth=float(math.hypot(*(plant.foot - camera.position[:2]))),
        strokes=strokes[..., :2],
        thickness=thickness,
        leaves=leaves[..., :2],
        stroke_boxes=stroke_boxes,
        leaf_boxes=leaf_boxes,
        box=np.concatenate([parts[:, :2].min(axis=0), parts[:, 2:].max(axis=0)]),
    )


class Grove:
    """What a camera has in sight of plants, or of their shadows."""

    def __init__(self, camera: Camera, growths: Sequence[Growth]) -> None:
        self._camera, self._growths = camera, growths
        self._boxes = np.array([growth.box for growth in growths]).reshape(-1, 4)

    def shadows(self, light: Light) -> Grove:
        """Their shadows on the ground; none without a sun."""
        plants = [growth.plant for growth in self._growths if light.hard]
        growths = [
            _project(self._camera, plant, light.cast(plant.strokes), light.cast(plant.leaves))
            for plant in plants
        ]
        return Grove(self._camera, growths)

    def cut(self, window: Window) -> list[Cut]:
        """What shows of them in a window."""
        shown = np.flatnonzero(draw.seen(self._boxes, window)).tolist()
        return [_cut(self._growths[k], window) for k in shown]


def grow(camera: Camera, plants: Sequence[Plant]) -> Grove:
    """The plants that a camera has in sight."""
    feet = camera.project(np.array([(*plant.foot, 1.5) for plant in plants]))
    growths = [
        _project(camera, plant, plant.strokes, plant.leaves)
        for plant, (column, row, depth) in zip(plants, feet, strict=True)
        if depth > 3 and -500 < column < 3100 and -400 < row < 2400
    ]
    return Grove(camera, growths)


def _cut(growth: Growth, window: Window) -> Cut:
    return Cut(growth.plant, growth.depth, _strokes(growth, window), _leaves(growth, window))


def _strokes(growth: Growth, window: Window) -> list[tuple[int, list[NDArray[np.int32]]]]:
    shown = np.flatnonzero(draw.seen(growth.stroke_boxes, window))
    # A line is a pixel wide at least: of thinner ones a part stands for all.
    turns = shown * 0.618034
    shown = shown[turns - np.floor(turns) < np.maximum(growth.thickness[shown] * window.scale, 0.2)]
    widths = np.floor(growth.thickness[shown] * window.scale + 0.5)
    widths = np.minimum(np.maximum(widths, 1), 60).astype(np.int32)
    lines = draw.fixed(window, growth.strokes[shown])
    return [(width, list(lines[widths == width])) for width in sorted(set(widths.tolist()))]


def _leaves(growth: Growth, window: Window) -> list[list[NDArray[np.int32]]]:
    shown = draw.seen(growth.leaf_boxes, window)
    turns = len(growth.plant.tints)
    return [
        list(draw.fixed(window, growth.leaves[k::turns][shown[k::turns]])) for k in range(turns)
    ]
