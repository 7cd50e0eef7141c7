"""Convert a trained CNN to TFLite."""

from __future__ import annotations

import contextlib
import io
import json
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._files import atomic_write
from ..datasets import Split, check_same_split
from ..exceptions import AccuracyLossWarning, ModelFormatError
from ..models import CNN, rate
from ..models._tflite import SCHEMA_VERSION
from ._card import split_facts, versions
from ._data import Progress, load_patches
from ._keras import load_tensorflow
from ._metadata import write_metadata
from ._train import THRESHOLD

PRECISIONS = ("float32", "dynamic", "int8")

_PIXEL_SCALE = (0.0, 255.0)  # networks of this package scale pixels themselves
_N_CALIBRATION = 512
_TOLERATED_LOSS = 0.002


@dataclass(frozen=True)
class Conversion:
    """A converted model.

    Parameters
    ----------
    path : Path
        The ``.tflite`` file; its card lies beside it with ``.json``.
    card : dict
        ``card["validation"]`` was measured after the conversion.

    Examples
    --------
    >>> Conversion(Path("tiny-int8.tflite"), {"bytes": 217776}).path.stem
    'tiny-int8'
    """

    path: Path
    card: dict[str, Any]


def convert(
    model: str | Path,
    training: Split,
    validation: Split,
    out: str | Path | None = None,
    *,
    seed: int = 0,
    facts: Mapping[str, Any] | None = None,
    progress: Progress = lambda items, total: items,
) -> list[Conversion]:
    """Convert to float32, to 8-bit weights (dynamic) and wholly to 8 bits (int8).

    Each is measured on the validation split after the conversion and carries its card inside. The
    int8 one takes uint8 pixels as they are and is calibrated on training patches.

    Parameters
    ----------
    model : str or path
        The ``.keras`` file, its card beside it.
    training, validation : Split
        The ones it was trained with.
    out : str or path, optional
        Folder of ``<stem>-float32.tflite`` and so on. Default: the model's.
    seed : int
        Of the choice of calibration patches.
    facts : mapping, optional
        More for the cards, such as the command that makes them.
    progress : callable
        Called with the parts of a split to be read and their number; passes them through.

    Returns
    -------
    list of Conversion
        In the order of `PRECISIONS`.

    Warns
    -----
    AccuracyLossWarning
        int8 is more than 0.2 points of accuracy below float32.

    Raises
    ------
    ModelFormatError
        Not a Keras model of an occupancy classifier, or its card is missing.
    SplitMismatchError
        The splits are not those of the card.
    MissingExtraError
        TensorFlow is not installed.

    Examples
    --------
    >>> from cvpark.datasets import Dataset
    >>> dataset = Dataset("cnrpark")  # doctest: +SKIP
    >>> float32, dynamic, int8 = convert(
    ...     "tiny.keras", dataset.split("train"), dataset.split("val")
    ... )  # doctest: +SKIP
    """
    load_tensorflow()
    model = Path(model)
    network, card = _load(model), _read_card(model.with_suffix(".json"))
    for role, split in (("training", training), ("validation", validation)):
        fingerprint = card[role]["fingerprint"]
        check_same_split(
            str(model), fingerprint, split.fingerprint, f"convert with its {role} split"
        )
    size = network.input_shape[1]
    chosen = np.zeros(len(training), bool)
    rng = np.random.default_rng(seed)
    chosen[rng.permutation(len(training))[:_N_CALIBRATION]] = True
    calibration = load_patches(training.select(chosen), size)
    held_out = load_patches(validation, size, progress)

    folder = Path(out) if out else model.parent
    folder.mkdir(parents=True, exist_ok=True)
    conversions = []
    for precision in PRECISIONS:
        content = convert_network(network, precision, calibration)
        busy = CNN(content, scale=_PIXEL_SCALE, n_jobs=-1).predict_proba(held_out)[:, 1]
        record = {
            **card,
            **(facts or {}),
            "schema_version": SCHEMA_VERSION,
            "precision": precision,
            "signature": _signature(content),
            "input": {"size": size, "channels": 3, "order": "RGB", "scale": _PIXEL_SCALE},
            "classes": ["free", "busy"],
            "busy_index": 1,
            "threshold": THRESHOLD,
            "validation": split_facts(validation) | rate(validation.labels, busy, THRESHOLD),
            "versions": versions(),
        }
        file = folder / f"{model.stem}-{precision}.tflite"
        conversions.append(_write(write_metadata(content, record), file))
    _compare(conversions)
    return conversions


def _load(model: Path) -> Any:
    _, keras = load_tensorflow()
    try:
        network = keras.models.load_model(model, compile=False)
    except (OSError, ValueError, TypeError) as error:
        reason = str(error).partition("\n")[0]
        raise ModelFormatError(f"{model}: not a Keras model: {reason}") from error
    given, answer = network.input_shape, network.output_shape
    if given != (None, given[1], given[1], 3) or given[1] is None or answer != (None, 1):
        raise ModelFormatError(
            f"{model}: input {given}, output {answer}; expected what cvpark cnn train writes: "
            "(None, size, size, 3) and (None, 1)"
        )
    return network


def _read_card(file: Path) -> dict[str, Any]:
    try:
        card: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        _ = card["training"]["fingerprint"], card["validation"]["fingerprint"]
    except OSError as error:
        raise ModelFormatError(
            f"{file}: {error.strerror}; it is written beside the model by cvpark cnn train"
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise ModelFormatError(f"{file}: not the card of a CNN: {error!r}") from error
    return card


def convert_network(network: Any, precision: str, calibration: NDArray[np.uint8]) -> bytes:
    """The network as TFLite in one of `PRECISIONS`, without a card.

    Parameters
    ----------
    network : keras.Model
    precision : str
    calibration : ndarray of uint8, shape (n, size, size, 3)
        Patches whose values int8 is calibrated on.
    """
    tf, _ = load_tensorflow()
    converter = tf.lite.TFLiteConverter.from_keras_model(network)
    if precision != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if precision == "int8":

        def samples() -> Iterator[list[NDArray[np.float32]]]:
            for patch in calibration:
                yield [patch[np.newaxis].astype(np.float32)]

        converter.representative_dataset = samples
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.uint8
    # Keras prints the exported signature on stdout, which belongs to the caller.
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        content: bytes = converter.convert()
    return content


def _signature(content: bytes) -> dict[str, Any]:
    """Names, shapes and quantisation of input and output, as an interpreter takes them."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=content)
    ((key, names),) = interpreter.get_signature_list().items()

    def describe(name: str, tensor: dict[str, Any]) -> dict[str, Any]:
        step, zero_point = tensor["quantization"]
        return {
            "name": name,
            "shape": tensor["shape_signature"].tolist(),
            "dtype": np.dtype(tensor["dtype"]).name,
            "quantization": {"scale": step, "zero_point": zero_point} if step else None,
        }

    return {
        "key": key,
        "input": describe(names["inputs"][0], interpreter.get_input_details()[0]),
        "output": describe(names["outputs"][0], interpreter.get_output_details()[0]),
    }


def _write(content: bytes, file: Path) -> Conversion:
    card = CNN(content, name=file.stem).card
    with atomic_write(file) as partial:
        partial.write_bytes(content)
    with atomic_write(file.with_suffix(".json")) as partial:
        partial.write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")
    return Conversion(file, card)


def _compare(conversions: list[Conversion]) -> None:
    accuracy = {done.card["precision"]: done.card["validation"]["accuracy"] for done in conversions}
    loss = accuracy["float32"] - accuracy["int8"]
    if loss > _TOLERATED_LOSS:
        warnings.warn(
            f"int8 loses {100 * loss:.2f} points of validation accuracy to float32: "
            f"{accuracy['int8']:.4f} instead of {accuracy['float32']:.4f}; use float32 or dynamic",
            AccuracyLossWarning,
            stacklevel=3,
        )
