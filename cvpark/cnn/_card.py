"""What is recorded of a trained CNN."""

from __future__ import annotations

from importlib.metadata import packages_distributions

from ..datasets import Split
from ..models import describe_split
from ..models import versions as model_versions


def split_facts(split: Split) -> dict[str, object]:
    """Name, fingerprint and size of a split."""
    return describe_split(split.name, split.fingerprint, len(split))


def versions() -> dict[str, str]:
    """Of Python and of the packages a CNN is made with."""
    # TensorFlow comes as a package for processors only or as one for graphics cards too.
    tensorflow = packages_distributions()["tensorflow"][0]
    return model_versions("numpy", "keras", tensorflow, "ai-edge-litert")
