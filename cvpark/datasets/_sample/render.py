"""Pictures of the lot: ground, shadows, then everything that stands on it from far to near."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from . import draw
from .body import Body, see
from .camera import Camera, Window
from .ground import BRIGHTEST, Surface
from .growth import Cut, Grove
from .light import Light
from .scene import Stay

_ROOF = 10.5
_ROOTS = np.rint(np.sqrt(np.arange(256) / 255) * 255).astype(np.uint8)
# Reach of the contact shadows' blur, full-frame pixels.
_MARGIN = 40


@dataclass(frozen=True)
class Setting:
    """What stands still in a window of a camera."""

    window: Window
    surface: Surface
    cuts: Sequence[Cut]


class Capture:
    """What one camera sees at one time.

    Parameters
    ----------
    camera : Camera
    light : Light
    stays : sequence of Stay
        The cars that are there.
    grove : Grove
        What grows there.
    """

    def __init__(self, camera: Camera, light: Light, stays: Sequence[Stay], grove: Grove) -> None:
        self.camera, self.light = camera, light
        self._shade_edge = _building_shadow(light)
        corners = np.array([stay.box for stay in stays]).reshape(-1, 12, 3)
        pixels = camera.project(corners)
        # Those right below the camera, or behind it, are not in sight.
        ahead = pixels[..., 2].min(axis=1) > 2
        self._stays = [stay for stay, shown in zip(stays, ahead, strict=True) if shown]
        self._boxes = draw.boxes(pixels[ahead])
        self._grounds = pixels[ahead, :4, :2]
        on_ground = light.cast(corners[ahead]) if light.hard else corners[ahead, :4]
        self._shadow_boxes = draw.boxes(camera.project(on_ground), _MARGIN)
        self._bodies: dict[int, Body] = {}
        self._outlines: dict[int, list[NDArray[np.float64]]] = {}
        self._boughs = grove.shadows(light)
        self._bright = np.array(light.sky) * 0.8 + np.array(light.sun) * 0.5
        sky, sun = np.array(light.sky), np.array(light.sun) * light.to_sun[2]
        # Shares of sky and sun in each colour's light; under clouds all colours dim alike.
        self._mix, peak = [(1.0, 0.0)], sky
        if light.hard:
            peak = np.full(3, (sky + sun).max())
            # Rounded so that mixing is exact, thus the same on every machine.
            shares = np.rint(np.stack([sky, sun], axis=1) / peak[0] * 4096) / 4096
            self._mix = [(a, b) for a, b in shares.tolist()]
        roots = np.arange(256)[:, None] * (256 / 255**2)
        self._tone = light.develop(roots**2 * (BRIGHTEST * peak))[None]

    def render(self, setting: Setting) -> NDArray[np.uint8]:
        """A sharp RGB picture of a window."""
        window = setting.window
        image = self._ground(setting)
        bodies = [self._body(k) for k in np.flatnonzero(draw.seen(self._boxes, window)).tolist()]
        things: list[Body | Cut] = [*setting.cuts, *bodies]
        for thing in sorted(things, key=lambda thing: -thing.depth):
            if isinstance(thing, Body):
                draw.fill_faces(image, window, thing.corners, thing.colours, thing.boxes)
            else:
                plant = thing.plant
                colours = self.light.develop(np.array([plant.bark, *plant.tints]) * self._bright)
                thing.draw(image, colours.tolist())
        glare = np.concatenate([np.zeros((0, 3)), *(body.glare for body in bodies)])
        if len(glare):
            _add_glare(image, window, glare)
        return image

    def _ground(self, setting: Setting) -> NDArray[np.uint8]:
        surface, wet = setting.surface, round(self.light.wet * 256) / 256
        albedo = surface.dry
        if wet:
            albedo = cv2.addWeighted(albedo, 1 - wet, surface.wet, wet, 0)
        roots = cv2.multiply(albedo, self._incoming(setting), scale=1 / 256)
        return np.asarray(cv2.LUT(roots, self._tone), np.uint8)

    def _incoming(self, setting: Setting) -> NDArray[np.uint8]:
        """Light that reaches each pixel of the ground, as 8-bit roots."""
        window, half = setting.window, draw.coarse(setting.window, 2)
        near = np.flatnonzero(draw.seen(self._shadow_boxes, window)).tolist()
        sky = self._open_sky(half, near)
        sun = self._open_sun(setting, half, near) if self.light.hard else sky
        colours = [
            draw.enlarge(cv2.LUT(cv2.addWeighted(sky, a, sun, b, 0), _ROOTS), window, 2)
            for a, b in self._mix
        ]
        return np.asarray(cv2.merge(colours * (3 // len(colours))), np.uint8)

    def _open_sky(self, window: Window, near: list[int]) -> NDArray[np.uint8]:
        """Share of the sky that cars do not hide, from 0 to 255."""
        coarse = draw.coarse(window, 4)
        sky = np.full((coarse.height, coarse.width), 255, np.uint8)
        draw.fill_all(sky, list(draw.fixed(coarse, self._grounds[near])), (0,))
        return draw.enlarge(draw.soften(sky, coarse, 16), window, 4)

    def _open_sun(self, setting: Setting, half: Window, near: list[int]) -> NDArray[np.uint8]:
        """Share of the sun that nothing hides, from 0 to 255, at half the size."""
        sun = np.full((half.height, half.width), 255, np.uint8)
        for index in near:
            for outline in self._shadows(index):
                draw.fill(sun, half, outline, 0)
        for piece in self._boughs.cut(half):
            piece.draw(sun, [(0,)] * (1 + len(piece.leaves)))
        sun = draw.soften(sun, half, 2.5)
        if self._shade_edge > 0:
            edge = (setting.surface.distance - np.float32(self._shade_edge)) * 2
            sun = (sun * np.clip(edge + np.float32(0.5), 0, 1)).astype(np.uint8)
        return sun

    def _shadows(self, index: int) -> list[NDArray[np.float64]]:
        """Outlines of the shadows of a car's body and cabin."""
        if index not in self._outlines:
            stay = self._stays[index]
            hull, cabin = stay.to_world(stay.car.hull), stay.to_world(stay.car.cabin)
            shapes = np.vstack([self.light.cast(hull), hull * (1, 1, 0)]), self.light.cast(cabin)
            self._outlines[index] = [
                draw.convex(self.camera.project(shape)[:, :2]) for shape in shapes
            ]
        return self._outlines[index]

    def _body(self, index: int) -> Body:
        if index not in self._bodies:
            stay = self._stays[index]
            lit = min(max((stay.slot.y - self._shade_edge) * 0.5 + 0.5, 0.0), 1.0)
            self._bodies[index] = see(stay, self.camera, self.light, lit)
        return self._bodies[index]


def _building_shadow(light: Light) -> float:
    """Up to which y the building shades the lot."""
    _, y, z = light.to_sun
    return _ROOF * -y / z if light.hard and y < 0 else -1e3


def _add_glare(image: NDArray[np.uint8], window: Window, glare: NDArray[np.float64]) -> None:
    """Light of lamps spreads in the lens."""
    coarse = draw.coarse(window, 4)
    bloom = np.zeros((coarse.height, coarse.width, 3), np.uint8)
    for lamp in glare:
        colour = (200, 30, 24) if lamp[2] else (230, 215, 185)
        draw.disc(bloom, coarse, lamp[:2], 12, colour)
    cv2.add(image, draw.enlarge(draw.soften(bloom, coarse, 12), window, 4), dst=image)
