"""Names of models: factories of what can be trained, files of what is shipped."""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

from ..exceptions import ModelFormatError
from ._boosting import make_gbdt
from ._model import Model
from ._svm import make_linear_svm, make_svm

FACTORIES: dict[str, Callable[[int], Any]] = {
    "svm": make_svm,
    "svm-linear": make_linear_svm,
    "gbdt": make_gbdt,
}

_SHIPPED = {name: f"{name}.cvpark" for name in FACTORIES} | {"cnn": "cnn.tflite"}


def shipped_models() -> dict[str, Path]:
    """Name and file of the models that come with the package.

    Examples
    --------
    >>> sorted(shipped_models())
    ['cnn', 'gbdt', 'svm', 'svm-linear']
    """
    folder = Path(str(files("cvpark.pretrained")))
    return {name: folder / file for name, file in _SHIPPED.items() if (folder / file).is_file()}


def load_model(path_or_name: str | Path, *, n_jobs: int = 1) -> Model:
    """A model from its file, or a shipped one by name.

    Parameters
    ----------
    path_or_name : str or path
        ``svm``, ``svm-linear``, ``gbdt``, ``cnn``; a ``.cvpark`` file; or a ``.tflite`` file.
    n_jobs : int
        Threads it may use for a batch; one patch takes one thread.

    Raises
    ------
    ModelFormatError
        No such model, or the file is not one.

    Examples
    --------
    >>> import numpy as np
    >>> load_model("svm").predict_proba(np.zeros((150, 150, 3), np.uint8)).shape
    (1, 2)
    """
    shipped = shipped_models()
    name = str(path_or_name)
    path = shipped.get(name, Path(path_or_name))
    if not path.is_file():
        raise ModelFormatError(
            f"{name}: no such file and no shipped model; shipped are: {', '.join(shipped)}"
        )
    if path.suffix == ".tflite":
        from ._cnn import CNN

        return CNN.load(path, name=name if name in shipped else None, n_jobs=n_jobs)
    from ._bundle import load_bundle

    return load_bundle(path, name=name if name in shipped else None, n_jobs=n_jobs)
