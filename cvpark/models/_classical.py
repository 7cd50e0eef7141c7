"""A descriptor and a fitted scikit-learn classifier: what training gives."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..features import Descriptor, Patches
from ._calibration import Calibration
from ._model import CalibratedModel
from ._predictor import Predictor
from ._scorers import compile_estimator


@dataclass
class ClassicalModel(CalibratedModel):
    """A descriptor, a scikit-learn classifier over it, and the calibration of its scores.

    It answers through scikit-learn: the reference that `compile` is held to, and far slower.

    Parameters
    ----------
    name, kind : str
        Name in tables; ``svm``, ``svm-linear`` or ``gbdt``.
    descriptor : Descriptor
        Fitted.
    classifier : scikit-learn estimator
        Fitted on the descriptor's columns, with ``decision_function``.
    calibration : Sigmoid or Isotonic
        Scores to probabilities.
    threshold_ : float
        Busy from this probability on.
    card : dict
        What is known of its making.
    model_bytes : int
        Size of the file it came from, 0 when it never was in one.

    Examples
    --------
    >>> from cvpark.models import load_classical
    >>> model = load_classical("svm-linear")
    >>> model.n_jobs = 2
    >>> patches = np.zeros((2, 150, 150, 3), np.uint8)
    >>> scores = model.decision_function(patches)
    >>> bool(np.allclose(scores, model.compile().decision_function(patches), atol=1e-5))
    True
    """

    name: str
    kind: str
    descriptor: Descriptor
    classifier: Any
    calibration: Calibration
    threshold_: float = 0.5
    card: dict[str, Any] = field(default_factory=dict)
    model_bytes: int = 0

    @property
    def n_jobs(self) -> int | None:
        """Threads for the descriptors of a batch, as the descriptor has it."""
        return self.descriptor.n_jobs

    @n_jobs.setter
    def n_jobs(self, n_jobs: int | None) -> None:
        self.descriptor.n_jobs = n_jobs

    def compile(self, *, n_jobs: int | None = 1) -> Predictor:
        """The same model as one compiled path from pixels to probability.

        Parameters
        ----------
        n_jobs : int or None
            Threads for a batch; None is one, -1 one for each core.

        Returns
        -------
        Predictor

        Raises
        ------
        ValueError
            A classifier there is no compiled form of.
        """
        return Predictor(
            kind=self.kind,
            descriptor=self.descriptor.to_config(),
            scorer=compile_estimator(self.classifier),
            calibration=self.calibration,
            threshold=self.threshold_,
            name=self.name,
            card=self.card,
            n_jobs=n_jobs,
        )

    def decision_function(self, patches: Patches) -> NDArray[np.float64]:
        """Score of each patch before calibration, positive towards busy; shape (n,).

        Parameters
        ----------
        patches : ndarray of uint8, shape (n, height, width, 3) or (height, width, 3), or sequence
            RGB patches of any size.
        """
        if not len(patches):
            return np.empty(0)  # scikit-learn refuses to be asked about nothing
        scores: NDArray[np.float64] = self.classifier.decision_function(
            self.descriptor.transform(patches)
        )
        return scores
