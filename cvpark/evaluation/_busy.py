"""What else the machine did while it was measured on."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from ._environment import load_1min

# An idle desktop takes some hundredths of a core.
_QUIET_CORES = 0.1
_QUIET_LOAD = 0.5
# Columns of /proc/stat, see proc(5): time without work, and time that is already in another column.
_IDLE, _IOWAIT = 3, 4
_GUESTS = slice(8, 10)


class MachineWatch:
    """Load before a measurement, and CPU time that other processes take during it.

    Parameters
    ----------
    stat : path
        Where the kernel counts the time of all processes; Linux has it.

    Examples
    --------
    >>> watch = MachineWatch()
    >>> _ = sum(range(100_000))
    >>> sorted(watch.report())
    ['busy', 'load_before', 'other_cores', 'warning']
    """

    def __init__(self, stat: str | Path = "/proc/stat") -> None:
        self._stat = Path(stat)
        self._load = load_1min()
        self._start = time.perf_counter()
        self._all, self._own = _busy_seconds(self._stat), _own_seconds()

    def report(self) -> dict[str, Any]:
        """What was seen since the watch was made, JSON-able.

        Returns
        -------
        dict
            load_before : 1-minute load average, None where there is none. other_cores : cores that
            other processes than this one and its children, and other virtual machines of the host,
            took on average; None where the system does not tell. busy : bool. warning : what to say
            about it, or None.
        """
        elapsed = max(time.perf_counter() - self._start, 1e-9)
        busy = _busy_seconds(self._stat)
        others = None
        if busy is not None and self._all is not None:
            own = _own_seconds() - self._own
            others = round(max(0.0, busy - self._all - own) / elapsed, 3)
        warning = _warning(self._load, others)
        return {
            "load_before": self._load,
            "other_cores": others,
            "busy": warning is not None,
            "warning": warning,
        }


def _warning(load: float | None, others: float | None) -> str | None:
    if others is not None and others > _QUIET_CORES:
        what = f"other processes took {others:.2f} cores while it was measured"
    elif others is None and load is not None and load > _QUIET_LOAD:
        what = f"the load was {load:.1f} before measuring"
    else:
        return None
    return f"the machine was busy: {what}; latencies are too high, those of several threads most"


def _busy_seconds(stat: Path) -> float | None:
    """CPU time of all processes since the start of the machine, all cores together."""
    try:
        fields = stat.read_text(encoding="ascii").partition("\n")[0].split()[1:]
        ticks = [int(field) for field in fields]
        counted = sum(ticks) - sum(ticks[_GUESTS]) - ticks[_IDLE] - ticks[_IOWAIT]
        return counted / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError):
        return None


def _own_seconds() -> float:
    """CPU time of this process and of its children, ended or not."""
    times = os.times()
    ended = times.children_user + times.children_system
    return times.user + times.system + ended + sum(map(_seconds_of, _children()))


def _children() -> list[str]:
    tasks = Path("/proc/self/task").glob("*/children")
    try:
        return [child for task in tasks for child in task.read_text(encoding="ascii").split()]
    except OSError:  # a kernel without them, or a thread that has just ended
        return []


def _seconds_of(process: str) -> float:
    """CPU time of a process and of its children that have ended."""
    try:
        # The second field, the name in brackets, may hold anything.
        text = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return 0.0
    fields = text.rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
