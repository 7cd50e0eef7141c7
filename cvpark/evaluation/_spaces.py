"""What a search for parameters may choose from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from optuna.trial import Trial


@dataclass(frozen=True)
class Range:
    """Numbers from ``low`` to ``high``, whole ones where both are, evenly spread or in ratios."""

    low: float
    high: float
    log: bool = False

    def nearest(self, value: float) -> float:
        """What of the range is nearest to ``value``."""
        return min(max(value, self.low), self.high)

    def suggest(self, trial: Trial, name: str) -> float:
        """A number for the trial."""
        if isinstance(self.low, int) and isinstance(self.high, int):
            whole: int = trial.suggest_int(name, self.low, self.high, log=self.log)
            return whole
        value = trial.suggest_float(name, self.low, self.high, log=self.log)
        return float(f"{value:.4g}")  # what a person would write into a settings file


@dataclass(frozen=True)
class Choice:
    """One of some values, which the default is among."""

    values: tuple[Any, ...]

    def nearest(self, value: Any) -> Any:
        """``value`` itself."""
        return value

    def suggest(self, trial: Trial, name: str) -> Any:
        """One of the values for the trial."""
        return trial.suggest_categorical(name, self.values)


SPACES: dict[str, dict[str, Range | Choice]] = {
    "svm": {
        "C": Range(0.5, 50.0, log=True),
        "n_components": Choice((64, 96, 128, 192)),
        "gamma": Range(0.3, 3.0, log=True),  # as a multiple of what "scale" comes to
        "class_weight": Choice((None, "balanced")),
    },
    "svm-linear": {
        "C": Range(1e-5, 1e-1, log=True),
        "class_weight": Choice((None, "balanced")),
    },
    "gbdt": {
        "max_iter": Range(100, 600),
        "learning_rate": Range(0.03, 0.3, log=True),
        "max_leaf_nodes": Range(15, 63),
        "min_samples_leaf": Range(10, 200, log=True),
        "l2_regularization": Range(1e-3, 100.0, log=True),
        "max_features": Range(0.05, 0.5),
    },
}
