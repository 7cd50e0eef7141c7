"""The patches worth looking at, as small pictures."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..datasets import read_image
from ..exceptions import DatasetError

if TYPE_CHECKING:
    import pandas as pd

Locate = Callable[[str], Path]

N_DISAGREEMENTS, N_MISTAKES = 12, 6
_SIDE, _QUALITY = 112, 82  # pixels and JPEG quality: some 4 kB a picture


@dataclass(frozen=True)
class Picture:
    """One patch with what the models say of it.

    Parameters
    ----------
    uri : str
        ``data:`` address of a JPEG; empty where the file is not at hand.
    path, place, time, truth : str
        Path in the list, camera and slot, day and time, ``free`` or ``busy``.
    answers : list of tuple
        Number, name, P(busy) and whether it is right, of each model.
    """

    uri: str
    path: str
    place: str
    time: str
    truth: str
    answers: list[tuple[int, str, float, bool]]

    @property
    def alt(self) -> str:
        """The picture in words."""
        wrong = [name for _, name, _, right in self.answers if not right]
        return (
            f"A {self.truth} slot, {self.place}, {self.time}; wrong: {', '.join(wrong) or 'none'}"
        )


def disagreements(scores: pd.DataFrame, models: Sequence[dict[str, Any]]) -> list[int]:
    """Rows where answers differ, the widest spread of P(busy) first, one of each slot and day."""
    busy, answers = _answers(scores, models)
    split = answers.any(axis=1) & ~answers.all(axis=1)
    spread = np.where(split, np.ptp(busy, axis=1), -1.0)
    return _first(scores, spread, N_DISAGREEMENTS)


def mistakes(scores: pd.DataFrame, model: dict[str, Any]) -> list[int]:
    """Rows one model is most sure and wrong about, one of each slot and day."""
    busy, answers = _answers(scores, [model])
    labels = scores.occupancy.to_numpy()
    off = np.where(answers[:, 0] != labels, np.abs(busy[:, 0] - labels), -1.0)
    return _first(scores, off, N_MISTAKES)


def _answers(
    scores: pd.DataFrame, models: Sequence[dict[str, Any]]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    busy = scores[[model["name"] for model in models]].to_numpy(float)
    return busy, busy >= [model["threshold"] for model in models]


def _first(scores: pd.DataFrame, worth: NDArray[np.float64], n: int) -> list[int]:
    """The rows most worth showing; the same parked car is shown once."""
    chosen: dict[tuple[str, ...], int] = {}
    cars = scores[["camera", "slot_id", "day", "occupancy"]]
    for row in np.argsort(-worth, kind="stable"):
        if worth[row] < 0 or len(chosen) == n:
            break
        chosen.setdefault(tuple(cars.iloc[row]), int(row))
    return list(chosen.values())


def load(
    rows: Sequence[int],
    scores: pd.DataFrame,
    models: Sequence[dict[str, Any]],
    locate: Locate,
) -> Iterator[Picture]:
    """The pictures of these rows; a patch that cannot be read leaves an empty frame."""
    for row in rows:
        facts = scores.iloc[row]
        answers = [
            (style, model["name"], float(facts[model["name"]]),
             (facts[model["name"]] >= model["threshold"]) == bool(facts.occupancy))
            for style, model in enumerate(models)
        ]  # fmt: skip
        yield Picture(
            _uri(locate(facts.path)),
            facts.path,
            f"camera {facts.camera}, slot {facts.slot_id}",
            f"{facts.day} {facts.time}",
            "busy" if facts.occupancy else "free",
            answers,
        )


def _uri(file: Path) -> str:
    """A patch decoded and encoded anew, so that nothing but pixels gets into the report."""
    import cv2

    try:
        image = read_image(file)
    except DatasetError:
        return ""
    factor = _SIDE / max(image.shape[:2])
    if factor < 1:
        image = cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    done, data = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    return f"data:image/jpeg;base64,{b64encode(data.tobytes()).decode()}" if done else ""
