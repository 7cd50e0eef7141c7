"""Pictures of the lot: ground, shadows, then everything that stands on it from far to near."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from .camera import Camera, Window
from .ground import Surface
from .light import Light
from .plants import Plant
from .scene import Stay

_SHIFT = 4
_ROOF = 10.5
# Metres around the middle of a slot that its car, and the car's shadow, may cover.
_BODY_REACH, _SHADOW_REACH = 3.3, 8.0


@dataclass
class _Body:
    """A car as one camera sees it at one time."""

    depth: float
    corners: NDArray[np.float64]
    """Visible faces in drawing order, shape (n, 4, 2), full-frame pixels."""
    colours: NDArray[np.uint8]
    box: NDArray[np.float64]
    """Left, top, right, bottom."""
    glare: NDArray[np.float64]
    """Centres of shining lamps, shape (m, 2)."""


@dataclass
class _Growth:
    """A plant, or its shadow, as one camera sees it."""

    depth: float
    strokes: NDArray[np.float64]
    thickness: NDArray[np.float64]
    leaves: NDArray[np.float64]
    box: NDArray[np.float64]
    bark: NDArray[np.uint8]
    tints: NDArray[np.uint8]


class Capture:
    """What one camera sees at one time.

    Parameters
    ----------
    camera : Camera
    light : Light
    stays : sequence of Stay
        The cars that are there.
    plants : sequence of Plant
    """

    def __init__(
        self, camera: Camera, light: Light, stays: Sequence[Stay], plants: Sequence[Plant]
    ) -> None:
        self.camera, self.light = camera, light
        self._shade_edge = _building_shadow(light)
        self._stays = stays
        self._places = camera.project(np.array([(s.slot.x, s.slot.y, 0.8) for s in stays]))
        self._bodies: dict[int, _Body] = {}
        self._shadows: dict[int, list[NDArray[np.float64]]] = {}
        feet = camera.project(np.array([(*plant.foot, 1.5) for plant in plants]))
        shown = [plant for plant, place in zip(plants, feet, strict=True) if _in_sight(place)]
        self._growths = [self._grow(plant) for plant in shown]
        self._boughs = [self._grow(plant, flat=True) for plant in shown] if light.hard else []

    def render(self, window: Window, surface: Surface) -> NDArray[np.uint8]:
        """A sharp RGB picture of a window."""
        low = np.array([window.left, window.top])
        high = low + (window.span_x, window.span_y)
        image = self._ground(window, surface, self._near(low, high, _SHADOW_REACH))
        bodies = [self._body(k) for k in self._near(low, high, _BODY_REACH)]
        things: list[_Body | _Growth] = [*self._growths, *bodies]
        for thing in sorted(things, key=lambda thing: -thing.depth):
            if _overlap(thing.box, window):
                if isinstance(thing, _Body):
                    _draw_body(image, window, thing)
                else:
                    _draw_growth(image, window, thing)
        return image

    def _near(
        self, low: NDArray[np.float64], high: NDArray[np.float64], reach: float
    ) -> list[int]:
        """Cars within so many metres of the rectangle between two corners."""
        depth = self._places[:, 2:]
        margin = reach * self.camera.focal / np.maximum(depth, 1.0)
        places = self._places[:, :2]
        near = ((places > low - margin) & (places < high + margin)).all(axis=1)
        return [int(k) for k in np.flatnonzero(near & (depth[:, 0] > 3))]

    def _ground(
        self, window: Window, surface: Surface, near: list[int]
    ) -> NDArray[np.uint8]:
        light = self.light
        sky_share, sun_share = self._masks(window, surface, near)
        wet = np.float32(light.wet)
        darker = 1 - 0.45 * wet * (1 - 0.5 * surface.grass)
        gloss = wet * (0.02 + 0.10 * surface.puddle) * (1 - surface.grass) * sky_share
        radiance = np.empty((window.height, window.width, 3), np.float32)
        for k in range(3):
            sky, sun = np.float32(light.sky[k]), np.float32(light.sun[k] * light.to_sun[2])
            incoming = (sky_share * sky + sun_share * sun) * darker
            radiance[..., k] = surface.albedo[k] * incoming + gloss * sky
        return light.develop(radiance)

    def _masks(
        self, window: Window, surface: Surface, near: list[int]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Share of sky and of sun that reaches each pixel of the ground."""
        # Contact shadows are so soft that a quarter of the pixels will do.
        coarse = replace(window, width=window.width // 4, height=window.height // 4)
        sky = np.full((coarse.height, coarse.width), 255, np.uint8)
        sun = np.full((window.height, window.width), 255, np.uint8)
        for contact, *cast in (self._footprints(k) for k in near):
            _fill(sky, coarse, contact, 40)
            for outline in cast:
                _fill(sun, window, outline, 0)
        for bough in self._boughs:
            if _overlap(bough.box, window):
                _draw_strokes(sun, window, bough.strokes, bough.thickness, (0,))
                _fill_many(sun, window, bough.leaves, (0,))
        sky = cv2.GaussianBlur(sky, (0, 0), round(max(0.6, 22 * coarse.scale), 1))
        sky = cv2.resize(sky, (window.width, window.height), interpolation=cv2.INTER_LINEAR_EXACT)
        sun = cv2.GaussianBlur(sun, (0, 0), round(max(0.6, 3.0 * window.scale), 1))
        beyond = np.clip((surface.distance - self._shade_edge) * 2 + 0.5, 0, 1)
        return sky.astype(np.float32) / 255, sun.astype(np.float32) / 255 * beyond

    def _footprints(self, index: int) -> list[NDArray[np.float64]]:
        """Outline of a car's contact with the ground and, in the sun, of its shadows."""
        if index not in self._shadows:
            stay = self._stays[index]
            hull = stay.to_world(stay.car.hull)
            ground = hull * (1, 1, 0)
            outlines = [ground]
            if self.light.hard:
                cabin = stay.to_world(stay.car.cabin)
                for points in (np.vstack([hull, ground]), cabin):
                    outlines.append(_cast(points, self.light))
            projected = [self.camera.project(outline)[:, :2] for outline in outlines]
            self._shadows[index] = [_convex(pixels) for pixels in projected]
        return self._shadows[index]

    def _body(self, index: int) -> _Body:
        if index not in self._bodies:
            self._bodies[index] = self._see(self._stays[index])
        return self._bodies[index]

    def _see(self, stay: Stay) -> _Body:
        """Project and shade a car."""
        car, camera, light = stay.car, self.camera, self.light
        quads = stay.to_world(car.quads)
        normals = np.cross(quads[:, 2] - quads[:, 0], quads[:, 3] - quads[:, 1])
        normals /= np.sqrt((normals * normals).sum(axis=1, keepdims=True)) + 1e-12
        centres = quads.mean(axis=1)
        views = camera.position - centres
        distance = np.sqrt((views * views).sum(axis=1, keepdims=True))
        views /= distance
        shown = (normals * views).sum(axis=1) > 0.0
        lit = float(np.clip((stay.slot.y - self._shade_edge) * 0.5 + 0.5, 0, 1))
        radiance = light.shade(
            car.albedo[shown], car.gloss[shown], normals[shown], views[shown], lit
        )
        burning = car.lamps[shown] & (light.lamps and stay.lamps_on)
        radiance[burning] = radiance[burning] * 2 + 4 * car.albedo[shown][burning]
        corners = camera.project(quads[shown])
        return _Body(
            depth=float(distance.mean()),
            corners=corners[..., :2],
            colours=light.develop(radiance),
            box=_bounds(corners),
            glare=corners[burning, :, :2].mean(axis=1),
        )

    def _grow(self, plant: Plant, flat: bool = False) -> _Growth:
        """Project a plant, or with `flat` its shadow."""
        camera, light = self.camera, self.light
        strokes, leaves = plant.strokes, plant.leaves
        if flat:
            strokes, leaves = _cast(strokes, light), _cast(leaves, light)
        strokes, leaves = camera.project(strokes), camera.project(leaves)
        bright = np.array(light.sky) * 0.8 + np.array(light.sun) * 0.5
        return _Growth(
            depth=float(math.hypot(*(plant.foot - camera.position[:2]))),
            strokes=strokes[..., :2],
            thickness=plant.thickness * camera.focal / np.maximum(strokes[:, 0, 2], 3.0),
            leaves=leaves[..., :2],
            box=_bounds(strokes, leaves),
            bark=light.develop(np.array(plant.bark) * bright),
            tints=light.develop(np.array(plant.tints) * bright),
        )


def _overlap(box: NDArray[np.float64], window: Window) -> bool:
    left, top, right, bottom = box.tolist()
    return bool(
        left < window.left + window.span_x
        and right > window.left
        and top < window.top + window.span_y
        and bottom > window.top
    )


def _bounds(*pixels: NDArray[np.float64]) -> NDArray[np.float64]:
    """Left, top, right and bottom of all these points."""
    flat = np.concatenate([points[..., :2].reshape(-1, 2) for points in pixels])
    return np.concatenate([flat.min(axis=0), flat.max(axis=0)])


def _in_sight(place: NDArray[np.float64]) -> bool:
    column, row, depth = place
    return bool(depth > 3 and -500 < column < 3100 and -400 < row < 2400)


def _building_shadow(light: Light) -> float:
    """Up to which y the building shades the lot."""
    x, y, z = light.to_sun
    return _ROOF * -y / z if light.hard and y < 0 else -1e3


def _cast(points: NDArray[np.float64], light: Light) -> NDArray[np.float64]:
    """Shadows of points on the ground."""
    x, y, z = light.to_sun
    fall = points[..., 2:] / z
    return points - fall * np.array([x, y, z])


def _convex(pixels: NDArray[np.float64]) -> NDArray[np.float64]:
    hull = cv2.convexHull(np.floor(pixels * 16).astype(np.int32))
    return hull[:, 0].astype(np.float64) / 16


def _fixed(window: Window, pixels: NDArray[np.float64]) -> NDArray[np.int32]:
    """Full-frame pixels to OpenCV's fixed point."""
    return np.floor(window.place(pixels) * (1 << _SHIFT) + 0.5).clip(-(2**24), 2**24).astype(
        np.int32
    )


def _fill(
    image: NDArray[np.uint8], window: Window, outline: NDArray[np.float64], value: int
) -> None:
    cv2.fillConvexPoly(image, _fixed(window, outline), (value,), cv2.LINE_AA, _SHIFT)


def _fill_many(
    image: NDArray[np.uint8],
    window: Window,
    polygons: NDArray[np.float64],
    colour: tuple[int, ...],
) -> None:
    if len(polygons):
        cv2.fillPoly(image, list(_fixed(window, polygons)), colour, cv2.LINE_AA, _SHIFT)


def _draw_strokes(
    image: NDArray[np.uint8],
    window: Window,
    strokes: NDArray[np.float64],
    thickness: NDArray[np.float64],
    colour: tuple[int, ...],
) -> None:
    drawn = np.clip(np.floor(thickness * window.scale + 0.5), 1, 60).astype(np.int32)
    lines = _fixed(window, strokes)
    for width in np.unique(drawn):
        cv2.polylines(
            image, list(lines[drawn == width]), False, colour, int(width), cv2.LINE_AA, _SHIFT
        )


def _draw_body(image: NDArray[np.uint8], window: Window, body: _Body) -> None:
    corners = _fixed(window, body.corners)
    low, high = corners.min(axis=1), corners.max(axis=1)
    size = np.array([window.width, window.height]) << _SHIFT
    drawn = (low < size).all(axis=1) & (high > 0).all(axis=1)
    for quad, colour in zip(corners[drawn], body.colours[drawn].tolist(), strict=True):
        cv2.fillConvexPoly(image, quad, colour, cv2.LINE_AA, _SHIFT)


def _draw_growth(image: NDArray[np.uint8], window: Window, growth: _Growth) -> None:
    _draw_strokes(image, window, growth.strokes, growth.thickness, tuple(growth.bark.tolist()))
    n_tints = len(growth.tints)
    for k, tint in enumerate(growth.tints.tolist()):
        _fill_many(image, window, growth.leaves[k::n_tints], tuple(tint))
