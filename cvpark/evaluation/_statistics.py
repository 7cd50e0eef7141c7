"""Intervals that respect which patches belong together."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Groups = NDArray[np.int64]
Interval = list[float] | None
Scale = Literal["share", "count", "correlation", "difference"]

LEAST_CLUSTERS = 5  # of fewer an interval says nothing
_BATCH = 64  # samples at a time: of 100,000 patches one by one these are 50 MB


class Resampling:
    """Bootstrap samples of whole clusters, the same ones for every figure.

    The same parked car is in neighbouring captures, so the patches of one camera and day err
    together; resampling single patches would give an interval that is too narrow. Davison and
    Hinkley, "Bootstrap Methods and their Application", 1997, section 3.8,
    doi:10.1017/CBO9780511802843.

    Parameters
    ----------
    groups : ndarray of int, shape (n,)
        Cluster of each patch, numbered from 0; ``np.arange(n)`` for patches one by one.
    n_resamples : int
    seed : int

    Notes
    -----
    Camera-days are some dozens and their errors far from normal, where percentiles of the samples
    make intervals that hold the truth too rarely. So the samples give the standard error, times
    ``sqrt(n / (n - 1))``, and the interval is Student's with n - 1 degrees of freedom, n the
    number of clusters, on the logit scale for shares: Dean and Pagano, "Evaluating confidence
    interval methods for binomial proportions in clustered surveys", Journal of Survey Statistics
    and Methodology 3 (2015), doi:10.1093/jssam/smv024.

    Examples
    --------
    >>> resampling = Resampling(np.repeat(np.arange(20), 50))
    >>> correct = np.arange(1000) % 70 > 6
    >>> low, high = resampling.share_interval(correct)
    >>> round(low, 3), float(correct.mean()), round(high, 3)
    (0.862, 0.895, 0.921)
    >>> resampling.sums(correct).shape, sum(1 for _ in resampling.batches()) == resampling.n_batches
    ((2000,), True)
    >>> shares = resampling.sums(correct) / 1000
    >>> resampling.interval(0.895, shares, "share") == resampling.share_interval(correct)
    True
    """

    def __init__(self, groups: Groups, *, n_resamples: int = 2000, seed: int = 0) -> None:
        self.groups = groups
        self.n_clusters = int(groups.max()) + 1
        self.n_resamples = n_resamples
        self._seed = seed

    @property
    def n_batches(self) -> int:
        """How many `batches` there are."""
        return -(-self.n_resamples // _BATCH)

    def batches(self) -> Iterator[NDArray[np.float32]]:
        """How often each sample holds each cluster, (n, n_clusters), some samples at a time."""
        rng = np.random.default_rng(self._seed)
        for start in range(0, self.n_resamples, _BATCH):
            n = min(_BATCH, self.n_resamples - start)
            drawn = rng.integers(0, self.n_clusters, (n, self.n_clusters))
            drawn += np.arange(n)[:, np.newaxis] * self.n_clusters
            counts = np.bincount(drawn.ravel(), minlength=drawn.size)
            yield counts.reshape(drawn.shape).astype(np.float32)

    @cached_property
    def _counts(self) -> Floats:
        return np.concatenate(list(self.batches())).astype(np.float64)

    def sums(self, values: NDArray[np.generic]) -> Floats:
        """Sum of values, shape (n,), over each sample.

        Parameters
        ----------
        values : ndarray, shape (n,)
            One for each patch.

        Returns
        -------
        ndarray of float64, shape (n_resamples,)
        """
        per_cluster = np.bincount(self.groups, values.astype(float), self.n_clusters)
        found: Floats = self._counts @ per_cluster
        return found

    def share_interval(self, values: NDArray[np.generic], scale: Scale = "share") -> Interval:
        """95 % interval of the mean of ``values``, shape (n,), see `interval`.

        Parameters
        ----------
        values : ndarray, shape (n,)
            One for each patch.
        scale : {"share", "count", "correlation", "difference"}
            As for `interval`.

        Returns
        -------
        list of float or None
        """
        means = self.sums(values) / self.sums(np.ones(len(self.groups)))
        return self.interval(float(values.mean()), means, scale)

    def interval(self, estimate: float | None, samples: Floats, scale: Scale) -> Interval:
        """95 % interval of a figure.

        Parameters
        ----------
        estimate : float or None
            The figure; None where it is not defined.
        samples : ndarray of float64, shape (n_resamples,)
            The same figure of each sample. Those that leave it undefined (nan) are passed over.
        scale : {"share", "count", "correlation", "difference"}
            What the figure is: from 0 to 1, from 0 on, from -1 to 1, or any number.

        Returns
        -------
        list of float or None
            None where the figure is not defined, clusters are fewer than five, or half of the
            samples leave it undefined. Of no width where no sample differs, as without an error.
        """
        defined = samples[np.isfinite(samples)]
        few = self.n_clusters < LEAST_CLUSTERS or 2 * len(defined) <= len(samples)
        if estimate is None or few:
            return None
        forth, slope, back = _SCALES[scale]
        error = float(defined.std()) * math.sqrt(self.n_clusters / (self.n_clusters - 1))
        if error == 0 or slope(estimate) == math.inf:
            return [estimate, estimate]
        half = -_student(self.n_clusters - 1) * error * slope(estimate)
        return [back(forth(estimate) - half), back(forth(estimate) + half)]


# What makes a figure's range all numbers: the function, its slope and its inverse.
_SCALES: dict[str, tuple[Callable[[float], float], ...]] = {
    "share": (
        lambda p: math.log(p / (1 - p)),
        lambda p: 1 / (p * (1 - p)) if 0 < p < 1 else math.inf,
        lambda x: 1 / (1 + math.exp(-x)) if x > -700 else 0.0,
    ),
    "count": (math.log, lambda x: 1 / x if x > 0 else math.inf, math.exp),
    "correlation": (math.atanh, lambda r: 1 / (1 - r * r) if -1 < r < 1 else math.inf, math.tanh),
    "difference": (lambda x: x, lambda x: 1.0, lambda x: x),
}


def _student(degrees: int) -> float:
    """The 2.5 % quantile of Student's distribution."""
    from scipy.special import stdtrit

    return float(stdtrit(degrees, 0.025))


def mcnemar_exact(only_first: int, only_second: int) -> float:
    """Exact p-value of McNemar's test that two models are right equally often.

    It takes patches to be independent of each other, which those of one camera-day are not: it is
    too small, and the clustered interval of the difference is the one to believe. McNemar,
    Psychometrika 12 (1947) 153-157, doi:10.1007/BF02295996.

    Parameters
    ----------
    only_first, only_second : int
        Patches that only one of the models is right about.

    Returns
    -------
    float
        Two-sided.

    Examples
    --------
    >>> mcnemar_exact(1, 9)
    0.021484375
    """
    from scipy.special import bdtr

    n = only_first + only_second
    return min(1.0, 2 * float(bdtr(min(only_first, only_second), n, 0.5)))


def clustered_interval(
    correct: NDArray[np.bool_], groups: Groups, *, n_resamples: int = 4000, seed: int = 0
) -> Interval:
    """95 % interval of a share, see `Resampling`.

    Parameters
    ----------
    correct : ndarray of bool, shape (n,)
    groups : ndarray of int, shape (n,)
        Cluster of each patch, numbered from 0.
    n_resamples, seed : int

    Returns
    -------
    list of float or None
        Lower and upper bound; None where clusters are fewer than five.

    Examples
    --------
    >>> correct = np.arange(50) % 9 > 0
    >>> low, high = clustered_interval(correct, np.repeat(np.arange(10), 5))
    >>> round(low, 1), round(high, 1)
    (0.8, 0.9)
    """
    return Resampling(groups, n_resamples=n_resamples, seed=seed).share_interval(correct)
