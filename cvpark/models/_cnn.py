"""A TFLite file behind the surface of every model."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Generator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..exceptions import ModelFormatError
from ..features import Patches, count_threads
from ._tflite import InputFormat, OutputFormat, Runner, read_metadata

_CHUNK = 64  # patches an invocation: more gain nothing and need more memory


class CNN:
    """A convolutional network that tells busy patches from free ones.

    One interpreter per calling thread, so it may be called from several at once; one patch goes
    through an interpreter of its own whose input never changes its size.

    Parameters
    ----------
    content : bytes
        A TFLite model, float or quantised: input (n, height, width, 1 or 3), output (n, 1) out of
        a sigmoid or (n, 2) out of a softmax.
    name : str
        Name in tables.
    n_jobs : int or None
        Threads of an interpreter, for one patch too, -1 for all cores; may be set later. Small
        networks answer a single patch faster on one.
    scale : pair of float, optional
        The input values of pixel 0 and of pixel 255, such as (0, 1) or (-1, 1). Needed when the
        quantisation of the input does not say it. Here and below, what `cvpark.cnn.convert` stored
        in the file goes before.
    busy_index : {0, 1}, optional
        Which output is P(busy) when there are two of them; with one output, 0 says that it is
        P(free).

    Attributes
    ----------
    card : dict
        What the file says of its making, or else the scale and the busy index it is used with; its
        size and its SHA-256.
    model_bytes : int
        Size of the file.
    path : Path or None
        The file it was loaded from.
    options : dict
        ``scale`` and ``busy_index`` as they were given: what `load` needs besides the path.
    threshold_ : float
        Busy from this probability on.

    Raises
    ------
    ModelFormatError
        Not a TFLite model, not an occupancy classifier, or one that does not say how it is fed.

    Examples
    --------
    >>> import numpy as np
    >>> from cvpark.models import load_model
    >>> load_model("cnn").predict_proba(np.zeros((150, 150, 3), np.uint8)).shape
    (1, 2)
    >>> from cvpark.models import shipped_models
    >>> model = CNN.load(shipped_models()["cnn"], name="mine")
    >>> model.n_jobs = 2
    >>> patches = np.zeros((3, 150, 150, 3), np.uint8)
    >>> model.decision_function(patches).shape, model.predict(patches)
    ((3,), array([0, 0, 0], dtype=uint8))
    >>> list(model.steps(patches[0]))
    ['resize', 'classifier', 'calibration']
    """

    kind = "cnn"

    def __init__(
        self,
        content: bytes,
        *,
        name: str = "cnn",
        n_jobs: int | None = 1,
        scale: tuple[float, float] | None = None,
        busy_index: int | None = None,
    ) -> None:
        self.name = name
        self.classes_ = np.array([0, 1])
        self.model_bytes = len(content)
        self.path: Path | None = None
        self.options = {"scale": scale, "busy_index": busy_index}
        self._content = content
        self.n_jobs = n_jobs
        self._local = threading.local()
        runner = self._runner("single")
        facts = read_metadata(content)
        if facts:
            scale, busy_index = facts["input"]["scale"], facts["busy_index"]
        self._input = InputFormat(runner.input, scale)
        self._output = OutputFormat(runner.output, busy_index)
        self.threshold_ = float(facts.get("threshold", 0.5))
        fed = {"input": {"scale": self._input.scale}, "busy_index": self._output.busy_index}
        self.card: dict[str, Any] = (facts or fed) | {
            "name": name,
            "kind": self.kind,
            "bytes": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
        }
        self._try_out()

    @property
    def n_jobs(self) -> int | None:
        """Threads of an interpreter, as they were asked for."""
        return self._n_jobs

    @n_jobs.setter
    def n_jobs(self, n_jobs: int | None) -> None:
        self._n_jobs, self._n_threads = n_jobs, count_threads(n_jobs)

    @classmethod
    def load(
        cls,
        path: str | Path,
        *,
        name: str | None = None,
        n_jobs: int | None = 1,
        scale: tuple[float, float] | None = None,
        busy_index: int | None = None,
    ) -> CNN:
        """Read a ``.tflite`` file; its stem is the default ``name``, the rest as for the class.

        Parameters
        ----------
        path : str or path
        name : str, optional
            By default the file's stem.
        n_jobs, scale, busy_index
            As for the class.
        """
        path = Path(path)
        try:
            content = path.read_bytes()
            model = cls(
                content,
                name=name or path.stem,
                n_jobs=n_jobs,
                scale=scale,
                busy_index=busy_index,
            )
        except OSError as error:
            raise ModelFormatError(f"{path}: {error.strerror}") from error
        except ModelFormatError as error:
            raise ModelFormatError(f"{path}: {error}") from error
        model.path = path
        return model

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
        busy = self._busy(patches)
        proba = np.empty((len(busy), 2))
        proba[:, 1] = busy
        np.subtract(1.0, busy, out=proba[:, 0])
        return proba

    def decision_function(self, patches: Patches) -> NDArray[np.float64]:
        """Log-odds of busy, shape (n,); finite, however sure the network is.

        Parameters
        ----------
        patches : ndarray of uint8, shape (n, height, width, 3) or (height, width, 3), or sequence
            RGB patches of any size.
        """
        busy = np.clip(self._busy(patches), self._output.step, 1 - self._output.step)
        odds: NDArray[np.float64] = np.log(busy / (1 - busy))
        return odds

    def predict(self, patches: Patches) -> NDArray[np.uint8]:
        """Occupancy by the model's own threshold, shape (n,): 0 free, 1 busy.

        Parameters
        ----------
        patches : ndarray of uint8, shape (n, height, width, 3) or (height, width, 3), or sequence
            RGB patches of any size.
        """
        return (self._busy(patches) >= self.threshold_).astype(np.uint8)

    def steps(self, patch: NDArray[np.uint8]) -> Generator[str, None, NDArray[np.float64]]:
        """Go from one patch to its probabilities, telling which step is done.

        Parameters
        ----------
        patch : ndarray of uint8, shape (height, width, 3)

        Yields
        ------
        str
            ``resize``, which includes what the network's input asks for besides, ``classifier``
            and ``calibration``, which is no more than to undo the quantisation.

        Returns
        -------
        ndarray of float64, shape (1, 2)
            What `predict_proba` gives.
        """
        given = self._input(patch)
        yield "resize"
        raw = self._runner("single")(given)
        yield "classifier"
        busy = self._output(raw)
        proba = np.column_stack([1.0 - busy, busy])
        yield "calibration"
        return proba

    def _busy(self, patches: Patches) -> NDArray[np.float64]:
        if isinstance(patches, np.ndarray) and patches.ndim == 3:
            return self._output(self._runner("single")(self._input(patches)))
        busy = [np.empty(0)]
        for start in range(0, len(patches), _CHUNK):
            inputs = self._input(patches[start : start + _CHUNK], self._n_threads)
            busy.append(self._output(self._runner("batch")(inputs)))
        return np.concatenate(busy)

    def _runner(self, use: str) -> Runner:
        """The calling thread's interpreter for single patches or for batches."""
        key = f"{use} {self._n_threads}"
        try:
            runner: Runner = getattr(self._local, key)
        except AttributeError:
            runner = Runner(self._content, self._n_threads)
            setattr(self._local, key, runner)
        return runner

    def _try_out(self) -> None:
        """Refuse a network whose answers to noise are no probabilities."""
        noise = np.random.default_rng(0).integers(0, 256, (8, *self._input.size, 3), np.uint8)
        runner = self._runner("single")
        for patch in noise:
            values = self._output.dequantise(runner(self._input(patch)))
            total = values.sum() if values.size == 2 else 1.0
            if not (np.all((values >= 0) & (values <= 1)) and abs(total - 1) < 0.02):
                raise ModelFormatError(
                    "its outputs are no probabilities; an occupancy classifier ends in a sigmoid "
                    "or in a softmax of two"
                )
