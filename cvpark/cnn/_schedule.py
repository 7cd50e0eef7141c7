"""When a rate falls and a training stops, told from the losses so far."""

from __future__ import annotations

from collections.abc import Sequence

_FALL = 1 / 3


def epochs_since_best(losses: Sequence[float]) -> int:
    """Epochs after the one with the lowest loss.

    Examples
    --------
    >>> epochs_since_best([0.3, 0.1, 0.2, 0.1])
    2
    """
    return len(losses) - 1 - min(range(len(losses)), key=losses.__getitem__) if losses else 0


def is_over(losses: Sequence[float], patience: int) -> bool:
    """Whether the loss has not sunk for ``patience`` epochs, 0 for never.

    Examples
    --------
    >>> is_over([0.1, 0.2, 0.2], 2), is_over([0.1, 0.2, 0.2], 0)
    (True, False)
    """
    return 0 < patience <= epochs_since_best(losses)


def plateau_rate(rate: float, losses: Sequence[float], patience: int) -> float:
    """The rate after these losses: a third of it for each ``patience`` epochs without a lower one.

    Examples
    --------
    >>> round(plateau_rate(0.9, [0.1, 0.2, 0.2, 0.3, 0.3], 2), 3)
    0.1
    """
    best, waited = float("inf"), 0
    for loss in losses:
        waited = 0 if loss < best else waited + 1
        best = min(best, loss)
        if waited == patience:
            rate, waited = rate * _FALL, 0
    return rate
