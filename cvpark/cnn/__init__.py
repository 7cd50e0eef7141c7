"""Training of the CNN and its conversion to TFLite (extra: cnn)."""

from ._architectures import ARCHITECTURES
from ._convert import Conversion, convert
from ._keras import load_tensorflow
from ._train import TrainingOptions, train

__all__ = ["ARCHITECTURES", "Conversion", "TrainingOptions", "convert", "load_tensorflow", "train"]
