"""Score to probability."""

from __future__ import annotations

import math

from ._jit import Array, jit


@jit
def sigmoid(scores: Array, slope: float, intercept: float, out: Array) -> None:
    """Fill ``out`` (n, 2) float64 with P(free) and P(busy) of ``scores`` (n,) float64."""
    for i in range(scores.size):
        exponent = slope * scores[i] + intercept
        # Of a power of at most 1, which cannot overflow; and the smaller one is not what the
        # larger leaves of 1, which rounding would make 0.
        power = math.exp(-abs(exponent))
        smaller, larger = power / (1.0 + power), 1.0 / (1.0 + power)
        out[i, 0] = smaller if exponent > 0.0 else larger
        out[i, 1] = larger if exponent > 0.0 else smaller


@jit
def piecewise_linear(scores: Array, knots: Array, heights: Array, out: Array) -> None:
    """Fill ``out`` (n, 2) float64 with P(free) and P(busy) of ``scores`` (n,) float64.

    P(busy) runs straight from knot to knot and level outside of them. ``knots`` (k,) float64
    ascend strictly, two at least; ``heights`` (k,) float64 are P(busy) there and never descend.
    """
    for i in range(scores.size):
        # Whatever the score, NaN too, the search stays within the array.
        left, right = 0, knots.size - 1
        while right - left > 1:
            middle = (left + right) // 2
            if knots[middle] <= scores[i]:
                left = middle
            else:
                right = middle
        share = (scores[i] - knots[left]) / (knots[right] - knots[left])
        if share <= 0.0:
            busy = heights[left]
        elif share >= 1.0:
            busy = heights[right]
        else:
            risen = share * (heights[right] - heights[left])
            # Rounding might exceed the right end. It comes second: so NaN stays NaN.
            busy = min(heights[left] + risen, heights[right])
        out[i, 0] = 1.0 - busy
        out[i, 1] = busy
