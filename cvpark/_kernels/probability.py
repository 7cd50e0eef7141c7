"""Score to probability."""

from __future__ import annotations

import math

from ._jit import Array, jit


@jit
def sigmoid(scores: Array, slope: float, intercept: float, out: Array) -> None:
    """Fill ``out`` (n, 2) float64 with P(free) and P(busy) of ``scores`` (n,) float64."""
    for i in range(scores.size):
        exponent = slope * scores[i] + intercept
        # Each from the exponent and not from the other: no small one is lost to rounding.
        out[i, 0] = 1.0 / (1.0 + math.exp(exponent))
        out[i, 1] = 1.0 / (1.0 + math.exp(-exponent))
