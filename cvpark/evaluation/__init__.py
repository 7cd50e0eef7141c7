"""Accuracy and latency of models on one split."""

from ._adaptation import Adaptation, measure_adaptation, share_interval
from ._cold_start import measure_cold_start
from ._compare import Comparison, compare, measure
from ._environment import describe_environment
from ._experiment import protocol_splits, stored_part, train_protocol, training_splits
from ._folds import FoldFigures, cross_validate, day_folds, thin_out
from ._gates import Gate, parse_gates, unmet
from ._latency import SCENARIOS, Scenario, measure_latency, percentiles_us, ratio_of_medians
from ._measurements import FACTS, Measurements, read_measurements, write_measurements
from ._metrics import figures
from ._protocols import experiments, matrix, run_experiment
from ._stages import measure_stages
from ._statistics import Resampling, clustered_interval, mcnemar_exact
from ._stock import train_stock
from ._summary import summarize
from ._tuning import Tuning, load_optuna, tune

__all__ = [
    "FACTS",
    "SCENARIOS",
    "Adaptation",
    "Comparison",
    "FoldFigures",
    "Gate",
    "Measurements",
    "Resampling",
    "Scenario",
    "Tuning",
    "clustered_interval",
    "compare",
    "cross_validate",
    "day_folds",
    "describe_environment",
    "experiments",
    "figures",
    "load_optuna",
    "matrix",
    "mcnemar_exact",
    "measure",
    "measure_adaptation",
    "measure_cold_start",
    "measure_latency",
    "measure_stages",
    "parse_gates",
    "percentiles_us",
    "protocol_splits",
    "ratio_of_medians",
    "read_measurements",
    "run_experiment",
    "share_interval",
    "stored_part",
    "summarize",
    "thin_out",
    "train_protocol",
    "train_stock",
    "training_splits",
    "tune",
    "unmet",
    "write_measurements",
]
