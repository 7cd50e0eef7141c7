"""CPU time and energy a model takes for its patches."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..models import Model
from ._latency import SCENARIOS, Progress, call_input
from ._threads import limit_threads

_FRAME = SCENARIOS[1]
_ROUNDS = 5
_LEAST_NS = 200_000_000  # of a turn: the counters of energy are renewed each millisecond


def measure_costs(
    models: Sequence[Model],
    patches: Sequence[NDArray[np.uint8]],
    *,
    meter: EnergyMeter | None = None,
    seed: int = 0,
    progress: Progress = lambda items, total, label: items,
) -> list[dict[str, Any]]:
    """CPU time and energy of frames of 40 patches, with one thread.

    Models take turns of a fifth of a second, in an order drawn anew in each of 5 rounds.

    Parameters
    ----------
    models : sequence of Model
    patches : sequence of ndarray of uint8, shape (height, width, 3)
    meter : EnergyMeter, optional
        By default that of the machine.
    seed : int
        Of the order.
    progress : callable
        Called with turns, their number and a label; passes them through.

    Returns
    -------
    list of dict
        model : str; cpu_s_per_1000, energy_j_per_1000 : float, medians of the rounds; n_patches :
        int, all together. Energy is that of the whole processor meanwhile, idle cores included, and
        None where the machine does not tell.

    Examples
    --------
    >>> from cvpark.models import load_model
    >>> [row] = measure_costs([load_model("svm-linear")], [np.zeros((150, 150, 3), np.uint8)] * 40)
    >>> 0 < row["cpu_s_per_1000"] < 10
    True
    """
    meter = meter or EnergyMeter()
    order = np.random.default_rng(seed)
    found: list[list[tuple[int, float, float | None]]] = [[] for _ in models]
    turns = [column for _ in range(_ROUNDS) for column in order.permutation(len(models))]
    frame, n = call_input(patches, _FRAME.n_patches, 0)
    with limit_threads(models, 1):
        for model in models:
            for _ in range(_FRAME.warm_up):
                model.predict_proba(frame)
        for column in progress(turns, len(turns), "CPU time"):
            found[column].append(_turn(models[column], frame, n, meter))
    return [
        {"model": model.name, **_summary(rounds)}
        for model, rounds in zip(models, found, strict=True)
    ]


def _turn(model: Model, frame: Any, n: int, meter: EnergyMeter) -> tuple[int, float, float | None]:
    """Patches, CPU seconds and joules of calls that take a while together."""
    joules, cpu, start = meter.read(), time.process_time(), time.perf_counter_ns()
    calls = 0
    while time.perf_counter_ns() - start < _LEAST_NS:
        model.predict_proba(frame)
        calls += 1
    return calls * n, time.process_time() - cpu, meter.since(joules)


def _summary(rounds: list[tuple[int, float, float | None]]) -> dict[str, Any]:
    joules = [1000 * spent / n for n, _, spent in rounds if spent is not None]
    return {
        "n_patches": sum(n for n, _, _ in rounds),
        "cpu_s_per_1000": float(np.median([1000 * cpu / n for n, cpu, _ in rounds])),
        "energy_j_per_1000": float(np.median(joules)) if len(joules) == len(rounds) else None,
    }


class EnergyMeter:
    """Energy the processors took, by the counters of Intel's and AMD's RAPL.

    Linux shows them, to the administrator only unless told otherwise; virtual machines have none.

    Parameters
    ----------
    folder : path
        Where Linux shows them.

    Examples
    --------
    >>> EnergyMeter("nowhere").read() is None
    True
    """

    def __init__(self, folder: str | Path = "/sys/class/powercap") -> None:
        # intel-rapl:0 is a whole processor, intel-rapl:0:1 a part of it.
        self._processors = [
            (zone / "energy_uj", _number(zone / "max_energy_range_uj") or 0)
            for zone in sorted(Path(folder).glob("intel-rapl:*"))
            if zone.name.count(":") == 1 and _number(zone / "energy_uj") is not None
        ]

    def read(self) -> list[int] | None:
        """Counters in microjoules, one a processor; None where there are none."""
        values = [value for file, _ in self._processors if (value := _number(file)) is not None]
        return values if values and len(values) == len(self._processors) else None

    def since(self, before: list[int] | None) -> float | None:
        """Joules since `read` gave ``before``; a counter may have begun anew once."""
        now = self.read()
        if before is None or now is None:
            return None
        spent = 0
        for (_, limit), first, last in zip(self._processors, before, now, strict=True):
            spent += last - first if last >= first else last - first + limit
        return spent / 1e6


def _number(file: Path) -> int | None:
    try:
        return int(file.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
