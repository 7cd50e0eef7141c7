"""Accuracy and latency of models on one split."""

from ._adaptation import Adaptation, measure_adaptation, share_interval
from ._compare import Comparison, compare
from ._environment import describe_environment
from ._experiment import protocol_splits, stored_part, train_protocol
from ._folds import FoldFigures, cross_validate, day_folds, thin_out
from ._latency import percentiles_us, single_stream
from ._statistics import clustered_interval
from ._tuning import Tuning, load_optuna, tune

__all__ = [
    "Adaptation",
    "Comparison",
    "FoldFigures",
    "Tuning",
    "clustered_interval",
    "compare",
    "cross_validate",
    "day_folds",
    "describe_environment",
    "load_optuna",
    "measure_adaptation",
    "percentiles_us",
    "protocol_splits",
    "share_interval",
    "single_stream",
    "stored_part",
    "thin_out",
    "train_protocol",
    "tune",
]
