"""Gradient-boosted trees in compiled form."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ..._kernels._jit import frozen
from ..._kernels.trees import N_LANES, NODE, tree_scores
from ...exceptions import ModelFormatError
from ._base import Arrays, check_input

MAX_FEATURES = MAX_TREE = 1 << 16  # numbers of columns and steps to a child are uint16
MAX_NODES = 1 << 22  # 64 MiB of memory
LINE = 64  # bytes that memory is fetched in
LINE_NODES = LINE // NODE.itemsize

# Type and dimensions of the arrays. One number a node, a split and a leaf, tree by tree.
ARRAYS = {
    "n_features": (np.int64, 0),
    "baseline": (np.float64, 0),
    "sizes": (np.uint32, 1),  # of each tree, in nodes
    "children": (np.uint16, 1),  # of each node: how far ahead the first child is, 0 of leaves
    "features": (np.uint16, 1),  # of each split
    "thresholds": (np.float32, 1),  # of each split; the second child is for values above
    "values": (np.float64, 1),  # of each leaf
}
FITTED = ("_predictors", "_baseline_prediction", "classes_", "n_features_in_", "is_categorical_")


class TreeScorer:
    """A binary `HistGradientBoostingClassifier` in the form the kernels take.

    Each row reaches the same leaves as in scikit-learn, by the same comparisons: `X` is float32,
    so thresholds need no more digits. Sums of leaf values are in another order. Missing values,
    which descriptors do not have, always go to the first child.

    Parameters
    ----------
    arrays : mapping of str to ndarray
        As `arrays` gives them, sound: use `from_arrays`, which looks.

    Attributes
    ----------
    form : str
        ``trees``.
    n_features : int
        Columns it takes.

    Examples
    --------
    >>> from sklearn.ensemble import HistGradientBoostingClassifier
    >>> X = np.arange(100, dtype=np.float32)[:, np.newaxis]
    >>> classifier = HistGradientBoostingClassifier(max_iter=20).fit(X, X[:, 0] > 30)
    >>> scorer, scores = TreeScorer.from_estimator(classifier), np.empty(100)
    >>> scorer(X, scorer.workspace(100), scores)
    >>> bool(np.allclose(scores, classifier.decision_function(X)))
    True
    """

    form = "trees"

    def __init__(self, arrays: Arrays) -> None:
        self._arrays = {name: np.array(arrays[name]) for name in ARRAYS}
        self.n_features = int(arrays["n_features"])
        self._trees = _lay_out(self._arrays)

    @classmethod
    def from_estimator(cls, estimator: Any) -> Self:
        """Take over a fitted classifier, alone or as the only step of a pipeline.

        Parameters
        ----------
        estimator : HistGradientBoostingClassifier or Pipeline
            Fitted by scikit-learn 1.6 to 1.9, whose private attributes are read.

        Raises
        ------
        ValueError
            Another estimator, more than two classes, categorical features, or too large.
        """
        try:
            return cls.from_arrays(_extract(_classifier(estimator)))
        except ModelFormatError as error:
            raise ValueError(f"cannot be compiled: {error}") from error

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> Self:
        """Rebuild it from what `arrays` gave, here or elsewhere; every index is checked.

        Raises
        ------
        ModelFormatError
            Arrays missing, of other shapes or dtypes, not finite, or no trees.
        """
        _check_types(arrays)
        _check_numbers(arrays)
        _check_trees(arrays)
        return cls(arrays)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """All it knows."""
        return dict(self._arrays)

    def workspace(self, capacity: int) -> None:
        """Nothing: it needs no working memory."""

    def bind(self, X: NDArray[np.float32], workspace: Any) -> Callable[..., None]:
        """A call that fills its argument with the scores of a checked ``X``."""
        return partial(tree_scores, X, *self._trees)

    def __call__(self, X: NDArray[np.float32], workspace: Any, out: NDArray[np.float64]) -> None:
        """Fill ``out`` (n,) with the ``decision_function`` of ``X`` (n, n_features).

        Raises
        ------
        ValueError
            Another number of columns or of scores.
        """
        self.bind(check_input(X, self.n_features, out), workspace)(out)


def _classifier(estimator: Any) -> Any:
    """The classifier itself, known to be one that compiles."""
    if hasattr(estimator, "steps"):
        if len(estimator.steps) != 1:
            raise ValueError(
                f"cannot be compiled: trees in a pipeline of {len(estimator.steps)} steps"
            )
        estimator = estimator.steps[0][1]
    for name in FITTED:
        if not hasattr(estimator, name):
            raise ValueError(
                f"cannot be compiled: {type(estimator).__name__} has no {name}; expected a "
                "HistGradientBoostingClassifier fitted by scikit-learn 1.6 to 1.9"
            )
    if len(estimator.classes_) != 2:
        raise ValueError(f"cannot be compiled: trees of {len(estimator.classes_)} classes")
    if estimator.is_categorical_ is not None:
        raise ValueError("cannot be compiled: trees of categorical features")
    return estimator


def _extract(classifier: Any) -> dict[str, NDArray[Any]]:
    """The arrays of a fitted classifier.

    Deep trees come first, as trees of a block take as many steps as the deepest. Within a tree,
    splits that more training patches came through come first: what is read lies close together.
    """
    records = [predictor.nodes for (predictor,) in classifier._predictors]
    records.sort(key=lambda nodes: int(nodes["depth"].max()), reverse=True)
    sizes = np.array([len(nodes) for nodes in records])
    if sizes.max() > MAX_TREE or classifier.n_features_in_ > MAX_FEATURES:
        raise ModelFormatError(f"trees of over {MAX_TREE} nodes or over {MAX_FEATURES} columns")
    nodes = np.concatenate(records)
    starts = np.cumsum(sizes) - sizes
    tree = np.repeat(np.arange(len(sizes)), sizes)

    splits = np.flatnonzero(nodes["is_leaf"] == 0)
    splits = splits[np.lexsort((-nodes["count"][splits].astype(np.int64), tree[splits]))]
    # As many splits before as there are pairs of children before, and all nodes but roots are some.
    first = np.arange(len(splits)) * 2 + tree[splits] + 1
    position = np.empty(len(nodes), np.int64)
    position[starts] = starts
    position[starts[tree[splits]] + nodes["left"][splits]] = first
    position[starts[tree[splits]] + nodes["right"][splits]] = first + 1
    children = np.zeros(len(nodes), np.int64)
    children[position[splits]] = first - position[splits]

    nodes = nodes[np.argsort(position)]
    is_split = nodes["is_leaf"] == 0
    return {
        "n_features": np.array(classifier.n_features_in_, np.int64),
        "baseline": np.array(classifier._baseline_prediction[0, 0], np.float64),
        "sizes": sizes.astype(np.uint32),
        "children": children.astype(np.uint16),
        "features": nodes["feature_idx"][is_split].astype(np.uint16),
        "thresholds": _round_down(nodes["num_threshold"][is_split]),
        "values": nodes["value"][~is_split],
    }


def _round_down(thresholds: NDArray[np.float64]) -> NDArray[np.float32]:
    """The largest float32 up to each threshold: a float32 is above both or above none."""
    with np.errstate(over="ignore"):
        nearest = thresholds.astype(np.float32)
    below = np.nextafter(nearest, np.float32(-np.inf))
    return np.where(nearest > thresholds, below, nearest)


def _check_types(arrays: Arrays) -> None:
    if set(arrays) != set(ARRAYS):
        raise ModelFormatError(f"expected the arrays {', '.join(ARRAYS)} of trees, got others")
    for name, (dtype, ndim) in ARRAYS.items():
        array = arrays[name]
        if array.dtype != dtype or array.ndim != ndim:
            raise ModelFormatError(
                f"{name} of trees: got {array.ndim} dimensions of {array.dtype.str[:20]}, "
                f"expected {ndim} of {np.dtype(dtype).str}"
            )


def _check_numbers(arrays: Arrays) -> None:
    sizes = arrays["sizes"].astype(np.int64)
    if not 0 < sizes.size <= MAX_NODES or sizes.min() == 0 or _padded(sizes).sum() > MAX_NODES:
        raise ModelFormatError(f"no trees, empty trees or more than {MAX_NODES} nodes")
    n_splits = np.count_nonzero(arrays["children"])
    expected = {
        "children": sizes.sum(),
        "features": n_splits,
        "thresholds": n_splits,
        "values": sizes.sum() - n_splits,
    }
    for name, size in expected.items():
        if arrays[name].size != size:
            raise ModelFormatError(f"got {arrays[name].size} {name} of trees, expected {size}")
    if not 0 < arrays["n_features"] <= MAX_FEATURES:
        raise ModelFormatError(f"n_features of trees is not between 1 and {MAX_FEATURES}")
    if np.any(arrays["features"] >= arrays["n_features"]):
        raise ModelFormatError("trees ask for columns past the last")
    with np.errstate(over="ignore"):
        largest_score = abs(arrays["baseline"]) + np.abs(arrays["values"]).sum()
    if not np.isfinite(largest_score) or np.any(np.isnan(arrays["thresholds"])):
        raise ModelFormatError("thresholds, values or baseline of trees are not finite")


def _check_trees(arrays: Arrays) -> None:
    """Refuse what is not, within each tree, a root and two children below each split."""
    sizes, children = arrays["sizes"].astype(np.int64), arrays["children"]
    stops = np.cumsum(sizes)
    splits = np.flatnonzero(children)
    first = splits + children[splits]
    if np.any(first + 1 >= np.repeat(stops, sizes)[splits]):
        raise ModelFormatError("children point out of their tree")
    # With all children behind their parents, one parent each is what makes them trees.
    n_parents = np.bincount(np.concatenate((first, first + 1)), minlength=children.size)
    n_parents[stops - sizes] += 1
    if np.any(n_parents != 1):
        raise ModelFormatError("nodes are children of several splits, or of none")


def _padded(sizes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Nodes up to where the next tree starts: an odd number of cache lines.

    An even number would put the roots of most trees into few sets of the cache.
    """
    return (-(-sizes // LINE_NODES) | 1) * LINE_NODES


def _lay_out(arrays: Arrays) -> tuple[Any, ...]:
    """What `tree_scores` takes between ``X`` and ``out``."""
    sizes, children = arrays["sizes"].astype(np.int64), arrays["children"]
    padded = _padded(sizes)
    roots = np.cumsum(padded) - padded
    shifts = np.repeat(roots - (np.cumsum(sizes) - sizes), sizes)
    position = np.arange(children.size) + shifts

    nodes, values = _zeros(padded.sum(), NODE), _zeros(padded.sum(), np.float64)
    is_split = children != 0
    nodes["threshold"] = np.inf
    nodes["threshold"][position[is_split]] = arrays["thresholds"]
    nodes["feature"][position[is_split]] = arrays["features"]
    nodes["child"][position] = children
    values[position[~is_split]] = arrays["values"]

    depths = _depths(sizes, children)
    blocks = np.maximum.reduceat(depths, np.arange(0, depths.size, N_LANES))
    return (
        frozen(nodes),
        frozen(values),
        frozen(roots.astype(np.uint32)),
        frozen(blocks.astype(np.uint32)),
        float(arrays["baseline"]),
    )


def _depths(sizes: NDArray[np.int64], children: NDArray[np.uint16]) -> NDArray[np.int64]:
    """Steps from the root of each tree to its farthest leaf."""
    tree = np.repeat(np.arange(sizes.size), sizes)
    depths = np.zeros(sizes.size, np.int64)
    nodes = np.cumsum(sizes) - sizes
    depth = 0
    while True:
        splits = nodes[children[nodes] != 0]
        if splits.size == 0:
            return depths
        depth += 1
        depths[tree[splits]] = depth
        first = splits + children[splits]
        nodes = np.concatenate((first, first + 1))


def _zeros(size: int, dtype: Any) -> NDArray[Any]:
    """Zeros that start where a cache line does, as each tree then does."""
    dtype = np.dtype(dtype)
    raw = np.zeros(size * dtype.itemsize + LINE, np.uint8)
    start = -raw.ctypes.data % LINE
    return raw[start : start + size * dtype.itemsize].view(dtype)
