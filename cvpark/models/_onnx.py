"""A classical model's classifier as ONNX: descriptors in, probabilities out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import __version__
from ..exceptions import MissingExtraError
from ._calibration import Calibration, Sigmoid
from ._predictor import Predictor

# Of 2021 and 2020, so that runtimes of some age take the file too.
_OPSET, _ML_OPSET, _IR_VERSION = 15, 2, 8
_ML_DOMAIN = "ai.onnx.ml"
_X, _SCORE, _PROBABILITY = "descriptor", "score", "probability"


def to_onnx(model: Predictor) -> bytes:
    """The classifier of a model as an ONNX file.

    It is written from the compiled arrays, so it gives what the model gives. Its input
    ``descriptor`` is float32 (n, n_features), what `Descriptor.transform` makes; its outputs are
    ``score`` and ``probability`` (n, 1), P(busy), and ``occupancy`` (n, 1) int64 by the model's
    threshold. The description of the descriptor is in its metadata.

    Parameters
    ----------
    model : Predictor
        Any classical model.

    Returns
    -------
    bytes

    Raises
    ------
    MissingExtraError
        The package ``onnx`` is not installed.

    Examples
    --------
    >>> from cvpark.models import load_model
    >>> data = to_onnx(load_model("svm-linear"))
    >>> len(data) < 100_000
    True
    """
    try:
        import onnx
        from onnx import TensorProto, helper
    except ImportError as error:
        raise MissingExtraError('ONNX needs a package: pip install "cvpark[onnx]"') from error
    graph = _Graph()
    _FORMS[model.scorer.form](graph, model.scorer.arrays())
    _calibrate(graph, model.calibration)
    is_busy = graph.add("GreaterOrEqual", _PROBABILITY, graph.constant(np.array(model.threshold_)))
    graph.add("Cast", is_busy, output="occupancy", to=TensorProto.INT64)
    inputs = [helper.make_tensor_value_info(_X, TensorProto.FLOAT, ["n", model.scorer.n_features])]
    kinds = {_SCORE: "DOUBLE", _PROBABILITY: "DOUBLE", "occupancy": "INT64"}
    outputs = [
        helper.make_tensor_value_info(name, getattr(TensorProto, kind), ["n", 1])
        for name, kind in kinds.items()
    ]
    proto = helper.make_model(
        helper.make_graph(graph.nodes, model.kind, inputs, outputs, graph.constants),
        producer_name="cvpark",
        producer_version=__version__,
        ir_version=_IR_VERSION,
        opset_imports=[
            helper.make_opsetid("", _OPSET),
            helper.make_opsetid(_ML_DOMAIN, _ML_OPSET),
        ],
    )
    helper.set_model_props(proto, {"cvpark": json.dumps(_facts(model))})
    onnx.checker.check_model(proto, full_check=True)
    data: bytes = proto.SerializeToString()
    return data


def _facts(model: Predictor) -> dict[str, Any]:
    """What of the card makes the file understandable on its own."""
    names = ("descriptor", "classes", "threshold", "training", "validation", "data", "versions")
    return {name: model.card[name] for name in names if name in model.card}


class _Graph:
    """Nodes and constants, named as they come."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def constant(self, array: NDArray[Any]) -> str:
        """Name of a constant."""
        from onnx import numpy_helper

        name = f"constant{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def add(self, operator: str, *inputs: str, output: str | None = None, **attributes: Any) -> str:
        """Name of the output of a new node."""
        from onnx import helper

        name = output or f"value{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, list(inputs), [name], **attributes))
        return name

    def double(self, name: str) -> str:
        """The same in float64."""
        from onnx import TensorProto

        return self.add("Cast", name, to=TensorProto.DOUBLE)


def _calibrate(graph: _Graph, calibration: Calibration) -> None:
    if isinstance(calibration, Sigmoid):
        scaled = graph.add("Mul", _SCORE, graph.constant(np.array(calibration.slope)))
        exponent = graph.add("Add", scaled, graph.constant(np.array(calibration.intercept)))
        graph.add("Sigmoid", exponent, output=_PROBABILITY)
        return
    # Of each straight line the share that lies below the score, times what it rises.
    lowest, rises = calibration.probabilities[:1], np.diff(calibration.probabilities)
    beyond = graph.add("Sub", _SCORE, graph.constant(calibration.scores[:-1]))
    shares = graph.add("Div", beyond, graph.constant(np.diff(calibration.scores)))
    limits = graph.constant(np.array(0.0)), graph.constant(np.array(1.0))
    clipped = graph.add("Clip", shares, *limits)
    risen = graph.add("MatMul", clipped, graph.constant(rises[:, np.newaxis]))
    graph.add("Add", risen, graph.constant(lowest), output=_PROBABILITY)


def _linear(graph: _Graph, arrays: Mapping[str, NDArray[Any]]) -> None:
    weights = graph.double(graph.constant(arrays["weights"][:, np.newaxis]))
    product = graph.add("MatMul", graph.double(_X), weights)
    graph.add("Add", product, graph.constant(arrays["intercept"]), output=_SCORE)


def _rbf(graph: _Graph, arrays: Mapping[str, NDArray[Any]]) -> None:
    # The integers stay integers in the file, an eighth of its size.
    integers = graph.double(graph.constant(arrays["projection"].T))
    product = graph.add("MatMul", graph.double(_X), integers)
    scaled = graph.add("Mul", product, graph.constant(arrays["projection_steps"]))
    z = graph.add("Add", scaled, graph.constant(arrays["projection_offset"]))
    centres = graph.add(
        "Mul",
        graph.double(graph.constant(arrays["centres"].T)),
        graph.constant(arrays["centre_steps"][:, np.newaxis]),
    )
    # |z - c|^2 = z.z - 2 z.c + c.c, in float64, which has digits to spare for the differences.
    own = graph.add("ReduceSumSquare", z, axes=[1], keepdims=1)
    theirs = graph.add("ReduceSumSquare", centres, axes=[0], keepdims=1)
    twice = graph.add("Mul", graph.add("MatMul", z, centres), graph.constant(np.array(2.0)))
    squares = graph.add("Add", graph.add("Sub", own, twice), theirs)
    exponents = graph.add("Mul", squares, graph.constant(-arrays["gamma"]))
    weights = graph.constant(arrays["weights"][:, np.newaxis])
    total = graph.add("MatMul", graph.add("Exp", exponents), weights)
    graph.add("Add", total, graph.constant(arrays["intercept"]), output=_SCORE)


def _trees(graph: _Graph, arrays: Mapping[str, NDArray[Any]]) -> None:
    from onnx import helper

    sizes, children = arrays["sizes"].astype(np.int64), arrays["children"].astype(np.int64)
    tree = np.repeat(np.arange(sizes.size), sizes)
    node = np.arange(children.size) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    is_split = children > 0
    columns, thresholds = np.zeros(children.size, np.int64), np.zeros(children.size, np.float32)
    columns[is_split], thresholds[is_split] = arrays["features"], arrays["thresholds"]
    values = arrays["values"].astype(np.float32)
    total = f"value{len(graph.nodes)}"
    ensemble = helper.make_node(
        "TreeEnsembleRegressor",
        [_X],
        [total],
        domain=_ML_DOMAIN,
        n_targets=1,
        nodes_treeids=tree,
        nodes_nodeids=node,
        nodes_featureids=columns,
        nodes_modes=np.where(is_split, "BRANCH_LEQ", "LEAF").tolist(),
        nodes_values=thresholds,
        nodes_truenodeids=np.where(is_split, node + children, 0),
        nodes_falsenodeids=np.where(is_split, node + children + 1, 0),
        target_treeids=tree[~is_split],
        target_nodeids=node[~is_split],
        target_ids=np.zeros(values.size, np.int64),
        target_weights=values,
    )
    graph.nodes.append(ensemble)
    baseline = graph.constant(arrays["baseline"])
    graph.add("Add", graph.double(total), baseline, output=_SCORE)


_FORMS = {"linear": _linear, "rbf": _rbf, "trees": _trees}
