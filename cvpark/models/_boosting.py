"""Gradient-boosted trees over descriptors."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sklearn.ensemble import HistGradientBoostingClassifier


def make_gbdt(
    seed: int = 0,
    *,
    max_iter: int = 400,
    learning_rate: float = 0.1,
    max_leaf_nodes: int = 31,
    min_samples_leaf: int = 20,
    l2_regularization: float = 0.0,
    max_features: float = 0.1,
) -> HistGradientBoostingClassifier:
    """Histogram gradient boosting that looks at a tenth of the columns for each split.

    Early stopping is off: scikit-learn would hold out random patches, and the same parked car is
    in neighbouring captures on both sides.

    Parameters
    ----------
    seed : int
        Seed of binning and column choice.
    max_iter, learning_rate, max_leaf_nodes, min_samples_leaf, l2_regularization, max_features
        As for ``sklearn.ensemble.HistGradientBoostingClassifier``.

    Returns
    -------
    sklearn.ensemble.HistGradientBoostingClassifier
        Unfitted; expects float32 (n, n_features).

    Examples
    --------
    >>> make_gbdt().early_stopping
    False
    """
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(
        max_iter=max_iter,
        learning_rate=learning_rate,
        max_leaf_nodes=max_leaf_nodes,
        min_samples_leaf=min_samples_leaf,
        l2_regularization=l2_regularization,
        max_features=max_features,
        early_stopping=False,
        random_state=seed,
    )


def drop_bins(classifier: HistGradientBoostingClassifier) -> None:
    """Take out of a fitted classifier what only its fit had a use for, four fifths of its file.

    Those are the limits of the bins of every column, which each fit makes anew, and two tables of
    categories in each tree, where there are none.

    Parameters
    ----------
    classifier : sklearn.ensemble.HistGradientBoostingClassifier
        Fitted without categorical columns; changed in place. It predicts what it did before.

    Examples
    --------
    >>> import numpy as np
    >>> classifier = make_gbdt().set_params(max_iter=2, max_features=1.0)
    >>> X = np.arange(60, dtype=np.float32)[:, np.newaxis]
    >>> drop_bins(classifier.fit(X, X[:, 0] > 30))
    >>> classifier.predict([[0.0], [59.0]])
    array([False,  True])
    """
    import numpy as np

    classifier._bin_mapper.bin_thresholds_ = [np.empty(0)] * classifier.n_features_in_
    none = np.zeros((0, 8), np.uint32)
    for (tree,) in classifier._predictors:
        tree.binned_left_cat_bitsets = tree.raw_left_cat_bitsets = none
