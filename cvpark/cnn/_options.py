"""What can be chosen for a training: names, defaults, limits, settings file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import Field, asdict, dataclass, field, fields
from operator import ge, gt, le
from pathlib import Path
from typing import Any

import tomli_w

from .._files import atomic_write, read_toml
from ..exceptions import SettingsError

_BOUNDS = (("low", ge, "at least"), ("above", gt, "more than"), ("high", le, "at most"))
_TYPES = {str: "a text", int: "a whole number", float: "a number", bool: "true or false"}


def _choice(default: Any, text: str, **limits: Any) -> Any:
    """A field with what the command line and the check of settings files need to know of it.

    Limits: ``type`` where the default is None; ``low`` and ``high``, ``above`` where the lowest
    value is itself too low; ``among``, the names there are.
    """
    return field(default=default, metadata={"type": type(default), "help": text, **limits})


@dataclass(frozen=True)
class Augmentation:
    """How far a training patch may be changed; each is drawn evenly between minus and plus.

    Parameters
    ----------
    rotation : float
        Degrees.
    shift : float
        Of the width and of the height.
    zoom, shear : float
        Relative; the aspect changes by half the zoom.
    brightness, contrast, tint : float
        Logarithm of the factor of all pixels, of their distance to the mean, of one channel.
    flip : bool
        Mirror every other patch left to right.

    Examples
    --------
    >>> Augmentation(rotation=10.0).rotation
    10.0
    """

    rotation: float = _choice(5.0, "Rotate by up to so many degrees.", low=0, high=180)
    shift: float = _choice(0.1, "Shift by up to this share of width and height.", low=0, high=1)
    zoom: float = _choice(0.1, "Zoom by up to this share.", low=0, high=2)
    shear: float = _choice(0.1, "Shear by up to this share.", low=0, high=2)
    brightness: float = _choice(0.25, "Brighten or darken, logarithm of factor.", low=0, high=3)
    contrast: float = _choice(0.25, "Change contrast, logarithm of factor.", low=0, high=3)
    tint: float = _choice(0.08, "Change each color channel, logarithm of factor.", low=0, high=3)
    flip: bool = _choice(True, "Mirror every other patch left to right.")


@dataclass(frozen=True)
class TrainingOptions:
    """How a network is trained.

    Parameters
    ----------
    architecture : {"tiny", "malexnet", "mobilenet", "xception"}
    weights : str, optional
        File of weights to start from, for the architectures of Keras applications: as Keras
        offers them without top, ``.h5``, ``.weights.h5`` or ``.keras``. Without it: random.
    dense : int, optional
        Units of an inner dense layer before the output, 0 for none. Default: the architecture's.
    dropout : float, optional
        Share of values dropped before the output. Default: the architecture's.
    epochs : int
        At the most.
    frozen_epochs : int
        The first of them, in which only the layers after the base of Keras are trained; fine-tuning
        goes on from the best of them. As many as ``epochs``: the base is never trained.
    batch_size : int
    optimizer : {"adam", "sgd"}
        Adam, or SGD with a Nesterov momentum of 0.9; both with decoupled weight decay.
    learning_rate, frozen_learning_rate : float
        Highest rate, and that of the epochs in which the base is frozen.
    decay : {"cosine", "plateau"}
        Cosine: the rate rises over a twentieth of the steps, then falls to a hundredth along a
        cosine. Plateau: it falls to a third each time the validation loss has not sunk for
        ``decay_patience`` epochs.
    decay_patience : int
    patience : int
        Epochs without a lower validation loss after which the training stops, 0 for never.
    weight_decay : float
    label_smoothing : float
        Some labels of CNRPark+EXT are wrong; this keeps the network from insisting on them.
    augmentation : Augmentation
    seed : int

    Examples
    --------
    >>> options = TrainingOptions.from_dict({"epochs": 3, "augmentation": {"flip": False}})
    >>> options.epochs, options.augmentation.flip, options.batch_size
    (3, False, 128)
    """

    architecture: str = _choice(
        "tiny",
        "Network: cvpark's own, mAlexNet, or MobileNetV2 and Xception of Keras applications.",
        among=("tiny", "malexnet", "mobilenet", "xception"),
    )
    weights: str | None = _choice(
        None,
        "Weights to start from, for mobilenet and xception: a file without top that you "
        "downloaded. Default: random.",
        type=str,
    )
    dense: int | None = _choice(
        None, "Units of an inner dense layer, 0 for none. Default: the network's.", type=int, low=0
    )
    dropout: float | None = _choice(
        None,
        "Share dropped before the output. Default: the network's.",
        type=float,
        low=0,
        high=0.99,
    )
    epochs: int = _choice(24, "Epochs at the most.", low=1)
    frozen_epochs: int = _choice(
        0, "The first of them, which leave the base of mobilenet or xception as it is.", low=0
    )
    batch_size: int = _choice(128, "Patches a step.", low=1)
    optimizer: str = _choice("adam", "Optimizer.", among=("adam", "sgd"))
    learning_rate: float = _choice(3e-3, "Highest learning rate.", above=0)
    frozen_learning_rate: float = _choice(1e-3, "The same while the base is frozen.", above=0)
    decay: str = _choice(
        "cosine",
        "Fall of the rate: along a cosine, or to a third when the validation loss stays.",
        among=("cosine", "plateau"),
    )
    decay_patience: int = _choice(3, "Epochs it may stay before, with plateau.", low=1)
    patience: int = _choice(
        8, "Stop after so many epochs without a lower validation loss, 0 for never.", low=0
    )
    weight_decay: float = _choice(5e-3, "Decoupled weight decay.", low=0, high=1)
    label_smoothing: float = _choice(0.02, "Label smoothing.", low=0, high=0.5)
    augmentation: Augmentation = field(default_factory=Augmentation)
    seed: int = _choice(0, "Random seed.", low=0, high=2**32 - 1)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], *, source: str = "settings") -> TrainingOptions:
        """Options out of plain data, checked; what is left out keeps its default.

        Parameters
        ----------
        data : mapping
            Names of fields and their values, those of ``augmentation`` in a mapping of its own.
        source : str
            Where the data are from, for messages.

        Raises
        ------
        SettingsError
            An unknown key, or a value that cannot be.
        """
        table = data.get("augmentation", {})
        if not isinstance(table, Mapping):
            raise SettingsError(f"{source}: augmentation is {table!r}, expected a table")
        changes = Augmentation(**_checked(Augmentation, table, f"{source}: [augmentation]"))
        rest = {name: value for name, value in data.items() if name != "augmentation"}
        return cls(augmentation=changes, **_checked(cls, rest, source))

    def to_dict(self) -> dict[str, Any]:
        """Plain data that `from_dict` takes, without what is not set.

        Examples
        --------
        >>> TrainingOptions.from_dict(TrainingOptions().to_dict()) == TrainingOptions()
        True
        """
        return {name: value for name, value in asdict(self).items() if value is not None}


def choices(of: type) -> dict[str, Field[Any]]:
    """The fields that have one value each, by name.

    Parameters
    ----------
    of : {TrainingOptions, Augmentation}

    Examples
    --------
    >>> list(choices(Augmentation))[:2]
    ['rotation', 'shift']
    """
    return {each.name: each for each in fields(of) if each.metadata}


def read_options(path: str | Path) -> TrainingOptions:
    r"""Options from a TOML file.

    Parameters
    ----------
    path : str or path

    Returns
    -------
    TrainingOptions

    Raises
    ------
    SettingsError
        The file is no TOML, or says what cannot be; the message names file and key.
    OSError
        It cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp(), "mine.toml")
    >>> _ = file.write_text('architecture = "malexnet"\n[augmentation]\nrotation = 10\n')
    >>> options = read_options(file)
    >>> options.architecture, options.augmentation.rotation
    ('malexnet', 10.0)
    """
    return TrainingOptions.from_dict(read_toml(path), source=str(path))


def write_options(options: TrainingOptions, path: str | Path) -> None:
    """Write options as a TOML file that `read_options` takes.

    Parameters
    ----------
    options : TrainingOptions
    path : str or path
        It appears whole or not at all.

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp(), "mine.toml")
    >>> write_options(TrainingOptions(epochs=5), file)
    >>> read_options(file).epochs
    5
    """
    with atomic_write(path) as partial:
        partial.write_text(tomli_w.dumps(options.to_dict()), encoding="utf-8")


def _checked(of: type, data: Mapping[str, Any], where: str) -> dict[str, Any]:
    """The values in their types, each within its limits."""
    known = choices(of)
    for name in data:
        if name not in known:
            raise SettingsError(f"{where}: unknown key {name!r}; there are: {', '.join(known)}")
    return {name: _check(value, known[name], where) for name, value in data.items()}


def _check(value: Any, choice: Field[Any], where: str) -> Any:
    limits = choice.metadata
    wanted = limits["type"]
    if wanted is float and type(value) is int:
        value = float(value)
    if type(value) is not wanted:
        raise SettingsError(f"{where}: {choice.name} is {value!r}, expected {_TYPES[wanted]}")
    if "among" in limits and value not in limits["among"]:
        names = ", ".join(limits["among"])
        raise SettingsError(f"{where}: {choice.name} is {value!r}, expected one of {names}")
    for limit, is_kept, words in _BOUNDS:
        # Not-a-number, which TOML knows, is within no bounds.
        if limit in limits and not is_kept(value, limits[limit]):
            raise SettingsError(
                f"{where}: {choice.name} is {value!r}, expected {words} {limits[limit]}"
            )
    return value
