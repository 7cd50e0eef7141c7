"""Slow oracle of decision trees: a leaf is a number, a split a tuple."""

from __future__ import annotations

import numpy as np

from cvpark._kernels.trees import N_LANES, NODE


def random_tree(rng, n_splits, n_features):
    """Splits at random leaves, by few thresholds, so that values often equal one."""
    if n_splits == 0:
        return float(rng.normal())
    n_left = int(rng.integers(n_splits))
    feature, threshold = int(rng.integers(n_features)), np.float32(rng.integers(4) / 3)
    left = random_tree(rng, n_left, n_features)
    return feature, threshold, left, random_tree(rng, n_splits - 1 - n_left, n_features)


def random_rows(rng, n, n_features):
    return (rng.integers(-1, 5, (n, n_features)) / 3).astype(np.float32)


def leaf(tree, x):
    while isinstance(tree, tuple):
        feature, threshold, left, right = tree
        tree = right if x[feature] > threshold else left
    return tree


def scores(trees, baseline, X):
    return np.array([baseline + sum(leaf(tree, x) for tree in trees) for x in X])


def depth(tree):
    return 1 + max(depth(tree[2]), depth(tree[3])) if isinstance(tree, tuple) else 0


def breadth_first(tree):
    """Nodes, and how far ahead the first child of each is, 0 of leaves."""
    nodes, ahead = [tree], []
    for index, node in enumerate(nodes):  # grows on the way
        ahead.append(len(nodes) - index if isinstance(node, tuple) else 0)
        nodes.extend(node[2:] if isinstance(node, tuple) else ())
    return nodes, ahead


def kernel_arrays(trees):
    """What the kernel takes: nodes, values, roots, depths."""
    rows, values, roots = [], [], []
    for tree in trees:
        roots.append(len(rows))
        for node, ahead in zip(*breadth_first(tree), strict=True):
            rows.append((node[1], node[0], ahead) if ahead else (np.inf, 0, 0))
            values.append(0.0 if ahead else node)
    depths = [
        max(map(depth, trees[start : start + N_LANES])) for start in range(0, len(trees), N_LANES)
    ]
    return (
        np.array(rows, NODE),
        np.array(values, np.float64),
        np.array(roots, np.uint32),
        np.array(depths, np.uint32),
    )


def file_arrays(trees, baseline, n_features):
    """What a model file holds."""
    parts = [breadth_first(tree) for tree in trees]
    nodes = [node for part, _ in parts for node in part]
    splits = [node for node in nodes if isinstance(node, tuple)]
    return {
        "n_features": np.array(n_features, np.int64),
        "baseline": np.array(baseline, np.float64),
        "sizes": np.array([len(part) for part, _ in parts], np.uint32),
        "children": np.array([step for _, ahead in parts for step in ahead], np.uint16),
        "features": np.array([node[0] for node in splits], np.uint16),
        "thresholds": np.array([node[1] for node in splits], np.float32),
        "values": np.array([node for node in nodes if not isinstance(node, tuple)], np.float64),
    }


def read(arrays):
    """The trees of a model file, taken at its word."""
    children = arrays["children"]
    numbers = iter(zip(arrays["features"].tolist(), arrays["thresholds"], strict=True))
    values = iter(arrays["values"].tolist())
    payload = [next(numbers) if step else next(values) for step in children]

    def tree(index):
        if not children[index]:
            return payload[index]
        first = index + int(children[index])
        return (*payload[index], tree(first), tree(first + 1))

    sizes = arrays["sizes"].tolist()
    return [tree(sum(sizes[:number])) for number in range(len(sizes))]
