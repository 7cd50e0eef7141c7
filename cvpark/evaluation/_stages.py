"""Time of each stage from an encoded patch to its probability."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from time import perf_counter_ns
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from ..datasets import decode_image
from ..models import Model
from ._latency import Progress
from ._threads import limit_threads

if TYPE_CHECKING:
    import pandas as pd

_WARM_UP = 3


@runtime_checkable
class Staged(Protocol):
    """A model that can stop after each step."""

    name: str

    def steps(self, patch: NDArray[np.uint8]) -> Generator[str, None, NDArray[np.float64]]:
        """Go from one patch to its probabilities, telling which step is done."""


def measure_stages(
    models: Sequence[Model],
    contents: Sequence[bytes],
    *,
    seed: int = 0,
    progress: Progress = lambda items, total, label: items,
) -> pd.DataFrame:
    """Time each stage of single patches, from the bytes of an image file on, with one thread.

    Models take turns on each patch in an order drawn anew, and each decodes it for itself. A model
    without ``steps`` is left out.

    Parameters
    ----------
    models : sequence of Model
    contents : sequence of bytes
        Image files.
    seed : int
        Of the order.
    progress : callable
        Called with the contents, their number and a label; passes them through.

    Returns
    -------
    pandas.DataFrame
        Columns model, stage, n_patches and ns, a row a stage of a patch. The stages are ``decode``
        and the steps of the model, such as ``resize``, ``hog``, ``classifier``, ``calibration``.

    Examples
    --------
    >>> import cv2
    >>> from cvpark.models import load_model
    >>> content = cv2.imencode(".jpg", np.zeros((150, 150, 3), np.uint8))[1].tobytes()
    >>> measure_stages([load_model("cnn")], [content]).stage.tolist()
    ['decode', 'resize', 'classifier', 'calibration']
    """
    import pandas as pd

    staged = [model for model in models if isinstance(model, Staged)]
    order = np.random.default_rng(seed)
    rows: list[tuple[str, str, int, int]] = []
    with limit_threads(models, 1):
        for content in contents[:_WARM_UP]:
            for model in staged:
                _stages(model, content)
        for content in progress(contents, len(contents), "stages"):
            for column in order.permutation(len(staged)):
                model = staged[column]
                rows += [(model.name, stage, 1, ns) for stage, ns in _stages(model, content)]
    return pd.DataFrame(rows, columns=["model", "stage", "n_patches", "ns"])


def _stages(model: Staged, content: bytes) -> list[tuple[str, int]]:
    spent = []
    start = perf_counter_ns()
    patch = decode_image(content)
    spent.append(("decode", perf_counter_ns() - start))
    start = perf_counter_ns()
    for stage in model.steps(patch):
        spent.append((stage, perf_counter_ns() - start))
        start = perf_counter_ns()
    return spent
