"""Train a CNN on a split."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._files import atomic_write
from ..datasets import Split
from ..exceptions import DatasetError
from ..models import rate
from ._architectures import ARCHITECTURES, BASE, build, complete
from ._callbacks import make_callbacks, read_losses
from ._card import split_facts, versions
from ._data import Progress, load_patches, training_batches
from ._keras import load_tensorflow
from ._options import TrainingOptions, write_options
from ._schedule import is_over

THRESHOLD = 0.5

_PREDICTION_BATCH = 512


@dataclass(frozen=True)
class _Phase:
    """Consecutive epochs in which the same layers are trained."""

    first: int
    end: int
    rate: float
    is_frozen: bool


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
    needs for that lies in the folder ``<stem>.training`` beside ``out``. A log of the epochs stays
    there, as CSV and in the folder ``tensorboard`` for TensorBoard. A run that went on is not bit
    for bit the one that was not interrupted, as the order of the patches begins anew.

    All patches are held in memory, three bytes a pixel: with half the training split of
    CNRPark+EXT, ``malexnet`` and ``xception`` need 8 GB.

    Parameters
    ----------
    training, validation : Split
    out : str or path
        The ``.keras`` file to write; its card goes beside it with ``.json``, its options with
        ``.toml``.
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
    SettingsError
        The options contradict each other.
    ModelFormatError
        The file of weights does not fit.
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
    options, out = complete(options or TrainingOptions()), Path(out)
    if out.suffix != ".keras":
        raise ValueError(f"{out}: expected a name that ends in .keras")
    _check(training, options.batch_size)
    _check(validation, 1)
    keras.utils.set_random_seed(options.seed)
    network = build(options)
    work = out.with_suffix(".training")
    _prepare(work, options, training, validation)
    size = ARCHITECTURES[options.architecture].size
    held_out = load_patches(validation, size, progress)
    _fit(
        network,
        load_patches(training, size, progress),
        training.labels,
        (held_out, validation.labels.astype(np.float32)),
        options,
        work,
        show_epochs,
    )
    # The optimizer's state was for going on; without it the file is a third of the size.
    network = keras.models.load_model(work / "best.keras", compile=False)
    busy = network.predict(held_out, batch_size=_PREDICTION_BATCH, verbose=0)[:, 0]
    card = {
        **(facts or {}),
        "architecture": options.architecture,
        "parameters": network.count_params(),
        "threshold": THRESHOLD,
        "training": split_facts(training),
        "validation": split_facts(validation) | rate(validation.labels, busy, THRESHOLD),
        "options": options.to_dict(),
        **_origin(options),
        "date": datetime.now(UTC).date().isoformat(),
        "versions": versions(),
    }
    _finish(network, card, options, work, out)
    return card


def _fit(
    network: Any,
    patches: NDArray[np.uint8],
    labels: NDArray[np.uint8],
    held_out: tuple[NDArray[np.uint8], NDArray[np.float32]],
    options: TrainingOptions,
    work: Path,
    show_epochs: bool,
) -> None:
    """Train phase by phase; the best epoch of all lies in ``work`` then."""
    _, keras = load_tensorflow()
    n_steps = len(patches) // options.batch_size
    batches = training_batches(
        patches, labels, options.batch_size, options.augmentation, options.seed
    )
    for phase in _phases(options):
        if phase.first:
            network = keras.models.load_model(work / "best.keras", compile=False)
        if options.frozen_epochs:
            network.get_layer(BASE).trainable = not phase.is_frozen
        _compile(network, options, phase, n_steps)
        network.fit(
            batches,
            initial_epoch=phase.first,
            epochs=_end(phase, options, work),
            steps_per_epoch=n_steps,
            shuffle=False,  # the batches are
            validation_data=held_out,
            validation_batch_size=_PREDICTION_BATCH,
            callbacks=make_callbacks(network, options, phase.rate, phase.first, work, show_epochs),
            verbose=0,
        )


def _phases(options: TrainingOptions) -> list[_Phase]:
    n_frozen = min(options.frozen_epochs, options.epochs)
    phases = [
        _Phase(0, n_frozen, options.frozen_learning_rate, True),
        _Phase(n_frozen, options.epochs, options.learning_rate, False),
    ]
    return [phase for phase in phases if phase.end > phase.first]


def _end(phase: _Phase, options: TrainingOptions, work: Path) -> int:
    """Epoch before which a phase ends: at once where the log says that its patience is over."""
    losses = read_losses(work / "log.csv")
    epochs = [epoch for epoch in losses if phase.first <= epoch < phase.end]
    is_done = is_over([losses[epoch] for epoch in epochs], options.patience)
    return epochs[-1] + 1 if is_done else phase.end


def _origin(options: TrainingOptions) -> dict[str, Any]:
    """What tells a file of weights from others, whatever it is called."""
    if options.weights is None:
        return {}
    with Path(options.weights).open("rb") as file:
        return {"weights_sha256": hashlib.file_digest(file, "sha256").hexdigest()}


def _finish(
    network: Any, card: dict[str, Any], options: TrainingOptions, work: Path, out: Path
) -> None:
    """Write model, card and options, remove what was for going on."""
    network.save(work / out.name)
    (work / out.name).replace(out)
    write_options(options, out.with_suffix(".toml"))
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


def _prepare(work: Path, options: TrainingOptions, training: Split, validation: Split) -> None:
    """Make the folder of a run, or see that the one in it is the same."""
    run = {
        "options": options.to_dict(),
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


def _compile(network: Any, options: TrainingOptions, phase: _Phase, steps_per_epoch: int) -> None:
    _, keras = load_tensorflow()
    rate: Any = phase.rate
    if options.decay == "cosine":
        steps = (phase.end - phase.first) * steps_per_epoch
        n_warm = max(1, steps // 20)
        rate = keras.optimizers.schedules.CosineDecay(
            phase.rate / 100,
            max(1, steps - n_warm),
            warmup_target=phase.rate,
            warmup_steps=n_warm,
        )
    if options.optimizer == "adam":
        optimizer = keras.optimizers.AdamW(rate, weight_decay=options.weight_decay)
    else:
        optimizer = keras.optimizers.SGD(
            rate, momentum=0.9, nesterov=True, weight_decay=options.weight_decay
        )
    network.compile(
        optimizer,
        keras.losses.BinaryCrossentropy(label_smoothing=options.label_smoothing),
        metrics=[keras.metrics.BinaryAccuracy("accuracy")],
    )
