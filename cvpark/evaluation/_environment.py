"""The machine and the versions a measurement was made on."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

_PACKAGES = (
    "cvpark",
    "numpy",
    "scikit-learn",
    "opencv-python-headless",
    "numba",
    "ai-edge-litert",
    "scikit-image",
)
_GOVERNOR = Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")


def describe_environment() -> dict[str, Any]:
    """CPU, cores, memory, load and versions, JSON-able.

    What the machine does not tell is None: ``governor``, what its clock follows, is hidden from
    most virtual machines.

    Examples
    --------
    >>> machine = describe_environment()
    >>> 1 <= machine["usable_cores"] <= machine["cores"]
    True
    """
    from joblib import cpu_count

    return {
        "cpu": _cpu_name(),
        "cores": os.cpu_count(),
        "usable_cores": cpu_count(),
        "governor": _first_line(_GOVERNOR),
        "memory_mb": _memory_mb(),
        "load_1min": load_1min(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "packages": {name: found for name in _PACKAGES if (found := _version(name))},
    }


def load_1min() -> float | None:
    """Processes that wanted a core, on average of the last minute; None where nobody counts.

    Examples
    --------
    >>> load_1min() is None or load_1min() >= 0
    True
    """
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else None


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:  # such as OpenCV from another distribution
        return None


def _first_line(file: Path) -> str | None:
    try:
        return file.read_text(encoding="utf-8").partition("\n")[0]
    except OSError:
        return None


def _memory_mb() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 10**6
    except (AttributeError, ValueError, OSError):  # not POSIX
        return None


def _cpu_name() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass  # not Linux
    return platform.processor() or platform.machine()
