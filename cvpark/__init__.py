"""Free parking slots from busy ones on ordinary CPUs."""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

# Public name -> module, loaded on first use: `import cvpark` and `cvpark --help` are instant.
_PUBLIC = {
    "ColorHistogramExtractor": "features",
    "Dataset": "datasets",
    "Descriptor": "features",
    "FeatureStore": "features",
    "HOGExtractor": "features",
    "LBPExtractor": "features",
    "Split": "datasets",
    "compare": "evaluation",
    "load_model": "models",
    "read_image": "datasets",
    "sample_path": "datasets",
    "train": "models",
}

__all__ = ["__version__", *_PUBLIC]


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{_PUBLIC[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
