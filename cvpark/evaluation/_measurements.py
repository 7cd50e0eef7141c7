"""What a comparison measured, as files in a folder."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._files import atomic_write
from ..datasets import Split, check_same_split, fingerprint
from ..exceptions import CVParkError, DatasetError, SplitMismatchError

if TYPE_CHECKING:
    import pandas as pd

SCHEMA_VERSION = 2
_COLUMNS: dict[str, dict[str, type]] = {
    "scores": {
        "path": str, "occupancy": int, "camera": str, "slot_id": str, "weather": str, "day": str,
        "time": str, "capture": str, "brightness": float, "contrast": float, "height": int,
        "width": int, "digest": str,
    },
    "latency": {
        "scenario": str, "threads": int, "model": str, "round": int, "n_patches": int, "ns": int,
    },
    "stages": {"model": str, "stage": str, "n_patches": int, "ns": int},
}  # fmt: skip
FACTS, LATENCY, STAGES = (tuple(columns) for columns in _COLUMNS.values())
BASELINE = "baseline:"  # what the columns of baselines begin with

_INFO = "measurements.json"
_WHAT_TO_DO = "measure again (cvpark compare --out)"


@dataclass(frozen=True)
class Measurements:
    """All that was measured, of which figures and reports are made.

    Parameters
    ----------
    info : dict
        JSON-able: ``schema_version``, ``created``, ``cvpark``, ``seed``; ``split`` with its
        ``name``, ``fingerprint``, ``order``, ``n_listed`` and ``protocol``; ``training``, the split
        baselines were fitted on, or None; ``models``, each with ``name``, ``kind``, ``threshold``,
        ``model_bytes``, ``seen`` and ``card``; ``environment``, ``cold_start``, ``costs``.
    scores : pandas.DataFrame
        A row a patch in the order of the split: what is known of it (columns ``FACTS``), then
        P(busy) of each model in a column of its name, then of each baseline.
    latency : pandas.DataFrame
        A row a timed call, columns ``LATENCY``.
    stages : pandas.DataFrame
        A row a timed part of a call, columns ``STAGES``.

    Raises
    ------
    SplitMismatchError
        The patches of ``scores``, their labels or their order are not those of the split.
    DatasetError
        A column is missing.

    Examples
    --------
    >>> from cvpark.datasets import Dataset, sample_path
    >>> from cvpark.evaluation import measure
    >>> from cvpark.models import load_model
    >>> dataset = Dataset(sample_path(n_patches=120))
    >>> split, training = dataset.split("val"), dataset.split("train")
    >>> measurements = measure([load_model("svm")], split, training=training, timing="none")
    >>> measurements.check_split(split)
    >>> measurements.names, measurements.baselines
    (['svm'], ['baseline:majority', 'baseline:position'])
    """

    info: dict[str, Any]
    scores: pd.DataFrame = field(repr=False)
    latency: pd.DataFrame = field(repr=False)
    stages: pd.DataFrame = field(repr=False)

    def __post_init__(self) -> None:
        for table, columns in _COLUMNS.items():
            needed = [*columns, *(self.names if table == "scores" else [])]
            if missing := [name for name in needed if name not in getattr(self, table)]:
                raise DatasetError(f"{table} lack {', '.join(missing)}; {_WHAT_TO_DO}")
        lines = _lines(self.scores.path, self.scores.occupancy)
        self._check("scores", lines)

    @property
    def names(self) -> list[str]:
        """Of the models."""
        return [model["name"] for model in self.info["models"]]

    @property
    def baselines(self) -> list[str]:
        """Columns of ``scores`` that hold baselines."""
        return [name for name in map(str, self.scores.columns) if name.startswith(BASELINE)]

    def check_split(self, split: Split) -> None:
        """Refuse another split than the one measured on.

        Parameters
        ----------
        split : Split

        Raises
        ------
        SplitMismatchError
            Patches, labels or their order differ.
        """
        self._check(f"split {split.name!r}", _lines(split.paths, split.labels))

    def _check(self, what: str, lines: list[str]) -> None:
        split = self.info["split"]
        check_same_split(what, split["fingerprint"], fingerprint(lines), _WHAT_TO_DO)
        if order(lines) != split["order"]:
            raise SplitMismatchError(f"{what}: the patches are in another order; {_WHAT_TO_DO}")


def order(lines: Iterable[str]) -> str:
    """SHA-256 over list lines as they follow each other, see `fingerprint` of the sorted ones.

    Examples
    --------
    >>> order(["b.jpg 0", "a.jpg 1"]) == order(["a.jpg 1", "b.jpg 0"])
    False
    """
    return hashlib.sha256(b"".join(line.encode() + b"\n" for line in lines)).hexdigest()


def describe_measured(split: Split, protocol: str | None = None) -> dict[str, Any]:
    """Identity of a split as measurements keep it.

    Examples
    --------
    >>> import numpy as np
    >>> describe_measured(Split("mine", ("a.jpg",), np.array([1], np.uint8), n_listed=1))
    {'name': 'mine', 'fingerprint': '...', 'order': '...', 'n_listed': 1, 'protocol': None}
    """
    return {
        "name": split.name,
        "fingerprint": split.fingerprint,
        "order": order(_lines(split.paths, split.labels)),
        "n_listed": split.n_listed,
        "protocol": protocol,
    }


def _lines(paths: Iterable[str], labels: Iterable[int]) -> list[str]:
    return [f"{path} {label}" for path, label in zip(paths, labels, strict=True)]


def write_measurements(measurements: Measurements, folder: str | Path) -> list[Path]:
    """Write ``scores.csv``, ``latency.csv``, ``stages.csv`` and ``measurements.json``.

    Parameters
    ----------
    measurements : Measurements
    folder : str or path
        Made if it is not there; files of those names in it are replaced.

    Returns
    -------
    list of Path
        The files written, ``measurements.json`` last: where it is, the others are.

    Examples
    --------
    >>> import tempfile
    >>> from cvpark.datasets import Dataset, sample_path
    >>> from cvpark.evaluation import measure
    >>> from cvpark.models import load_model
    >>> split = Dataset(sample_path(n_patches=120)).split("val")
    >>> measurements = measure([load_model("svm")], split, timing="none")
    >>> folder = tempfile.mkdtemp()
    >>> [file.name for file in write_measurements(measurements, folder)]
    ['scores.csv', 'latency.csv', 'stages.csv', 'measurements.json']
    >>> bool((read_measurements(folder).scores == measurements.scores).all(axis=None))
    True
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _INFO).unlink(missing_ok=True)  # it would tell of files that no longer are
    texts = {
        f"{name}.csv": getattr(measurements, name).to_csv(index=False, lineterminator="\n")
        for name in ("scores", "latency", "stages")
    }
    texts[_INFO] = json.dumps(measurements.info, indent=2) + "\n"
    for name, text in texts.items():
        with atomic_write(folder / name) as partial:
            partial.write_text(text, encoding="utf-8")
    return [folder / name for name in texts]


def read_measurements(folder: str | Path) -> Measurements:
    """Measurements out of a folder, as they were written.

    Parameters
    ----------
    folder : str or path
        What `write_measurements` wrote.

    Raises
    ------
    DatasetError
        The folder holds none, they are damaged, or of another schema version.
    SplitMismatchError
        The scores are not those of the split in patches, labels or order.

    Examples
    --------
    >>> read_measurements("nowhere")
    Traceback (most recent call last):
    ...
    cvpark.exceptions.DatasetError: nowhere: holds no measurements; ...
    """
    folder = Path(folder)
    file = folder / _INFO
    if not file.is_file():
        raise DatasetError(f"{folder}: holds no measurements; make some: cvpark compare --out DIR")
    try:
        info = json.loads(file.read_text(encoding="utf-8"))
        version = info["schema_version"]
        if version != SCHEMA_VERSION:
            raise DatasetError(
                f"{file}: schema version {version}, this cvpark reads {SCHEMA_VERSION}; "
                f"{_WHAT_TO_DO}"
            )
        tables = {}
        for name, columns in _COLUMNS.items():
            file = folder / f"{name}.csv"
            tables[name] = _read_table(file, columns)
        return Measurements(info, **tables)
    except CVParkError:
        raise
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DatasetError(f"{file}: not what cvpark wrote ({error}); {_WHAT_TO_DO}") from error


def _read_table(file: Path, columns: dict[str, type]) -> pd.DataFrame:
    """A table whose further columns are probabilities."""
    import pandas as pd

    table = pd.read_csv(file, dtype=str, keep_default_na=False)
    # Python reads a number to the last bit, which pandas learned late.
    return table.astype({name: columns.get(name, float) for name in map(str, table.columns)})
