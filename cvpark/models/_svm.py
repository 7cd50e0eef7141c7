"""Support vector machines over descriptors."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline


def make_svm(seed: int = 0) -> Pipeline:
    """Exact RBF SVM on the leading principal components.

    The projection takes the descriptor's redundancy away: fewer columns for each of the support
    vectors to be compared in, hardly less accuracy.

    Parameters
    ----------
    seed : int
        Unused by the solver, taken so that every factory is called alike.

    Returns
    -------
    sklearn.pipeline.Pipeline
        Unfitted; expects float32 (n, n_features).

    Examples
    --------
    >>> list(make_svm().named_steps)
    ['scale', 'project', 'classify']
    """
    from sklearn.decomposition import PCA
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC

    return Pipeline(
        [
            ("scale", StandardScaler()),
            ("project", PCA(128, svd_solver="covariance_eigh")),
            ("classify", SVC(C=5.0, gamma="scale", cache_size=1000, random_state=seed)),
        ]
    )


def make_linear_svm(seed: int = 0) -> Pipeline:
    """Linear SVM: one dot product a patch.

    Parameters
    ----------
    seed : int
        Seed of the solver.

    Returns
    -------
    sklearn.pipeline.Pipeline
        Unfitted; expects float32 (n, n_features).

    Examples
    --------
    >>> list(make_linear_svm().named_steps)
    ['scale', 'classify']
    """
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import LinearSVC

    return Pipeline(
        [
            ("scale", StandardScaler()),
            ("classify", LinearSVC(C=5e-4, dual=False, random_state=seed)),
        ]
    )
