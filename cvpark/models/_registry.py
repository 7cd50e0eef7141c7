"""Names of models: factories of what can be trained, files of what is shipped."""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..exceptions import ModelFormatError
from ._boosting import make_gbdt
from ._svm import make_linear_svm, make_svm

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

    from ._model import Model


FACTORIES: dict[str, Callable[..., Any]] = {
    "svm": make_svm,
    "svm-linear": make_linear_svm,
    "gbdt": make_gbdt,
}

_SHIPPED = {name: f"{name}.cvpark" for name in FACTORIES} | {
    name: f"{name}.tflite" for name in ("cnn", "cnn-float", "malexnet")
}


def shipped_models() -> dict[str, Path]:
    """Name and file of the models that come with the package.

    Examples
    --------
    >>> sorted(shipped_models())
    ['cnn', 'cnn-float', 'gbdt', 'malexnet', 'svm', 'svm-linear']
    """
    folder = Path(str(files("cvpark.pretrained")))
    return {name: folder / file for name, file in _SHIPPED.items() if (folder / file).is_file()}


def load_model(
    path_or_name: str | Path,
    *,
    n_jobs: int | None = 1,
    scale: tuple[float, float] | None = None,
    busy_index: int | None = None,
) -> Model:
    """A model from its file, or a shipped one by name.

    Parameters
    ----------
    path_or_name : str or path
        ``svm``, ``svm-linear``, ``gbdt``, ``cnn``, ``cnn-float``, ``malexnet``; a ``.cvpark`` file;
        or a ``.tflite`` file.
    n_jobs : int
        Threads it may use for a batch; one patch takes one thread.
    scale : pair of float, optional
        What a ``.tflite`` file is fed for pixel 0 and for pixel 255, where it does not say so.
    busy_index : {0, 1}, optional
        Which of its two outputs is P(busy), where it does not say so; see `CNN`.

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
    path, name = find_model(path_or_name)
    if path.suffix == ".tflite":
        from ._cnn import CNN

        return CNN.load(path, name=name, n_jobs=n_jobs, scale=scale, busy_index=busy_index)
    from ._bundle import load_bundle

    return load_bundle(path, name=name, n_jobs=n_jobs)


def load_estimator(path_or_name: str | Path) -> Pipeline:
    """The scikit-learn pipeline of a classical model, from patches to decision scores.

    Parameters
    ----------
    path_or_name : str or path
        ``svm``, ``svm-linear`` or ``gbdt``; or a ``.cvpark`` file.

    Returns
    -------
    sklearn.pipeline.Pipeline
        A `Descriptor` and the fitted classifier. Its scores are those of the model before
        calibration.

    Raises
    ------
    ModelFormatError
        No such model, or the file is not one.

    Examples
    --------
    >>> import numpy as np
    >>> load_estimator("svm-linear").predict(np.zeros((2, 150, 150, 3), np.uint8)).shape
    (2,)
    """
    from ._bundle import read_estimator

    return read_estimator(find_model(path_or_name)[0])


def find_model(path_or_name: str | Path) -> tuple[Path, str | None]:
    """File of a model, and its name when it is a shipped one.

    Parameters
    ----------
    path_or_name : str or path

    Returns
    -------
    path : Path
    name : str or None

    Raises
    ------
    ModelFormatError
        Neither a shipped model nor a file.

    Examples
    --------
    >>> find_model("gbdt")[1]
    'gbdt'
    """
    shipped = shipped_models()
    name = str(path_or_name)
    if name in shipped:
        return shipped[name], name
    path = Path(path_or_name)
    if not path.is_file():
        raise ModelFormatError(
            f"{name}: no such file and no shipped model; shipped are: {', '.join(shipped)}"
        )
    return path, None
