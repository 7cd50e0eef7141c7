"""The machine and the versions a measurement was made on."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

_PACKAGES = (
    "cvpark",
    "numpy",
    "scikit-learn",
    "opencv-python-headless",
    "numba",
    "ai-edge-litert",
)


def describe_environment() -> dict[str, Any]:
    """CPU, cores, load and versions, JSON-able.

    Examples
    --------
    >>> describe_environment()["cores"] >= 1
    True
    """
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    return {
        "cpu": _cpu_name(),
        "cores": os.cpu_count(),
        "load_1min": load,
        "system": platform.platform(),
        "python": platform.python_version(),
        "packages": {name: version(name) for name in _PACKAGES},
    }


def _cpu_name() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass  # not Linux
    return platform.processor() or platform.machine()
