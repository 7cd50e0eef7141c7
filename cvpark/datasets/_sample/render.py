"""Pictures of the lot: ground, shadows, then everything that stands on it from far to near."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from . import draw
from .camera import Camera, Window
from .ground import Surface
from .light import Light
from .plants import Plant
from .scene import Stay

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
    box: draw.Box
    glare: NDArray[np.float64]
    """Column and row of shining lamps, and 1 for a tail lamp or 0, shape (m, 3)."""


@dataclass(frozen=True)
class Growth:
    """A plant, or its shadow, as one camera sees it."""

    plant: Plant
    depth: float
    strokes: NDArray[np.float64]
    thickness: NDArray[np.float64]
    leaves: NDArray[np.float64]
    box: draw.Box


def grow(camera: Camera, plants: Sequence[Plant]) -> list[Growth]:
    """The plants that a camera has in sight."""
    feet = camera.project(np.array([(*plant.foot, 1.5) for plant in plants]))
    return [
        _project(camera, plant, plant.strokes, plant.leaves)
        for plant, (column, row, depth) in zip(plants, feet, strict=True)
        if depth > 3 and -500 < column < 3100 and -400 < row < 2400
    ]


def _project(
    camera: Camera, plant: Plant, strokes: NDArray[np.float64], leaves: NDArray[np.float64]
) -> Growth:
    strokes, leaves = camera.project(strokes), camera.project(leaves)
    return Growth(
        plant=plant,
        depth=float(math.hypot(*(plant.foot - camera.position[:2]))),
        strokes=strokes[..., :2],
        thickness=plant.thickness * camera.focal / np.maximum(strokes[:, 0, 2], 3.0),
        leaves=leaves[..., :2],
        box=draw.bounds(strokes, leaves),
    )


class Capture:
    """What one camera sees at one time.

    Parameters
    ----------
    camera : Camera
    light : Light
    stays : sequence of Stay
        The cars that are there.
    growths : sequence of Growth
        What grows there.
    """

    def __init__(
        self, camera: Camera, light: Light, stays: Sequence[Stay], growths: Sequence[Growth]
    ) -> None:
        self.camera, self.light = camera, light
        self._shade_edge = _building_shadow(light)
        self._stays = stays
        middles = np.array([(stay.slot.x, stay.slot.y, 0.8) for stay in stays])
        self._places = camera.project(middles.reshape(-1, 3))
        self._metre = camera.focal / np.maximum(self._places[:, 2:], 1.0)
        self._bodies: dict[int, _Body] = {}
        self._shadows: dict[int, list[tuple[NDArray[np.float64], draw.Box]]] = {}
        self._growths = growths
        self._boughs = [self._bough(growth.plant) for growth in growths] if light.hard else []

    def _bough(self, plant: Plant) -> Growth:
        """The shadow of a plant."""
        strokes, leaves = _cast(plant.strokes, self.light), _cast(plant.leaves, self.light)
        return _project(self.camera, plant, strokes, leaves)

    def render(self, window: Window, surface: Surface) -> NDArray[np.uint8]:
        """A sharp RGB picture of a window."""
        image = self._ground(window, surface)
        bodies = [self._body(index) for index in self._near(window, _BODY_REACH)]
        things: list[_Body | Growth] = [*self._growths, *bodies]
        for thing in sorted(things, key=lambda thing: -thing.depth):
            if not draw.overlap(thing.box, window):
                continue
            if isinstance(thing, _Body):
                draw.fill_faces(image, window, thing.corners, thing.colours)
            else:
                _draw_growth(image, window, thing, self.light)
        glare = np.concatenate([np.zeros((0, 3)), *(body.glare for body in bodies)])
        if len(glare):
            _add_glare(image, window, glare)
        return image

    def _near(self, window: Window, reach: float) -> list[int]:
        """Cars within so many metres of a window."""
        low = np.array([window.left, window.top])
        high = low + np.array([window.span_x, window.span_y])
        places, margin = self._places[:, :2], reach * self._metre
        near = ((places > low - margin) & (places < high + margin)).all(axis=1)
        return [int(k) for k in np.flatnonzero(near & (self._places[:, 2] > 3))]

    def _ground(self, window: Window, surface: Surface) -> NDArray[np.uint8]:
        light = self.light
        sky_share, sun_share = self._masks(window, surface)
        wet = np.float32(light.wet)
        darker = 1 - 0.45 * wet * (1 - 0.5 * surface.grass)
        gloss = wet * (0.02 + 0.07 * surface.puddle) * (1 - surface.grass) * sky_share
        image = np.empty((window.height, window.width, 3), np.uint8)
        for k in range(3):
            sky, sun = np.float32(light.sky[k]), np.float32(light.sun[k] * light.to_sun[2])
            incoming = (sky_share * sky + sun_share * sun) * darker
            image[..., k] = light.develop(surface.albedo[k] * incoming + gloss * sky, k)
        return image

    def _masks(
        self, window: Window, surface: Surface
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Share of sky and of sun that reaches each pixel of the ground."""
        sun = np.full((window.height, window.width), 255, np.uint8)
        coarse = draw.coarse(window)
        sky = np.full((coarse.height, coarse.width), 255, np.uint8)
        hard = self.light.hard
        for index in self._near(window, _SHADOW_REACH if hard else _BODY_REACH):
            contact, *cast = self._footprints(index)
            draw.fill(sky, coarse, contact[0], 0)
            for outline, box in cast:
                if draw.overlap(box, window):
                    draw.fill(sun, window, outline, 0)
        for bough in self._boughs:
            if draw.overlap(bough.box, window):
                draw.strokes(sun, window, bough.strokes, bough.thickness, (0,))
                draw.fill_all(sun, window, bough.leaves, (0,))
        sky = draw.enlarge(draw.soften(sky, coarse, 17), window)
        diffuse = sky.astype(np.float32) / np.float32(255)
        if not hard:
            return diffuse, np.zeros_like(diffuse)
        direct = draw.soften(sun, window, 3).astype(np.float32) / np.float32(255)
        return diffuse, direct * np.clip((surface.distance - self._shade_edge) * 2 + 0.5, 0, 1)

    def _footprints(self, index: int) -> list[tuple[NDArray[np.float64], draw.Box]]:
        """Outline and box of a car's contact with the ground and, in the sun, of its shadows."""
        if index not in self._shadows:
            stay = self._stays[index]
            hull = stay.to_world(stay.car.hull)
            ground = hull * (1, 1, 0)
            shapes = [ground]
            if self.light.hard:
                cabin = stay.to_world(stay.car.cabin)
                shapes += [_cast(np.vstack([hull, ground]), self.light), _cast(cabin, self.light)]
            outlines = [draw.convex(self.camera.project(shape)[:, :2]) for shape in shapes]
            self._shadows[index] = [(outline, draw.bounds(outline)) for outline in outlines]
        return self._shadows[index]

    def _body(self, index: int) -> _Body:
        if index not in self._bodies:
            self._bodies[index] = self._see(self._stays[index])
        return self._bodies[index]

    def _see(self, stay: Stay) -> _Body:
        """Project and shade a car."""
        car, camera, light = stay.car, self.camera, self.light
        normals = stay.turn(car.normals)
        views = camera.position - stay.to_world(car.centres)
        distance = np.sqrt((views * views).sum(axis=1, keepdims=True))
        views /= distance
        shown = (normals * views).sum(axis=1) > 0
        albedo = car.albedo[shown]
        lit = float(np.clip((stay.slot.y - self._shade_edge) * 0.5 + 0.5, 0, 1))
        radiance = light.shade(albedo, car.gloss[shown], normals[shown], views[shown], lit)
        burning = car.lamps[shown] & (light.lamps and stay.lamps_on)
        radiance[burning] = radiance[burning] * 2 + 4 * albedo[burning]
        tail = albedo[burning, 0] > 3 * albedo[burning, 1]
        corners = camera.project(stay.to_world(car.quads[shown]))[..., :2]
        return _Body(
            depth=float(distance.mean()),
            corners=corners,
            colours=light.develop(radiance),
            box=draw.bounds(corners),
            glare=np.column_stack([corners[burning].mean(axis=1), tail]),
        )


def _building_shadow(light: Light) -> float:
    """Up to which y the building shades the lot."""
    _, y, z = light.to_sun
    return _ROOF * -y / z if light.hard and y < 0 else -1e3


def _cast(points: NDArray[np.float64], light: Light) -> NDArray[np.float64]:
    """Shadows of points on the ground."""
    x, y, z = light.to_sun
    fall = points[..., 2:] / z
    shadows: NDArray[np.float64] = points - fall * np.array([x, y, z])
    return shadows


def _draw_growth(image: NDArray[np.uint8], window: Window, growth: Growth, light: Light) -> None:
    bright = np.array(light.sky) * 0.8 + np.array(light.sun) * 0.5
    bark, *tints = light.develop(np.array([growth.plant.bark, *growth.plant.tints]) * bright)
    draw.strokes(image, window, growth.strokes, growth.thickness, tuple(bark.tolist()))
    for k, tint in enumerate(tints):
        draw.fill_all(image, window, growth.leaves[k :: len(tints)], tuple(tint.tolist()))


def _add_glare(image: NDArray[np.uint8], window: Window, glare: NDArray[np.float64]) -> None:
    """Light of lamps spreads in the lens."""
    coarse = draw.coarse(window)
    bloom = np.zeros((coarse.height, coarse.width, 3), np.uint8)
    for lamp in glare:
        colour = (255, 40, 30) if lamp[2] else (255, 245, 225)
        draw.disc(bloom, coarse, lamp[:2], 16, colour)
    cv2.add(image, draw.enlarge(draw.soften(bloom, coarse, 12), window), dst=image)
