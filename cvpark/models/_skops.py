"""Scikit-learn estimators to bytes and back: no pickle, and known types only."""

from __future__ import annotations

import io
import json
import warnings
from collections.abc import Iterator
from typing import Any
from zipfile import ZIP_STORED, ZipFile

from ..exceptions import ModelFormatError

# All that the classifiers of this package are made of. skops itself would take any public
# estimator of scikit-learn, and some of those call what they are told to.
_CLASSIFIERS = {
    "sklearn.decomposition._pca.PCA",
    "sklearn.ensemble._hist_gradient_boosting.gradient_boosting.HistGradientBoostingClassifier",
    "sklearn.kernel_approximation.Nystroem",
    "sklearn.pipeline.Pipeline",
    "sklearn.preprocessing._data.StandardScaler",
    "sklearn.svm._classes.LinearSVC",
    "sklearn.svm._classes.SVC",
}
_WITHIN_GBDT = {
    "numpy.random._generator.Generator",
    "sklearn._loss._loss.CyHalfBinomialLoss",
    "sklearn._loss.link.Interval",
    "sklearn._loss.link.LogitLink",
    "sklearn._loss.loss.HalfBinomialLoss",
    "sklearn.ensemble._hist_gradient_boosting.binning._BinMapper",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.preprocessing._label.LabelEncoder",
}
_DATA = {
    *(f"builtins.{name}" for name in ("dict", "list", "str", "tuple")),
    *(f"numpy.{name}" for name in ("float32", "float64", "int32", "int64", "ndarray", "uint64")),
}
_TYPES = _CLASSIFIERS | _WITHIN_GBDT | _DATA
_NODES = {
    *("DictNode", "JsonNode", "ListNode", "LossNode", "NdArrayNode", "ObjectNode"),
    *("RandomGeneratorNode", "TupleNode", "TypeNode"),
}
_TRUSTED = ["sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor"]
_SCHEMA = "schema.json"
MAX_BYTES = 2**28


def dump_estimator(estimator: Any) -> bytes:
    """A fitted classifier as a skops file, not compressed: as a whole it compresses better."""
    import skops.io

    data: bytes = skops.io.dumps(estimator, compression=ZIP_STORED)
    return data


def load_estimator(data: bytes) -> Any:
    """The classifier that `dump_estimator` wrote.

    Raises
    ------
    ModelFormatError
        Types in it that no classifier of this package is made of, or more data than one has.
    Exception
        Whatever a damaged file provokes.
    """
    import skops.io
    from sklearn.exceptions import InconsistentVersionWarning

    with ZipFile(io.BytesIO(data)) as archive:
        if sum(info.file_size for info in archive.infolist()) > MAX_BYTES:
            raise ModelFormatError("its estimator unpacks to too much")
        for kind in _types(json.loads(archive.read(_SCHEMA))):
            if kind not in _TYPES | _NODES:
                raise ModelFormatError(f"its estimator holds a {kind[:120]!r}, which is not loaded")
    with warnings.catch_warnings():
        # What counts is whether it loads; the versions it was made with are in its card.
        warnings.simplefilter("ignore", InconsistentVersionWarning)
        return skops.io.loads(data, trusted=_TRUSTED)


def _types(node: Any) -> Iterator[str]:
    """Types and kinds of nodes named anywhere in a skops schema."""
    if isinstance(node, dict):
        if "__class__" in node or "__loader__" in node:
            yield f"{node.get('__module__')}.{node.get('__class__')}"
            yield str(node.get("__loader__"))
        for child in node.values():
            yield from _types(child)
    elif isinstance(node, list):
        for child in node:
            yield from _types(child)
