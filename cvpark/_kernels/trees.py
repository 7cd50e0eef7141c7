"""Descriptor to score: sums of decision trees."""

from __future__ import annotations

import numpy as np

from ._jit import Array, jit

# The children of a node are neighbours, ``child`` nodes further on, the second of them for values
# above the threshold. In a leaf ``child`` is 0 and the threshold infinite: walking on, one stays.
NODE = np.dtype([("threshold", np.float32), ("feature", np.uint16), ("child", np.uint16)])

# Trees walked side by side. More would wait less for memory and walk on in more leaves.
N_LANES = 32


@jit
def tree_scores(
    X: Array, nodes: Array, values: Array, roots: Array, depths: Array, baseline: float, out: Array
) -> None:
    """Fill ``out`` (n,) float64 with the sums of ``baseline`` and the leaves rows of ``X`` reach.

    ``X`` is float32 (n, n_features). ``nodes`` are of type `NODE`, ``values`` (float64) their
    values where they are leaves, ``roots`` (uint32) where the trees start, ``depths`` (uint32) the
    depth of the deepest of each `N_LANES` trees. Not a number counts as below any threshold.

    A tree takes one step at a time, then it is the next one's turn: their loads do not wait for
    each other, and there is no branch to mispredict. Blocks of trees serve all rows before the
    next block, so they come from the nearest cache.
    """
    at = np.empty(N_LANES, np.uint32)
    for row in range(X.shape[0]):
        out[row] = baseline
    for block in range(depths.size):
        first = block * N_LANES
        n_trees = min(N_LANES, roots.size - first)
        for row in range(X.shape[0]):
            x = X[row]
            for lane in range(n_trees):
                at[lane] = roots[first + lane]
            for _ in range(depths[block]):
                for lane in range(n_trees):
                    # Unsigned, so that no index is tested for being negative.
                    here = np.uint64(at[lane])
                    node = nodes[here]
                    above = x[np.uint64(node["feature"])] > node["threshold"]
                    at[lane] = here + np.uint64(node["child"]) + np.uint64(above)
            total = 0.0
            for lane in range(n_trees):
                total += values[np.uint64(at[lane])]
            out[row] += total
