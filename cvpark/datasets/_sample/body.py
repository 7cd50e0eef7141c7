"""Cars as a camera sees them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from . import draw
from .camera import Camera
from .light import CLUTTER, Light, dot
from .scene import Stay


@dataclass(frozen=True)
class Body:
    """A car as one camera sees it at one time."""

    depth: float
    corners: NDArray[np.float64]
    """Visible faces in drawing order, shape (n, 4, 2), full-frame pixels."""
    colours: NDArray[np.uint8]
    boxes: NDArray[np.float64]
    """Of each face."""
    glare: NDArray[np.float64]
    """Column and row of shining lamps, and 1 for a tail lamp or 0, shape (m, 3)."""


def see(stay: Stay, camera: Camera, light: Light, lit: float) -> Body:
    """Project and shade a car, in its own coordinates, which spares turning all its faces.

    `lit` is the share of the sun that is not in shadow.
    """
    car = stay.car
    x, y, z = camera.position.tolist()
    eye = stay.turn_back(x - stay.place[0], y - stay.place[1], z)
    shown = np.flatnonzero(dot(car.normals, eye) > car.planes)
    albedo, normals = car.albedo.take(shown, 0), car.normals.take(shown, 0)
    views = eye - car.centres.take(shown, 0)
    distance = np.sqrt(dot(views, views))
    views /= distance[:, None]
    to_sun, clutter = stay.turn_back(*light.to_sun), stay.turn_back(*CLUTTER)
    radiance = light.shade(albedo, car.gloss.take(shown), normals, views, lit, to_sun, clutter)
    burning = car.lamps.take(shown) & (light.lamps and stay.lamps_on)
    radiance[burning] = radiance[burning] * 2 + 4 * albedo[burning]
    axes = tuple(tuple(stay.turn_back(*axis).tolist()) for axis in camera.axes)
    corners = camera.see(car.quads.take(shown, 0) - eye, axes)[..., :2]
    tail = albedo[burning, 0] > 3 * albedo[burning, 1]
    return Body(
        depth=float(distance.mean()),
        corners=corners,
        colours=light.develop(radiance),
        boxes=draw.boxes(corners),
        glare=np.column_stack([corners[burning].mean(axis=1), tail]),
    )
