"""Slow NumPy oracles of colour conversions, written for reading."""

from __future__ import annotations

from itertools import pairwise

import numpy as np


def opponent(image):
    """Opponent colours of an RGB image in integers, each stretched to 0 to 255, rounded half up."""
    red, green, blue = (image[..., i].astype(int) for i in range(3))
    # 255 or 510 added makes each sum start at 0; the divisor is its largest value over 255.
    stretched = [(red - green + 255, 2), (red + green - 2 * blue + 510, 4), (red + green + blue, 3)]
    channels = [(2 * total + part) // (2 * part) for total, part in stretched]
    return np.stack(channels, -1).astype(np.uint8)


def opponent_formula(image):
    """The published opponent colours, in float, each stretched to 0 to 255 but not rounded."""
    values = image.astype(float)
    rotation = np.array([[1, -1, 0], [1, 1, -2], [1, 1, 1]]) / np.sqrt([[2], [6], [3]])
    channels = values @ rotation.T
    lowest = 255 * np.minimum(rotation, 0).sum(axis=1)
    highest = 255 * np.maximum(rotation, 0).sum(axis=1)
    return 255 * (channels - lowest) / (highest - lowest)


def moments(image, row_edges, col_edges):
    """Colour moments of an RGB image over a grid, cell by cell, and the image's deviations."""
    red, green, blue = np.moveaxis(image.astype(float), 2, 0)
    channels = np.stack([red - green, (red + green) / 2 - blue, (red + green + blue) / 3])
    brightness, contrast = channels[2].mean() + 8, max(channels[2].std(), 12)
    scales = np.array([brightness, brightness, contrast])
    origin = np.array([0, 0, channels[2].mean()])
    columns = []
    for top, bottom in pairwise(row_edges):
        for left, right in pairwise(col_edges):
            cell = channels[:, top:bottom, left:right]
            means = (cell.mean(axis=(1, 2)) - origin) / scales
            columns += [means, cell.std(axis=(1, 2)) / brightness]
    return np.concatenate([*columns, channels.std(axis=(1, 2)) / brightness])
