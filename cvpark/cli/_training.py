"""Training as `train` and `compare` both need it: features looked up or computed, then fitted."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ._options import choose_protocol
from ._output import progress, say

if TYPE_CHECKING:
    from ..datasets import Dataset, Split
    from ..features import FeatureStore
    from ..models import ClassicalModel


def train_models(
    kinds: Sequence[str],
    dataset: Dataset,
    protocol_name: str | None,
    *,
    folder: Path | None = None,
    seed: int = 0,
    n_jobs: int = -1,
    allow_missing: bool = False,
) -> list[ClassicalModel]:
    """Models of these kinds, trained on the protocol's training split."""
    from ..evaluation import protocol_splits, train_protocol
    from ..exceptions import DatasetError
    from ..features import FeatureStore

    protocol = choose_protocol(dataset, protocol_name)
    training, validation = protocol_splits(dataset, protocol, allow_missing=allow_missing)
    facts = {"data": dataset.about(), "protocol": protocol.name}
    with tempfile.TemporaryDirectory(prefix="cvpark-") as temporary:
        store = FeatureStore(folder or temporary)
        if folder is None:
            _extract(store, dataset, [training, validation], n_jobs)
        elif not store.exists:
            raise DatasetError(f"{folder}: holds no features; run: cvpark extract {folder}")
        models = []
        for kind in kinds:
            say(f"training {kind} on {training.name}: {len(training):,} patches")
            models.append(
                train_protocol(
                    kind,
                    training,
                    validation,
                    store,
                    seed=seed,
                    allow_missing=allow_missing,
                    facts=facts,
                )
            )
    return models


def _extract(store: FeatureStore, dataset: Dataset, splits: list[Split], n_jobs: int) -> None:
    from ..datasets import read_image
    from ..features import Descriptor

    store.extend(
        [path for split in splits for path in split.paths],
        lambda path: read_image(dataset.locate(path)),
        Descriptor(),
        n_jobs=n_jobs,
        progress=lambda items, total: progress(items, total, "extract"),
    )
