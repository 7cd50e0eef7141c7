"""Slow oracles of the support vector machines."""

from __future__ import annotations

import numpy as np


def linear(X, weights, intercept):
    """One product after the other."""
    return [
        intercept
        + sum(float(value) * float(weight) for value, weight in zip(x, weights, strict=True))
        for x in X
    ]


def rbf(X, arrays):
    """The sum of Gaussians as the scorer's docstring writes it, differences squared one by one."""
    centres = arrays["centres"] * arrays["centre_steps"]
    scores = []
    for x in X:
        along = arrays["projection"].astype(float) @ x.astype(float)
        point = along * arrays["projection_steps"] + arrays["projection_offset"]
        squares = ((centres - point) ** 2).sum(axis=1)
        gaussians = np.exp(-float(arrays["gamma"]) * squares)
        scores.append(float(arrays["intercept"]) + (arrays["weights"] * gaussians).sum())
    return scores


def rbf_arrays(rng, n_features, n_components, n_centres):
    """Arrays of the orders of magnitude that fitted ones have, integers to their limits."""

    def integers(*shape):
        return rng.integers(-128, 128, shape).astype(np.int8)

    return {
        "projection": integers(n_components, n_features),
        "projection_steps": 2.0 ** rng.integers(-10, -6, n_components),
        "projection_offset": rng.normal(size=n_components),
        "centres": integers(n_centres, n_components),
        "centre_steps": 2.0 ** rng.integers(-7, -4, n_components),
        "weights": rng.normal(size=n_centres),
        "gamma": np.array(0.3 / n_components),
        "intercept": np.array(-0.25),
    }
