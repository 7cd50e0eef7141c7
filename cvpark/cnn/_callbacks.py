"""What a training does at the start and end of each epoch."""

from __future__ import annotations

import csv
import math
from pathlib import Path
from typing import Any

from ..exceptions import CVParkError
from ._keras import load_tensorflow
from ._options import TrainingOptions
from ._schedule import is_over, plateau_rate


def make_callbacks(
    network: Any, options: TrainingOptions, rate: float, first: int, work: Path, show_epochs: bool
) -> list[Any]:
    """Callbacks of a training that starts at epoch ``first`` with learning rate ``rate``.

    All they know of earlier epochs they read in the log, so they go on where an interrupted
    training stopped.

    Parameters
    ----------
    network : keras.Model
        Compiled.
    options : TrainingOptions
    rate : float
    first : int
    work : Path
        Folder of the training.
    show_epochs : bool
        Show progress on stderr.
    """
    _, keras = load_tensorflow()
    log = work / "log.csv"

    def losses() -> list[float]:
        return [loss for epoch, loss in read_losses(log).items() if epoch >= first]

    def set_rate(*_: Any) -> None:
        if options.decay == "plateau":
            network.optimizer.learning_rate = plateau_rate(rate, losses(), options.decay_patience)

    def refuse_divergence(epoch: int, logs: dict[str, float]) -> None:
        if not math.isfinite(logs["val_loss"]):
            raise CVParkError(
                f"the training diverged in epoch {epoch + 1}; delete {work} and train with a lower "
                "learning rate"
            )

    def stop(*_: Any) -> None:
        network.stop_training = is_over(losses(), options.patience)

    callbacks = [
        keras.callbacks.LambdaCallback(on_epoch_begin=set_rate, on_epoch_end=refuse_divergence),
        keras.callbacks.ModelCheckpoint(
            work / "best.keras",
            monitor="val_loss",
            save_best_only=True,
            # Keras forgets the best epoch so far when a run goes on.
            initial_value_threshold=min(read_losses(log).values(), default=None),
        ),
        keras.callbacks.CSVLogger(log, append=True),
        keras.callbacks.LambdaCallback(on_epoch_end=stop),
        keras.callbacks.LambdaCallback(on_epoch_end=_tensorboard_writer(work / "tensorboard")),
        keras.callbacks.BackupAndRestore(
            work / "backup" / str(first), double_checkpoint=True, delete_checkpoint=False
        ),
    ]
    if show_epochs:
        from tqdm.keras import TqdmCallback

        callbacks.append(TqdmCallback(verbose=1, disable=None))
    return callbacks


def read_losses(log: Path) -> dict[int, float]:
    """Validation loss of each epoch of a log, the last one where an epoch was repeated."""
    if not log.exists():
        return {}
    with log.open(encoding="utf-8", newline="") as lines:
        return {int(row["epoch"]): float(row["val_loss"]) for row in csv.DictReader(lines)}


def _tensorboard_writer(folder: Path) -> Any:
    """Writes what was measured of an epoch where TensorBoard finds it.

    The callback of Keras would do that, if it did not need TensorBoard itself.
    """
    tf, _ = load_tensorflow()
    metadata = tf.compat.v1.SummaryMetadata()
    metadata.plugin_data.plugin_name = "scalars"
    writer = tf.summary.create_file_writer(str(folder))

    def write(epoch: int, logs: dict[str, float]) -> None:
        with writer.as_default():
            for name, value in logs.items():
                measure = name.removeprefix("val_")
                curve = "training" if name == measure else "validation"
                scalar = tf.constant(value, tf.float32)
                tf.summary.write(f"{measure}/{curve}", scalar, step=epoch, metadata=metadata)
        writer.flush()

    return write
