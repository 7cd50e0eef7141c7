"""Latency of models on the same patches, interleaved."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from time import perf_counter, perf_counter_ns
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..models import Model
from ._threads import limit_threads

if TYPE_CHECKING:
    import pandas as pd

Progress = Callable[[Iterable[Any], int, str], Iterable[Any]]
Patch = NDArray[np.uint8]
Samples = NDArray[np.int64] | NDArray[np.float64]

_LEAST_ROUNDS = 5
_PERCENTILES = {"p50": 50, "p95": 95, "p99": 99}


@dataclass(frozen=True)
class Scenario:
    """A way of using a model.

    Parameters
    ----------
    name : str
        As it is stored.
    n_patches : int or None
        Patches in a call; None is all there are.
    rounds : int
        Timed calls of each model.
    warm_up : int
        Calls of each model before, which compile, allocate and fill caches.

    Examples
    --------
    >>> Scenario("frame", n_patches=40, rounds=100, warm_up=3).n_patches
    40
    """

    name: str
    n_patches: int | None
    rounds: int
    warm_up: int


SCENARIOS: tuple[Scenario, ...] = (
    Scenario("single_stream", 1, 2000, 10),
    Scenario("frame", 40, 300, 3),
    Scenario("offline", None, 20, 1),
)


def measure_latency(
    models: Sequence[Model],
    patches: Sequence[Patch],
    *,
    threads: Iterable[int] | None = None,
    scenarios: Sequence[Scenario] = SCENARIOS,
    seconds: float = 20.0,
    seed: int = 0,
    progress: Progress = lambda items, total, label: items,
) -> pd.DataFrame:
    """Time from decoded RGB patches in memory to their probabilities, a sample a call.

    In each round all models get the same patches, in an order drawn anew, so a machine that slows
    down for a moment slows every model alike. Single patches are handed over one by one, a frame
    is 40 of them in one call, offline is all of ``patches`` in one call; patches of one size go
    as one array.

    Parameters
    ----------
    models : sequence of Model
        With names that differ. Their ``n_jobs`` is set, and put back afterwards.
    patches : sequence of ndarray of uint8, shape (height, width, 3)
        Gone through in their order, over and over.
    threads : iterable of int, optional
        Thread counts, see `limit_threads`. By default 1 and as many as there are cores.
    scenarios : sequence of Scenario
    seconds : float
        Each scenario ends after this time at each thread count, though not before 5 rounds.
    seed : int
        Of the order of models.
    progress : callable
        Called with rounds, their number and a label; passes the rounds through.

    Returns
    -------
    pandas.DataFrame
        Columns scenario, threads, model, round, n_patches and ns, a row a timed call in the order
        they were made.

    Examples
    --------
    >>> from cvpark.models import load_model
    >>> patches = [np.zeros((150, 150, 3), np.uint8)] * 4
    >>> quick = [Scenario("single_stream", 1, 3, 1), Scenario("offline", None, 1, 1)]
    >>> models = [load_model("svm-linear"), load_model("gbdt")]
    >>> table = measure_latency(models, patches, threads=[1], scenarios=quick)
    >>> table.groupby(["scenario", "model"], sort=False)["n_patches"].agg(["count", "first"])
                              count  first
    scenario      model
    ...
    """
    import pandas as pd

    if not models or not len(patches):
        raise ValueError(f"{len(models)} models and {len(patches)} patches: nothing to measure")
    order = np.random.default_rng(seed)
    rows: list[tuple[Any, ...]] = []
    for count in default_threads() if threads is None else dict.fromkeys(threads):
        with limit_threads(models, count):
            for scenario in scenarios:
                label = f"{scenario.name.replace('_', ' ')}, {count} thread{'s'[: count > 1]}"
                _warm_up(models, patches, scenario)
                rounds = progress(_within(seconds, scenario.rounds), scenario.rounds, label)
                for number in rounds:
                    given, n = call_input(patches, scenario.n_patches, number)
                    for column in order.permutation(len(models)):
                        predict = models[column].predict_proba
                        start = perf_counter_ns()
                        predict(given)
                        spent = perf_counter_ns() - start
                        rows.append((scenario.name, count, models[column].name, number, n, spent))
    return pd.DataFrame(rows, columns=["scenario", "threads", "model", "round", "n_patches", "ns"])


def default_threads() -> tuple[int, ...]:
    """One thread, and as many as there are cores for this process.

    Examples
    --------
    >>> default_threads()[0]
    1
    """
    from joblib import cpu_count

    return tuple(dict.fromkeys((1, cpu_count())))


def _warm_up(models: Sequence[Model], patches: Sequence[Patch], scenario: Scenario) -> None:
    for number in range(scenario.warm_up):
        given, _ = call_input(patches, scenario.n_patches, number)
        for model in models:
            model.predict_proba(given)


def _within(seconds: float, rounds: int) -> Iterator[int]:
    """Numbers of rounds until the time is over."""
    start = perf_counter()
    for number in range(rounds):
        if number >= _LEAST_ROUNDS and perf_counter() - start > seconds:
            return
        yield number


def call_input(
    patches: Sequence[Patch], n_patches: int | None, number: int
) -> tuple[Patch | list[Patch], int]:
    """What a call of this round gets, and how many patches that are.

    Examples
    --------
    >>> patches = [np.full((2, 2, 3), value, np.uint8) for value in (1, 2, 3)]
    >>> frame, n = call_input(patches, 4, 1)
    >>> frame[:, 0, 0, 0], n
    (array([2, 3, 1, 2], dtype=uint8), 4)
    """
    if n_patches == 1:
        return patches[number % len(patches)], 1
    n = n_patches or len(patches)
    chosen = [patches[(number * n + i) % len(patches)] for i in range(n)]
    same = len({patch.shape for patch in chosen}) == 1
    return np.stack(chosen) if same else chosen, n


def percentiles_us(samples: Samples, *, n_resamples: int = 1000, seed: int = 0) -> dict[str, Any]:
    """p50, p95 and p99 of nanosecond samples, in microseconds, with intervals.

    Parameters
    ----------
    samples : ndarray, shape (n,)
        Nanoseconds in the order they were measured in.
    n_resamples, seed : int
        Of the bootstrap.

    Returns
    -------
    dict
        p50, p95, p99 : float; intervals : dict of [low, high], 95 %, each; n_samples : int.

    Notes
    -----
    Neighbouring samples share what else the machine is doing, so the bootstrap draws blocks of
    them: circular blocks of the cube root of their number; Politis and Romano, "A circular
    block-resampling procedure for stationary data", 1992.

    Examples
    --------
    >>> found = percentiles_us(np.array([1000, 2000, 3000]))
    >>> found["p50"], found["intervals"]["p50"]
    (2.0, [1.0, 3.0])
    """
    wanted = list(_PERCENTILES.values())
    found = np.percentile(samples, wanted) / 1000
    resampled = samples[_block_rows(len(samples), n_resamples, seed)]
    low, high = np.percentile(np.percentile(resampled, wanted, axis=1) / 1000, [2.5, 97.5], axis=1)
    return {
        **dict(zip(_PERCENTILES, map(float, found), strict=True)),
        "intervals": dict(zip(_PERCENTILES, np.column_stack([low, high]).tolist(), strict=True)),
        "n_samples": len(samples),
    }


def ratio_of_medians(
    samples: Samples, reference: Samples, *, n_resamples: int = 1000, seed: int = 0
) -> dict[str, Any]:
    """How many times the reference's median the samples' is, with its interval.

    Parameters
    ----------
    samples, reference : ndarray, shape (n,)
        Of the same rounds: both are resampled together.
    n_resamples, seed : int
        Of the bootstrap, see `percentiles_us`.

    Returns
    -------
    dict
        ratio : float; interval : [low, high], 95 %.

    Examples
    --------
    >>> ratio_of_medians(np.array([10, 20, 30]), np.array([20, 40, 60]))
    {'ratio': 0.5, 'interval': [0.5, 0.5]}
    """
    both = np.stack([samples, reference])
    rows = _block_rows(both.shape[1], n_resamples, seed)
    first, second = np.median(both[:, rows], axis=2)
    ratio, of = np.median(both, axis=1)
    interval = np.percentile(first / second, [2.5, 97.5])
    return {"ratio": float(ratio / of), "interval": interval.tolist()}


def _block_rows(n: int, n_resamples: int, seed: int) -> NDArray[np.intp]:
    """Row numbers of each resample, drawn in blocks of neighbours; (n_resamples, n)."""
    length = max(1, round(n ** (1 / 3)))
    starts = np.random.default_rng(seed).integers(0, n, (n_resamples, -(-n // length), 1))
    rows: NDArray[np.intp] = ((starts + np.arange(length)) % n).reshape(n_resamples, -1)[:, :n]
    return rows
