"""Networks by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..exceptions import ModelFormatError, SettingsError
from ._keras import load_tensorflow
from ._options import TrainingOptions

BASE = "base"  # name of the layer that is a network of Keras applications


@dataclass(frozen=True)
class Architecture:
    """A network to train.

    Parameters
    ----------
    body : callable
        Keras tensor of scaled images to a tensor of features, shape (n, n_features).
    size : int
        Width and height of its input in pixels.
    scale : (float, float)
        What the body is fed for pixel 0 and for pixel 255.
    dense : int
        Units of an inner dense layer after the body, 0 for none.
    dropout : float
        Share of values dropped before the output.
    has_base : bool
        The body is a network of Keras applications, which takes weights and can be frozen.
    """

    body: Callable[[Any], Any]
    size: int
    scale: tuple[float, float] = (0.0, 1.0)
    dense: int = 0
    dropout: float = 0.0
    has_base: bool = False


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
    return keras.layers.GlobalAveragePooling2D()(x)


def _malexnet(x: Any) -> Any:
    """mAlexNet, with its inner dense layer 32 thousand parameters.

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
    return layers.Flatten()(x)


def _of_keras(name: str, size: int) -> Architecture:
    def body(x: Any) -> Any:
        _, keras = load_tensorflow()
        network = getattr(keras.applications, name)
        base = network(include_top=False, weights=None, input_shape=(size, size, 3), name=BASE)
        return keras.layers.GlobalAveragePooling2D()(base(x))

    return Architecture(body, size, scale=(-1.0, 1.0), dropout=0.2, has_base=True)


ARCHITECTURES = {
    "tiny": Architecture(_tiny, 64, dropout=0.3),
    "malexnet": Architecture(_malexnet, 150, dense=48),
    "mobilenet": _of_keras("MobileNetV2", 96),
    "xception": _of_keras("Xception", 150),
}


def complete(options: TrainingOptions) -> TrainingOptions:
    """The options with what they leave to the architecture.

    Raises
    ------
    SettingsError
        Weights or frozen epochs for an architecture without base.
    ValueError
        No such architecture.
    """
    name = options.architecture
    if name not in ARCHITECTURES:
        raise ValueError(f"no architecture {name!r}; there are: {', '.join(ARCHITECTURES)}")
    architecture = ARCHITECTURES[name]
    if not architecture.has_base and (options.weights or options.frozen_epochs):
        with_base = ", ".join(key for key, each in ARCHITECTURES.items() if each.has_base)
        raise SettingsError(
            f"{name} is trained from random weights as a whole; weights and frozen epochs are for "
            f"{with_base}"
        )
    return replace(
        options,
        dense=architecture.dense if options.dense is None else options.dense,
        dropout=architecture.dropout if options.dropout is None else options.dropout,
    )


def build(options: TrainingOptions) -> Any:
    """A network as it is before training.

    Parameters
    ----------
    options : TrainingOptions

    Returns
    -------
    keras.Model
        Takes RGB pixels 0 to 255, shape (n, size, size, 3); gives P(busy), shape (n, 1). The
        scaling of pixels is part of it, so whoever feeds it has nothing to get wrong.

    Raises
    ------
    ModelFormatError
        The file of weights does not fit.
    SettingsError
        The options contradict each other.
    ValueError
        No such architecture.
    """
    _, keras = load_tensorflow()
    options = complete(options)
    layers, architecture = keras.layers, ARCHITECTURES[options.architecture]
    low, high = architecture.scale
    pixels = keras.Input((architecture.size, architecture.size, 3), name="pixels")
    features = architecture.body(layers.Rescaling((high - low) / 255, low)(pixels))
    if options.dense:
        features = layers.Dense(options.dense, activation="relu")(features)
    if options.dropout:
        features = layers.Dropout(options.dropout)(features)
    busy = layers.Dense(1, activation="sigmoid", name="busy")(features)
    network = keras.Model(pixels, busy, name=options.architecture)
    if options.weights:
        _load_weights(network.get_layer(BASE), options.weights)
    return network


def _load_weights(base: Any, file: str) -> None:
    if not Path(file).is_file():
        raise ModelFormatError(f"{file}: no such file of weights")
    try:
        base.load_weights(file)
    except (OSError, ValueError, KeyError, TypeError) as error:
        reason = str(error).partition("\n")[0]
        raise ModelFormatError(
            f"{file}: not weights of this network without top (.h5, .weights.h5 or .keras): "
            f"{reason}"
        ) from error
