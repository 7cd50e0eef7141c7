"""TFLite models: an interpreter with what goes in, what comes out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..exceptions import ModelFormatError
from ..features import Patches, resize_patches

METADATA_NAME = "cvpark"
SCHEMA_VERSION = 1

# What networks are commonly fed: the values of pixel 0 and of pixel 255.
_SCALES = ((0.0, 1.0), (-1.0, 1.0), (0.0, 255.0))
_BT601 = np.array([0.299, 0.587, 0.114], np.float32)


class Runner:
    """An interpreter for a batch of any size: raw inputs in, raw outputs out.

    Parameters
    ----------
    content : bytes
        A TFLite model.
    n_threads : int

    Raises
    ------
    ModelFormatError
        Not a TFLite model, or one with several inputs or outputs, or one whose input has no size.
    """

    def __init__(self, content: bytes, n_threads: int) -> None:
        # Imported here: it costs a tenth of a second that a classical model need not pay.
        from ai_edge_litert.interpreter import Interpreter

        with _as_format_error():
            # XNNPACK is the default delegate.
            self._interpreter = Interpreter(model_content=content, num_threads=n_threads)
        inputs = self._interpreter.get_input_details()
        outputs = self._interpreter.get_output_details()
        if len(inputs) != 1 or len(outputs) != 1:
            raise ModelFormatError(
                f"{len(inputs)} inputs and {len(outputs)} outputs; an occupancy classifier has "
                "one of each"
            )
        self._in, self._out = inputs[0]["index"], outputs[0]["index"]
        self._shape = inputs[0]["shape"][1:]
        if -1 in inputs[0]["shape_signature"][1:]:
            raise ModelFormatError(
                "its input takes images of any size; convert it for the one it was trained with"
            )
        with _as_format_error():
            self._allocate(1)
        # Asked for again: the shape of the output is known now.
        self.input = self._interpreter.get_input_details()[0]
        self.output = self._interpreter.get_output_details()[0]
        self._batchable = True

    def __call__(self, inputs: NDArray[Any]) -> NDArray[Any]:
        """Outputs of ``inputs``, whose first axis counts patches."""
        if len(inputs) != self._batch and not self._resize(len(inputs)):
            return np.concatenate([self(inputs[i : i + 1]) for i in range(len(inputs))])
        interpreter = self._interpreter
        interpreter.set_tensor(self._in, inputs)
        interpreter.invoke()
        outputs: NDArray[Any] = interpreter.get_tensor(self._out)
        return outputs

    def _resize(self, batch: int) -> bool:
        """Make room for ``batch`` patches; a network that fixes the batch inside has none."""
        if not self._batchable:
            return False
        try:
            self._allocate(batch)
            self._interpreter.invoke()
            self._batchable = len(self._interpreter.get_tensor(self._out)) == batch
        except (ValueError, RuntimeError):
            self._batchable = False
        if not self._batchable:
            self._allocate(1)
        return self._batchable

    def _allocate(self, batch: int) -> None:
        self._interpreter.resize_tensor_input(self._in, [batch, *self._shape])
        self._interpreter.allocate_tensors()
        self._batch = batch


@contextmanager
def _as_format_error() -> Iterator[None]:
    try:
        yield
    except (ValueError, RuntimeError) as error:
        reason = str(error).partition("\n")[0].rstrip(". ")
        raise ModelFormatError(f"not a TFLite model that runs here: {reason}") from error


class InputFormat:
    """Turns patches of any size into what a network is fed.

    Parameters
    ----------
    details : dict
        The interpreter's description of its input.
    scale : pair of float or None
        The input values of pixel 0 and of pixel 255.

    Attributes
    ----------
    size : (int, int)
        Height and width of the input in pixels.
    scale : (float, float)
        As given or inferred.

    Raises
    ------
    ModelFormatError
        Not an image, or its scale is neither given nor to be told from its quantisation.
    """

    def __init__(self, details: dict[str, Any], scale: tuple[float, float] | None) -> None:
        shape, dtype = tuple(map(int, details["shape"])), np.dtype(details["dtype"])
        if len(shape) != 4 or shape[3] not in (1, 3) or min(shape[1:]) < 1:
            raise ModelFormatError(
                f"input of shape {shape}; an occupancy classifier takes (n, height, width, 1 or 3)"
            )
        self.size = (shape[1], shape[2])
        self._gray = shape[3] == 1
        quantisation = _quantisation(details)
        low, high = scale or _infer_scale(quantisation)
        if not -np.inf < low < high < np.inf:
            raise ModelFormatError(
                f"scale {low:g} to {high:g}; expected a lower and a higher value"
            )
        self.scale = (float(low), float(high))
        pixels = low + np.arange(256) * ((high - low) / 255)
        self._table = _quantise(pixels, dtype, quantisation)
        # The shipped network takes pixels as they are: one patch then costs no look-up.
        self._as_is = dtype == np.uint8 and np.array_equal(self._table, np.arange(256))

    def __call__(self, patches: Patches, n_jobs: int = 1) -> NDArray[Any]:
        """RGB patches as an array (n, height, width, channels) of the network's dtype."""
        pixels = resize_patches(patches, self.size, n_jobs=n_jobs)
        if self._gray:
            pixels = np.rint(pixels @ _BT601).astype(np.uint8)[..., np.newaxis]
        return pixels if self._as_is else self._table[pixels]


class OutputFormat:
    """Turns what a network answers into P(busy).

    Parameters
    ----------
    details : dict
        The interpreter's description of its output.
    busy_index : int or None
        Which of two outputs is P(busy); of a single one, whether it is P(free), 0, or P(busy), 1.

    Attributes
    ----------
    step : float
        The smallest probability that is told from 0.

    Raises
    ------
    ModelFormatError
        Not one or two outputs, or which of two is P(busy) is not known.
    """

    def __init__(self, details: dict[str, Any], busy_index: int | None) -> None:
        shape = tuple(map(int, details["shape"]))
        if len(shape) != 2 or shape[1] not in (1, 2):
            raise ModelFormatError(
                f"output of shape {shape}; an occupancy classifier gives (n, 1) out of a sigmoid "
                "or (n, 2) out of a softmax"
            )
        if shape[1] == 2 and busy_index is None:
            raise ModelFormatError(
                "two outputs, and nothing says which is P(busy); give busy_index=0 or 1, on the "
                "command line --busy-index"
            )
        self.busy_index = 1 if busy_index is None else busy_index
        if self.busy_index not in (0, 1):
            raise ModelFormatError(f"busy_index {busy_index!r}; expected 0 or 1")
        self._two = shape[1] == 2
        quantisation = _quantisation(details)
        self._scale, self._zero_point = quantisation or (1.0, 0)
        # Half a step of a quantised sigmoid, or what float32 resolves below 1.
        self.step = quantisation[0] / 2 if quantisation else 1e-7

    def dequantise(self, raw: NDArray[Any]) -> NDArray[np.float64]:
        """The real numbers the raw outputs stand for, shape (n, 1 or 2)."""
        return (raw.astype(np.float64) - self._zero_point) * self._scale

    def __call__(self, raw: NDArray[Any]) -> NDArray[np.float64]:
        """P(busy) of raw outputs, shape (n,)."""
        values = self.dequantise(raw)
        if self._two:
            return values[:, self.busy_index]
        return values[:, 0] if self.busy_index == 1 else 1 - values[:, 0]


def read_metadata(content: bytes) -> dict[str, Any]:
    """What cvpark's converter stored in a TFLite model.

    Parameters
    ----------
    content : bytes
        A valid TFLite model.

    Returns
    -------
    dict
        Empty when the model comes from elsewhere.

    Raises
    ------
    ModelFormatError
        Damaged, or of another schema version.
    """
    from ai_edge_litert.schema_py_generated import Model

    model = Model.GetRootAs(content)
    entries = [model.Metadata(i) for i in range(model.MetadataLength())]
    buffers = [entry.Buffer() for entry in entries if entry.Name() == METADATA_NAME.encode()]
    if not buffers:
        return {}
    try:
        facts: dict[str, Any] = json.loads(model.Buffers(buffers[0]).DataAsNumpy().tobytes())
        version = facts["schema_version"]
        _ = facts["input"]["scale"], facts["busy_index"], facts["threshold"]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelFormatError(f"its {METADATA_NAME} metadata is damaged: {error!r}") from error
    if version != SCHEMA_VERSION:
        raise ModelFormatError(
            f"schema version {version}, this cvpark reads {SCHEMA_VERSION}; update cvpark or "
            "convert the model again"
        )
    return facts


def _quantisation(details: dict[str, Any]) -> tuple[float, int] | None:
    """Scale and zero point of a quantised tensor, None of a float one."""
    dtype = np.dtype(details["dtype"])
    if dtype == np.float32:
        return None
    scale, zero_point = details["quantization"]
    if dtype not in (np.uint8, np.int8) or not scale:
        raise ModelFormatError(
            f"tensor {details['name']!r} of {dtype}; expected float32, or quantised uint8 or int8"
        )
    return float(scale), int(zero_point)


def _infer_scale(quantisation: tuple[float, int] | None) -> tuple[float, float]:
    """The common scale whose range the quantised input spans, to one in fifty."""
    if quantisation:
        step = quantisation[0]
        for low, high in _SCALES:
            if abs(step * 255 / (high - low) - 1) < 0.02:
                return low, high
    raise ModelFormatError(
        "nothing says what its input values are; give scale=(0, 1), (-1, 1) or (0, 255), on the "
        "command line --scale 0 1 and so on: the values of pixel 0 and of pixel 255"
    )


def _quantise(
    values: NDArray[np.floating], dtype: np.dtype[Any], quantisation: tuple[float, int] | None
) -> NDArray[Any]:
    if quantisation is None:
        return values.astype(dtype)
    scale, zero_point = quantisation
    limits = np.iinfo(dtype)
    steps: NDArray[Any] = np.clip(np.rint(values / scale) + zero_point, limits.min, limits.max)
    return steps.astype(dtype)
