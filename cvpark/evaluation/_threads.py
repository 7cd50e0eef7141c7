"""The same number of threads for every model and library."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from ..models import Model


@contextmanager
def limit_threads(models: Sequence[Model], threads: int) -> Iterator[None]:
    """Within the block, all work on that many threads; afterwards each has what it had before.

    It sets ``n_jobs`` of the models, which for a CNN are its interpreter's threads, and the pools
    of Numba, OpenCV, OpenMP and BLAS.

    Parameters
    ----------
    models : sequence of Model
    threads : int

    Yields
    ------
    None

    Examples
    --------
    >>> from cvpark.models import load_model
    >>> model = load_model("svm-linear", n_jobs=1)
    >>> with limit_threads([model], 2):
    ...     print(model.n_jobs)
    2
    >>> model.n_jobs
    1
    """
    import cv2
    import numba
    from threadpoolctl import threadpool_limits

    if threads < 1:
        raise ValueError(f"threads is {threads}, expected at least 1")
    jobs = [model.n_jobs for model in models]
    opencv = cv2.getNumThreads()
    # This starts Numba's pool, so that threadpoolctl finds the OpenMP library it may be made of.
    own = numba.get_num_threads()
    try:
        for model in models:
            model.n_jobs = threads
        cv2.setNumThreads(threads)
        numba.set_num_threads(min(threads, numba.config.NUMBA_NUM_THREADS))
        with threadpool_limits(threads):
            yield
    finally:
        for model, before in zip(models, jobs, strict=True):
            model.n_jobs = before
        cv2.setNumThreads(opencv)
        numba.set_num_threads(own)
