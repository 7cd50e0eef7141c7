"""Support vector machines over descriptors."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline


def make_svm(
    seed: int = 0,
    *,
    n_components: int = 96,
    C: float = 5.0,
    gamma: float | str = 0.00116,
    class_weight: str | None = None,
) -> Pipeline:
    """Exact RBF SVM on the leading principal components.

    The projection takes the descriptor's redundancy away: fewer columns for each of the support
    vectors to be compared in, hardly less accuracy.

    Parameters
    ----------
    seed : int
        Unused by the solver, taken so that every factory is called alike.
    n_components : int
        Of the projection.
    C, gamma, class_weight
        As for ``sklearn.svm.SVC``. The default of gamma is half as much again as "scale" gives for
        the default descriptor; for others, begin with "scale".

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

    machine = SVC(C=C, gamma=gamma, class_weight=class_weight, cache_size=1000, random_state=seed)
    return Pipeline(
        [
            ("scale", StandardScaler()),
            ("project", PCA(n_components, svd_solver="covariance_eigh")),
            ("classify", machine),
        ]
    )


def make_linear_svm(seed: int = 0, *, C: float = 3e-4, class_weight: str | None = None) -> Pipeline:
    """Linear SVM: one dot product a patch.

    Parameters
    ----------
    seed : int
        Seed of the solver.
    C, class_weight
        As for ``sklearn.svm.LinearSVC``.

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

    machine = LinearSVC(C=C, class_weight=class_weight, dual=False, random_state=seed)
    return Pipeline(
        [
            ("scale", StandardScaler()),
            ("classify", machine),
        ]
    )
