"""Features looked up or computed, and models trained on them, as several commands need it."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ._options import choose_protocol
from ._output import progress, say

if TYPE_CHECKING:
    from ..datasets import Dataset, Split
    from ..features import FeatureStore
    from ..models import ClassicalModel, Settings
    from ._config import Config

_DEFAULT_STORE = Path("features")


def default_store() -> Path | None:
    """The folder ``features`` where it is one that `cvpark extract` made, which is announced."""
    if not (_DEFAULT_STORE / "store.json").exists():
        return None
    say(f"using the features in ./{_DEFAULT_STORE}")
    return _DEFAULT_STORE


def open_store(folder: Path) -> FeatureStore:
    """The features in a folder.

    Raises
    ------
    DatasetError
        There are none.
    """
    from ..exceptions import DatasetError
    from ..features import FeatureStore

    store = FeatureStore(folder)
    if not store.exists:
        raise DatasetError(f"{folder}: holds no features; run: cvpark extract {folder}")
    return store


def extract_splits(
    folder: Path,
    dataset: Dataset,
    splits: Sequence[Split],
    n_jobs: int,
    descriptor: dict[str, Any] | None = None,
) -> FeatureStore:
    """The features of these splits in a folder, computed where it does not hold them yet."""
    from ..datasets import read_image
    from ..features import Descriptor, FeatureStore

    store = FeatureStore(folder)
    store.extend(
        [path for split in splits for path in split.paths],
        lambda path: read_image(dataset.locate(path)),
        Descriptor.from_config(descriptor) if descriptor else Descriptor(),
        n_jobs=n_jobs,
        progress=lambda items, total: progress(items, total, "extract"),
    )
    return store


def read_model_settings(config: Config | None) -> Settings:
    """The settings of a classical model in a configuration file; none without one."""
    from ..models import Settings

    return Settings.from_dict(config.settings, source=str(config.path)) if config else Settings()


def train_models(
    kinds: Sequence[str],
    dataset: Dataset,
    protocol_name: str | None,
    *,
    folder: Path | None = None,
    config: Config | None = None,
    seed: int = 0,
    n_jobs: int = -1,
    allow_missing: bool = False,
    target_precision: float | None = None,
    target_recall: float | None = None,
) -> list[ClassicalModel]:
    """Models of these kinds, trained on the protocol's training split.

    Descriptor and parameters are those of the settings file ``config``, if there is one.
    """
    from ..evaluation import train_protocol, training_splits

    settings = read_model_settings(config)
    protocol = choose_protocol(dataset, protocol_name)
    training, validation = training_splits(dataset, protocol, allow_missing=allow_missing)
    facts = {"data": dataset.about(), "protocol": protocol.name}
    with tempfile.TemporaryDirectory(prefix="cvpark-") as temporary:
        if folder is None:
            parts = [training, validation] if validation else [training]
            store = extract_splits(Path(temporary), dataset, parts, n_jobs, settings.descriptor)
        else:
            store = open_store(folder)
            _check_descriptor(store, settings, config)
        models = []
        for kind in kinds:
            say(f"training {kind} on {training.name}: {len(training):,} patches")
            models.append(
                train_protocol(
                    kind,
                    training,
                    validation,
                    store,
                    parameters=settings.classifier,
                    seed=seed,
                    allow_missing=allow_missing,
                    facts=facts,
                    target_precision=target_precision,
                    target_recall=target_recall,
                )
            )
    return models


def _check_descriptor(store: FeatureStore, settings: Settings, config: Config | None) -> None:
    from ..exceptions import SplitMismatchError

    if config and settings.descriptor and settings.descriptor != store.descriptor.to_config():
        raise SplitMismatchError(
            f"{store.folder}: holds features of another descriptor than {config.path} asks for; "
            f"run: cvpark extract DIR --config {config.path}, then train with --features DIR"
        )
