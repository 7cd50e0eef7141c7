"""Latency of models on the same patches, interleaved."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from time import perf_counter_ns
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..models import Model

Progress = Callable[[Iterable[Any], int], Iterable[Any]]

_WARM_UP = 3


def single_stream(
    models: Sequence[Model],
    patches: Sequence[NDArray[np.uint8]],
    *,
    rounds: int = 1,
    seed: int = 0,
    progress: Progress = lambda items, total: items,
) -> NDArray[np.int64]:
    """Time from a decoded RGB patch in memory to its probability, one patch and one thread.

    Each patch goes to all models in an order drawn anew, so a machine that slows down for a
    moment slows every model alike. First calls, which compile and allocate, are made before.

    Parameters
    ----------
    models : sequence of Model
    patches : sequence of ndarray of uint8, shape (height, width, 3)
    rounds : int
        How often the patches are gone through.
    seed : int
        Of the order.
    progress : callable
        Called with the rounds' patches and their number; passes them through.

    Returns
    -------
    ndarray of int64, shape (rounds * n_patches, n_models)
        Nanoseconds.
    """
    from threadpoolctl import threadpool_limits

    order = np.random.default_rng(seed)
    samples = np.empty((rounds * len(patches), len(models)), np.int64)
    with threadpool_limits(1):
        for model in models:
            for patch in patches[:_WARM_UP]:
                model.predict_proba(patch)
        calls = [patch for _ in range(rounds) for patch in patches]
        for row, patch in enumerate(progress(calls, len(calls))):
            for column in order.permutation(len(models)):
                start = perf_counter_ns()
                models[column].predict_proba(patch)
                samples[row, column] = perf_counter_ns() - start
    return samples


def percentiles_us(samples: NDArray[np.int64]) -> dict[str, float]:
    """p50, p95 and p99 of nanosecond samples, in microseconds, and how many there are.

    Examples
    --------
    >>> percentiles_us(np.array([1000, 2000, 3000]))["p50"]
    2.0
    """
    p50, p95, p99 = np.percentile(samples, [50, 95, 99]) / 1000
    return {"p50": float(p50), "p95": float(p95), "p99": float(p99), "n_samples": len(samples)}
