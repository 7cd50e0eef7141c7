"""Labelled patches of any car park: folders named after classes, a list, the published layout."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..exceptions import DatasetError
from ._cnrpark import Dataset, read_list
from ._split import Split

CLASS_FOLDERS = {"free": 0, "empty": 0, "0": 0, "busy": 1, "occupied": 1, "1": 1}

_IMAGES = (".jpg", ".jpeg", ".png")
# CNR-EXT: S_2015-11-22_12.48_C06_312.jpg, CNRPark: 20150703_1410_33.jpg,
# PKLot: 2012-09-11_15_53_00#001.jpg
_SLOT = re.compile(r"(?:_\d\d\.\d\d_C\d\d_|\d{8}_\d{4}_|\d\d#)(?P<slot>\d+)\.\w+")


def labelled_split(
    data: str | Path, *, labels: str | Path | None = None, expression: str | None = None
) -> Split:
    """Labelled patches of a folder, whichever way they are labelled.

    Parameters
    ----------
    data : path
        Folder with subfolders named ``free`` or ``empty`` or ``0`` and ``busy`` or ``occupied``
        or ``1``, in any case and at any depth: the one nearest to an image is its label. Images
        below none of them are left out.
    labels : path, optional
        A list of ``path label`` lines instead, its paths relative to ``data`` or to the list.
    expression : str, optional
        ``data`` is in the layout CNRPark+EXT is published in, and this is a split expression of
        `Dataset.split`.

    Returns
    -------
    Split
        Sorted by path, or in list order.

    Raises
    ------
    DatasetError
        No such folder or split, a malformed list or one of files that are not there, or no images
        in class folders.
    ValueError
        Both a list and a split expression.

    Examples
    --------
    >>> from cvpark.datasets import sample_path
    >>> root = sample_path(n_patches=120)
    >>> len(labelled_split(root / "PATCHES", labels=root / "LABELS" / "all.txt"))
    120
    """
    data = Path(data)
    if labels is not None and expression is not None:
        raise ValueError("labels come from a list or from a split, not from both")
    if not data.is_dir():
        raise DatasetError(f"{data}: no such folder; give the folder of labelled patches")
    if expression is not None:
        return Dataset(data).split(expression)
    if labels is not None:
        return _from_list(data, Path(labels))
    return _from_class_folders(data)


def _from_list(data: Path, file: Path) -> Split:
    listed = read_list(file)
    if not listed:
        raise DatasetError(f"{file}: lists no patches; expected lines of 'path label'")
    root = next((at for at in (data, file.parent) if (at / next(iter(listed))).is_file()), data)
    missing = [path for path in listed if not (root / path).is_file()]
    if missing:
        raise DatasetError(
            f"{file}: {len(missing):,} of {len(listed):,} listed patches are not in {root}, "
            f"such as {missing[0]}"
        )
    return _split(file.stem, root, listed)


def _from_class_folders(data: Path) -> Split:
    found = {}
    for folder, _, names in os.walk(data):
        inside = Path(folder).relative_to(data)
        nearest = (part.lower() for part in reversed(inside.parts))
        label = next((CLASS_FOLDERS[part] for part in nearest if part in CLASS_FOLDERS), None)
        if label is None:
            continue
        for name in names:
            if name.lower().endswith(_IMAGES) and not name.startswith("."):
                found[(inside / name).as_posix()] = label
    if not found:
        published = (data / "LABELS").is_dir() or (data / "CNRPark").is_dir()
        hint = "name a split of it" if published else "or give a list of 'path label' lines"
        raise DatasetError(
            f"{data}: no JPEG or PNG in folders named {', '.join(CLASS_FOLDERS)}; sort the patches "
            f"into such folders, {hint}"
        )
    return _split(data.resolve().name, data, dict(sorted(found.items())))


def _split(name: str, root: Path, labels: dict[str, int]) -> Split:
    values = np.array(list(labels.values()), np.uint8)
    return Split(name, tuple(labels), values, root.joinpath, len(labels))


def slot_groups(paths: Sequence[str]) -> NDArray[np.int64]:
    """Slot of each patch as an integer, as far as names tell; other patches stand alone.

    Patches of one slot show the same ground, and often the same parked car. Slots of one number
    seen by different cameras count as one.

    Parameters
    ----------
    paths : sequence of str
        Named as in CNR-EXT, CNRPark or PKLot.

    Examples
    --------
    >>> names = ["a.jpg", "2012-09-11_15_53_00#004.jpg", "2012-09-12_07_15_00#004.jpg"]
    >>> slot_groups(names)
    array([0, 1, 1])
    """
    found = (_SLOT.search(path) for path in paths)
    names = [
        f"slot {int(match['slot'])}" if match else path
        for path, match in zip(paths, found, strict=True)
    ]
    return np.unique(names, return_inverse=True)[1].astype(np.int64)
