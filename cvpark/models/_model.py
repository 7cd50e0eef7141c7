"""The surface of every model."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..features import Patches
from ._calibration import Calibration


class Model(Protocol):
    """What everything downstream knows of a model: RGB patches in, P(busy) out.

    Attributes
    ----------
    name, kind : str
    classes_ : ndarray, [0, 1]
    threshold_ : float
        Busy from this probability on.
    n_jobs : int or None
        Threads for a batch, None is one, -1 one for each core; may be set at any time.
    card : dict
        What is known of its making, JSON-able.
    model_bytes : int
        Size of its file.
    path : Path or None
        That file; None when it never was in one.

    Examples
    --------
    >>> from cvpark.models import load_model
    >>> model: Model = load_model("svm-linear")
    >>> patches = np.zeros((2, 150, 150, 3), np.uint8)
    >>> model.decision_function(patches).shape, model.predict_proba(patches).shape
    ((2,), (2, 2))
    >>> model.classes_[model.predict(patches)]
    array([0, 0])
    """

    name: str
    kind: str
    threshold_: float
    n_jobs: int | None
    card: dict[str, Any]
    model_bytes: int
    path: Path | None

    @property
    def classes_(self) -> NDArray[np.int64]:
        """Free and busy."""

    def decision_function(self, patches: Patches) -> NDArray[np.float64]:
        """Scores before calibration, positive towards busy, shape (n,).

        Parameters
        ----------
        patches : ndarray of uint8, shape (n, height, width, 3) or (height, width, 3), or sequence
            RGB patches of any size.
        """

    def predict_proba(self, patches: Patches) -> NDArray[np.float64]:
        """Probabilities of free and busy, shape (n, 2).

        Parameters
        ----------
        patches : ndarray of uint8, shape (n, height, width, 3) or (height, width, 3), or sequence
            RGB patches of any size.
        """

    def predict(self, patches: Patches) -> NDArray[np.uint8]:
        """0 free or 1 busy, shape (n,).

        Parameters
        ----------
        patches : ndarray of uint8, shape (n, height, width, 3) or (height, width, 3), or sequence
            RGB patches of any size.
        """


class CalibratedModel(ABC):
    """A model whose probabilities are a calibration of its scores."""

    calibration: Calibration
    threshold_: float

    @property
    def classes_(self) -> NDArray[np.int64]:
        """Free and busy."""
        return np.array([0, 1])

    @abstractmethod
    def decision_function(self, patches: Patches) -> NDArray[np.float64]:
        """Score of each patch before calibration, positive towards busy; shape (n,).

        Parameters
        ----------
        patches : ndarray of uint8, shape (n, height, width, 3) or (height, width, 3), or sequence
            RGB patches of any size.
        """

    def predict_proba(self, patches: Patches) -> NDArray[np.float64]:
        """Probabilities of free and busy.

        Parameters
        ----------
        patches : ndarray of uint8, shape (n, height, width, 3) or (height, width, 3), or sequence
            RGB patches of any size.

        Returns
        -------
        ndarray of float64, shape (n, 2)
        """
        return self.calibration(self.decision_function(patches))

    def predict(self, patches: Patches) -> NDArray[np.uint8]:
        """Occupancy by the model's own threshold, shape (n,): 0 free, 1 busy.

        Parameters
        ----------
        patches : ndarray of uint8, shape (n, height, width, 3) or (height, width, 3), or sequence
            RGB patches of any size.
        """
        return (self.predict_proba(patches)[:, 1] >= self.threshold_).view(np.uint8)
