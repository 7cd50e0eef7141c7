"""Everything with predict_proba(patches)."""

from ._bundle import load_bundle, save_bundle
from ._calibration import Sigmoid
from ._card import describe_split, rate, versions
from ._cnn import CNN
from ._model import ClassicalModel, Model
from ._registry import FACTORIES, load_model, shipped_models
from ._training import LabelledFeatures, train

__all__ = [
    "CNN",
    "FACTORIES",
    "ClassicalModel",
    "LabelledFeatures",
    "Model",
    "Sigmoid",
    "describe_split",
    "load_bundle",
    "load_model",
    "rate",
    "save_bundle",
    "shipped_models",
    "train",
    "versions",
]
