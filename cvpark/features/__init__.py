"""Scikit-learn transformers over the kernels: patches in, descriptors out."""

from ._base import BaseExtractor, resize_patches
from ._color import ColorHistogramExtractor
from ._descriptor import EXTRACTORS, Descriptor
from ._hog import HOGExtractor
from ._lbp import LBPExtractor
from ._store import FeatureStore

__all__ = [
    "EXTRACTORS",
    "BaseExtractor",
    "ColorHistogramExtractor",
    "Descriptor",
    "FeatureStore",
    "HOGExtractor",
    "LBPExtractor",
    "resize_patches",
]
