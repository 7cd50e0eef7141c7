"""Gradient-boosted trees over descriptors."""

from __future__ import annotations

from sklearn.ensemble import HistGradientBoostingClassifier


def make_gbdt(seed: int = 0) -> HistGradientBoostingClassifier:
    """Histogram gradient boosting that looks at a tenth of the columns for each split.

    Early stopping is off: scikit-learn would hold out random patches, and the same parked car is
    in neighbouring captures on both sides.

    Parameters
    ----------
    seed : int
        Seed of binning and column choice.

    Returns
    -------
    sklearn.ensemble.HistGradientBoostingClassifier
        Unfitted; expects float32 (n, n_features).

    Examples
    --------
    >>> make_gbdt().early_stopping
    False
    """
    return HistGradientBoostingClassifier(
        max_iter=400, max_features=0.1, early_stopping=False, random_state=seed
    )
