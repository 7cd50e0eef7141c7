"""TensorFlow, where it is installed."""

from __future__ import annotations

import os
from importlib import import_module
from types import ModuleType

from ..exceptions import MissingExtraError


def load_tensorflow() -> tuple[ModuleType, ModuleType]:
    """Import TensorFlow and Keras, which takes seconds.

    Returns
    -------
    tuple of module
        ``tensorflow`` and ``keras``.

    Raises
    ------
    MissingExtraError
        They are not installed.

    Examples
    --------
    >>> tensorflow, keras = load_tensorflow()  # doctest: +SKIP
    """
    # Its start-up remarks on the processor are no news to whoever trains a CNN.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        tensorflow, keras = import_module("tensorflow"), import_module("keras")
    except ImportError as error:
        raise MissingExtraError(
            'training and converting a CNN needs TensorFlow: pip install "cvpark[cnn]"'
        ) from error
    return tensorflow, keras
