"""Train a CNN on a split."""

from __future__ import annotations

import csv
import json
import math
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from .._files import atomic_write
from ..datasets import Split
from ..exceptions import CVParkError, DatasetError
from ..models import rate
from ._architectures import ARCHITECTURES, build
from ._card import split_facts, versions
from ._data import Augmentation, Progress, load_patches, training_batches
from ._keras import load_tensorflow

THRESHOLD = 0.5

_PREDICTION_BATCH = 512


@dataclass(frozen=True)
class TrainingOptions:
    """How a network is trained.

    Parameters
    ----------
    architecture : str
        One of `ARCHITECTURES`.
    epochs, batch_size : int
    learning_rate : float
        Highest rate of AdamW: reached after a twentieth of the steps, then cosine to nothing.
    weight_decay : float
    label_smoothing : float
        Some labels of CNRPark+EXT are wrong; this keeps the network from insisting on them.
    augmentation : Augmentation
    seed : int
    """

    architecture: str = "tiny"
    epochs: int = 24
    batch_size: int = 128
    learning_rate: float = 3e-3
    weight_decay: float = 5e-3
    label_smoothing: float = 0.02
    augmentation: Augmentation = field(default_factory=Augmentation)
    seed: int = 0


def train(
    training: Split,
    validation: Split,
    out: str | Path,
    options: TrainingOptions | None = None,
    *,
    facts: Mapping[str, Any] | None = None,
    progress: Progress = lambda items, total: items,
    show_epochs: bool = False,
) -> dict[str, Any]:
    """Train a network and keep the weights of the epoch with the lowest validation loss.

    A run that was interrupted goes on after its last whole epoch when it is called again; what it
    needs for that lies in the folder ``<stem>.training`` beside ``out``, with a log of each epoch
    that stays there. A run that went on is not bit for bit the one that was not interrupted, as
    the order of the patches begins anew.

    Parameters
    ----------
    training, validation : Split
    out : str or path
        The ``.keras`` file to write; its card goes beside it with ``.json``.
    options : TrainingOptions, optional
    facts : mapping, optional
        More for the card, such as the data's name and licence, the protocol.
    progress : callable
        Called with the parts of a split to be read and their number; passes them through.
    show_epochs : bool
        Show a bar for epochs and one for batches on stderr.

    Returns
    -------
    dict
        The card; ``card["validation"]`` holds what `rate` gives.

    Raises
    ------
    ValueError
        No such architecture, or ``out`` does not end in ``.keras``.
    DatasetError
        A split has patches of one class only or fewer than a batch, a patch cannot be read, or
        the folder holds an interrupted run with other options.
    CVParkError
        The training diverged.
    MissingExtraError
        TensorFlow is not installed.

    Examples
    --------
    >>> from cvpark.datasets import Dataset
    >>> dataset = Dataset("cnrpark")  # doctest: +SKIP
    >>> card = train(
    ...     dataset.split("train"), dataset.split("val"), "tiny.keras"
    ... )  # doctest: +SKIP
    """
    _, keras = load_tensorflow()
    options, out = options or TrainingOptions(), Path(out)
    if out.suffix != ".keras":
        raise ValueError(f"{out}: expected a name that ends in .keras")
    _check(training, options.batch_size)
    _check(validation, 1)
    keras.utils.set_random_seed(options.seed)
    network = build(options.architecture)
    work = out.with_suffix(".training")
    _prepare(work, asdict(options), training, validation)

    size = ARCHITECTURES[options.architecture].size
    held_out = load_patches(validation, size, progress)
    _compile(network, options, len(training) // options.batch_size)
    network.fit(
        training_batches(
            load_patches(training, size, progress),
            training.labels,
            options.batch_size,
            options.augmentation,
            options.seed,
        ),
        epochs=options.epochs,
        steps_per_epoch=len(training) // options.batch_size,
        shuffle=False,  # the batches are
        validation_data=(held_out, validation.labels.astype(np.float32)),
        validation_batch_size=_PREDICTION_BATCH,
        callbacks=_callbacks(work, show_epochs),
        verbose=0,
    )
    card = {
        **(facts or {}),
        "architecture": options.architecture,
        "parameters": network.count_params(),
        "threshold": THRESHOLD,
        "training": split_facts(training),
        "validation": split_facts(validation),
        "options": asdict(options),
        "date": datetime.now(UTC).date().isoformat(),
        "versions": versions(),
    }
    # The optimizer's state was for going on; without it the file is a third of the size.
    network = keras.models.load_model(work / "best.keras", compile=False)
    busy = network.predict(held_out, batch_size=_PREDICTION_BATCH, verbose=0)[:, 0]
    card["validation"] |= rate(validation.labels, busy, THRESHOLD)
    _finish(network, card, work, out)
    return card


def _finish(network: Any, card: dict[str, Any], work: Path, out: Path) -> None:
    """Write model and card, remove what was for going on."""
    network.save(work / out.name)
    (work / out.name).replace(out)
    with atomic_write(out.with_suffix(".json")) as partial:
        partial.write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")
    shutil.rmtree(work / "backup")
    (work / "best.keras").unlink(missing_ok=True)


def _check(split: Split, at_least: int) -> None:
    if len(np.unique(split.labels)) < 2 or len(split) < at_least:
        raise DatasetError(
            f"split {split.name!r}: {len(split):,} patches, {split.labels.sum():,} of them busy; "
            f"a CNN needs free and busy ones, {at_least} at the least"
        )


def _prepare(work: Path, options: dict[str, Any], training: Split, validation: Split) -> None:
    """Make the folder of a run, or see that the one in it is the same."""
    run = {
        "options": options,
        "training": training.fingerprint,
        "validation": validation.fingerprint,
    }
    file = work / "run.json"
    if (work / "backup").exists():
        if json.loads(file.read_text(encoding="utf-8")) != run:
            raise DatasetError(
                f"{work}: holds an interrupted training with other options or splits; repeat it "
                "with those, delete the folder, or write elsewhere with --out"
            )
        return
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    with atomic_write(file) as partial:
        partial.write_text(json.dumps(run, indent=2) + "\n", encoding="utf-8")


def _compile(network: Any, options: TrainingOptions, steps_per_epoch: int) -> None:
    _, keras = load_tensorflow()
    steps = options.epochs * steps_per_epoch
    n_warm = max(1, steps // 20)
    schedule = keras.optimizers.schedules.CosineDecay(
        options.learning_rate / 100,
        max(1, steps - n_warm),
        warmup_target=options.learning_rate,
        warmup_steps=n_warm,
    )
    network.compile(
        keras.optimizers.AdamW(schedule, weight_decay=options.weight_decay),
        keras.losses.BinaryCrossentropy(label_smoothing=options.label_smoothing),
        metrics=[keras.metrics.BinaryAccuracy("accuracy")],
    )


def _callbacks(work: Path, show_epochs: bool) -> list[Any]:
    _, keras = load_tensorflow()
    log = work / "log.csv"

    def refuse_divergence(epoch: int, logs: dict[str, float]) -> None:
        if not math.isfinite(logs["val_loss"]):
            raise CVParkError(
                f"the training diverged in epoch {epoch + 1}; delete {work} and train with a lower "
                "learning rate"
            )

    callbacks = [
        keras.callbacks.LambdaCallback(on_epoch_end=refuse_divergence),
        keras.callbacks.ModelCheckpoint(
            work / "best.keras",
            monitor="val_loss",
            save_best_only=True,
            # Keras forgets the best epoch so far when a run goes on.
            initial_value_threshold=_lowest_loss(log),
        ),
        keras.callbacks.CSVLogger(log, append=True),
        keras.callbacks.BackupAndRestore(
            work / "backup", double_checkpoint=True, delete_checkpoint=False
        ),
    ]
    if show_epochs:
        from tqdm.keras import TqdmCallback

        callbacks.append(TqdmCallback(verbose=1, disable=None))
    return callbacks


def _lowest_loss(log: Path) -> float | None:
    if not log.exists():
        return None
    with log.open(encoding="utf-8", newline="") as lines:
        losses = [float(row["val_loss"]) for row in csv.DictReader(lines)]
    return min(losses, default=None)
