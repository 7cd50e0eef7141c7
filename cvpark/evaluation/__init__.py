"""Accuracy and latency of models on one split."""

from ._compare import Comparison, compare
from ._environment import describe_environment
from ._experiment import protocol_splits, train_protocol
from ._latency import percentiles_us, single_stream
from ._statistics import clustered_interval

__all__ = [
    "Comparison",
    "clustered_interval",
    "compare",
    "describe_environment",
    "percentiles_us",
    "protocol_splits",
    "single_stream",
    "train_protocol",
]
