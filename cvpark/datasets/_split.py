"""A split: labelled patches in a fixed order with a fingerprint."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..exceptions import DatasetError, SplitMismatchError

if TYPE_CHECKING:
    import pandas as pd

_WEATHERS = {"S": "SUNNY", "O": "OVERCAST", "R": "RAINY"}
# CNR-EXT: SUNNY/2015-11-22/camera6/S_2015-11-22_12.48_C06_312.jpg
_CNR_EXT = re.compile(
    r"(?:.*/)?(?P<weather>[SOR])_(?P<day>\d{4}-\d\d-\d\d)_(?P<time>\d\d\.\d\d)"
    r"_C(?P<camera>\d\d)_(?P<slot>\d+)\.jpg"
)
# CNRPark: A/busy/20150703_1410_33.jpg, both cameras on sunny days
_CNRPARK = re.compile(
    r"(?P<camera>[AB])/(?:free|busy)/(?P<day>\d{8})_(?P<time>\d{4})_(?P<slot>\d+)\.jpg"
)


def fingerprint(lines: list[str]) -> str:
    """SHA-256 over sorted list lines, the identity of a split.

    Parameters
    ----------
    lines : list of str
        ``path label`` without line ends.

    Returns
    -------
    str
        64 hexadecimal digits, the same as ``LC_ALL=C sort FILE | sha256sum`` prints for a list
        file, so anyone can check it without cvpark.

    Examples
    --------
    >>> fingerprint(["b.jpg 0", "a.jpg 1"]) == fingerprint(["a.jpg 1", "b.jpg 0"])
    True
    """
    ordered = sorted(line.encode() for line in lines)
    return hashlib.sha256(b"".join(line + b"\n" for line in ordered)).hexdigest()


@dataclass(frozen=True, eq=False, repr=False)
class Split:
    """Labelled patches of one part of a dataset, in list order.

    Parameters
    ----------
    name : str
        Name or expression it was asked for by, such as ``val`` or ``train&camera1``.
    paths : tuple of str
        Paths as the list files spell them; they identify patches across machines.
    labels : ndarray of uint8, shape (n_patches,)
        Occupancy: 0 free, 1 busy.
    locate : callable
        Turns a list path into the path of the file.
    n_listed : int
        How many patches the lists name; more than ``len(split)`` when some are not on disk.

    Examples
    --------
    >>> split = Split("mine", ("a.jpg", "b.jpg"), np.array([0, 1], np.uint8))
    >>> len(split), split.fingerprint[:8]
    (2, '053487cb')
    >>> split.select(split.labels == 1, name="busy").files
    [PosixPath('b.jpg')]

    What names tell is known of patches that are named as those of the dataset are:

    >>> path = "RAINY/2016-01-14/camera3/R_2016-01-14_15.05_C03_221.jpg"
    >>> named = Split("named", (path,), np.array([1], np.uint8))
    >>> named.metadata().loc[0, ["camera", "weather", "day", "time", "slot_id"]].tolist()
    ['3', 'RAINY', '2016-01-14', '15:05', '221']
    >>> named.groups()
    array([0])
    """

    name: str
    paths: tuple[str, ...]
    labels: NDArray[np.uint8]
    locate: Callable[[str], Path] = Path
    n_listed: int = 0

    def __len__(self) -> int:
        return len(self.paths)

    def __repr__(self) -> str:
        return f"Split({self.name!r}, {len(self):,} patches)"

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over the sorted ``path label`` lines, see `fingerprint`."""
        return fingerprint([f"{p} {y}" for p, y in zip(self.paths, self.labels, strict=True)])

    @cached_property
    def files(self) -> list[Path]:
        """Where each patch lies on disk."""
        return [self.locate(path) for path in self.paths]

    def select(self, keep: NDArray[np.bool_], *, name: str | None = None) -> Split:
        """The split reduced to the patches where ``keep`` is true, in the same order.

        Parameters
        ----------
        keep : ndarray of bool, shape (n_patches,)
        name : str, optional
            Of the result; by default that of this split.
        """
        paths = tuple(path for path, kept in zip(self.paths, keep, strict=True) if kept)
        labels = self.labels[keep]
        return Split(name or self.name, paths, labels, self.locate, self.n_listed)

    def metadata(self) -> pd.DataFrame:
        """What the file names tell, a row a patch.

        Returns
        -------
        pandas.DataFrame
            Columns path, occupancy, camera, weather, day (YYYY-MM-DD), time (HH:MM), slot_id; all
            but occupancy are strings, as slot ids of CNRPark are local to a camera.

        Raises
        ------
        DatasetError
            A name that follows neither the CNR-EXT nor the CNRPark pattern.
        """
        import pandas as pd

        table = pd.DataFrame(
            [_facts(path) for path in self.paths],
            columns=["camera", "weather", "day", "time", "slot_id"],
            dtype=str,
        )
        table.insert(0, "path", list(self.paths))
        table.insert(1, "occupancy", self.labels)
        return table

    def groups(self) -> NDArray[np.int64]:
        """Camera-day of each patch as an integer, the unit that is resampled or left out whole.

        The same parked car recurs in neighbouring captures, so patches of one camera and day
        are not independent of each other.
        """
        names = ["/".join(_facts(path)[i] for i in (0, 2)) for path in self.paths]
        return np.unique(names, return_inverse=True)[1].astype(np.int64)


def _facts(path: str) -> tuple[str, str, str, str, str]:
    if found := _CNR_EXT.fullmatch(path):
        weather, time = _WEATHERS[found["weather"]], found["time"].replace(".", ":")
        return str(int(found["camera"])), weather, found["day"], time, found["slot"]
    if found := _CNRPARK.fullmatch(path):
        day, time = found["day"], found["time"]
        day = f"{day[:4]}-{day[4:6]}-{day[6:]}"
        return found["camera"], "SUNNY", day, f"{time[:2]}:{time[2:]}", found["slot"]
    raise DatasetError(f"{path}: not named like a CNR-EXT or CNRPark patch")


def check_same_split(what: str, expected: str, got: str, hint: str) -> None:
    """Refuse two fingerprints that differ.

    Parameters
    ----------
    what : str
        What was made from a split, for the message.
    expected, got : str
        Fingerprints.
    hint : str
        What to do about it.

    Raises
    ------
    SplitMismatchError
        ``expected`` and ``got`` differ.

    Examples
    --------
    >>> check_same_split("scores", "aa", "aa", "measure again")
    """
    if expected != got:
        raise SplitMismatchError(
            f"{what}: made from another split (fingerprint {got[:12]}, expected {expected[:12]}); "
            f"{hint}"
        )
