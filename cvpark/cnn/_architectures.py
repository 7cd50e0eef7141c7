"""Networks by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ._keras import load_tensorflow


def _convolution(x: Any, filters: int, size: int = 3, strides: int = 1) -> Any:
    """Convolution, batch norm, ReLU; the converter folds the three into one operation."""
    _, keras = load_tensorflow()
    layers = keras.layers
    x = layers.Conv2D(filters, size, strides=strides, padding="same", use_bias=False)(x)
    return layers.ReLU()(layers.BatchNormalization()(x))


def _tiny(x: Any) -> Any:
    """Six convolutions, 200 thousand parameters, most of them where the image is small.

    The first one is strided, as with three input channels vector units idle: at full resolution it
    would take half of the time and add nothing to the accuracy.
    """
    _, keras = load_tensorflow()
    for filters, size, strides in (
        (16, 4, 2),
        (32, 3, 2),
        (64, 3, 2),
        (64, 3, 1),
        (96, 3, 2),
        (96, 3, 1),
    ):
        x = _convolution(x, filters, size, strides)
    return keras.layers.Dropout(0.3)(keras.layers.GlobalAveragePooling2D()(x))


def _malexnet(x: Any) -> Any:
    """mAlexNet, 32 thousand parameters.

    Amato et al., Expert Systems with Applications 72 (2017) 327-334,
    doi:10.1016/j.eswa.2016.10.055. Departures: padded convolutions on whole 150-pixel patches in
    place of unpadded ones on 224-pixel crops, which leaves the same 3x3x30 values to the dense
    layer; batch norm in place of local response normalisation; one sigmoid in place of a softmax
    of two.
    """
    _, keras = load_tensorflow()
    layers = keras.layers
    for filters, size, strides in ((16, 11, 4), (20, 5, 1), (30, 3, 1)):
        x = layers.MaxPool2D(3, 2)(_convolution(x, filters, size, strides))
    return layers.Dense(48, activation="relu")(layers.Flatten()(x))


@dataclass(frozen=True)
class Architecture:
    """A network to train.

    Parameters
    ----------
    body : callable
        Keras tensor of images in [0, 1] to a tensor of features.
    size : int
        Width and height of its input in pixels.
    """

    body: Callable[[Any], Any]
    size: int


ARCHITECTURES = {
    "tiny": Architecture(_tiny, 64),
    "malexnet": Architecture(_malexnet, 150),
}


def build(name: str) -> Any:
    """A network with random weights.

    Parameters
    ----------
    name : str
        One of `ARCHITECTURES`.

    Returns
    -------
    keras.Model
        Takes RGB pixels 0 to 255, shape (n, size, size, 3); gives P(busy), shape (n, 1). The
        scaling of pixels is part of it, so whoever feeds it has nothing to get wrong.

    Raises
    ------
    ValueError
        No such architecture.
    """
    if name not in ARCHITECTURES:
        raise ValueError(f"no architecture {name!r}; there are: {', '.join(ARCHITECTURES)}")
    _, keras = load_tensorflow()
    architecture = ARCHITECTURES[name]
    pixels = keras.Input((architecture.size, architecture.size, 3), name="pixels")
    features = architecture.body(keras.layers.Rescaling(1 / 255)(pixels))
    busy = keras.layers.Dense(1, activation="sigmoid", name="busy")(features)
    return keras.Model(pixels, busy, name=name)
