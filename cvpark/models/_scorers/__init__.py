"""Descriptors to scores in compiled code: one module a family of classifiers."""

from __future__ import annotations

from typing import Any

from ...exceptions import ModelFormatError
from ._base import Arrays, Scorer
from ._svm import LinearScorer, RbfScorer
from ._trees import TreeScorer

SCORERS: dict[str, type[Scorer]] = {
    scorer.form: scorer for scorer in (LinearScorer, RbfScorer, TreeScorer)
}

__all__ = ["Arrays", "Scorer", "compile_estimator", "make_scorer"]


def compile_estimator(estimator: Any) -> Scorer:
    """The scorer of a fitted scikit-learn classifier over descriptors.

    Raises
    ------
    ValueError
        There is none for this classifier.
    """
    steps = [step for _, step in getattr(estimator, "steps", [("classify", estimator)])]
    kinds = {type(step).__name__ for step in steps}
    if "HistGradientBoostingClassifier" in kinds:
        return TreeScorer.from_estimator(estimator)
    if kinds & {"SVC", "Nystroem"}:
        return RbfScorer.from_estimator(estimator)
    return LinearScorer.from_estimator(estimator)


def make_scorer(form: Any, arrays: Arrays) -> Scorer:
    """The scorer a model file holds.

    Raises
    ------
    ModelFormatError
        An unknown form, or arrays that do not fit together.
    """
    if form not in SCORERS:
        raise ModelFormatError(f"unknown form of classifier; known are {', '.join(SCORERS)}")
    return SCORERS[form].from_arrays(arrays)
