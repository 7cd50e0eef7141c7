"""Extracted descriptors on disk, resumable."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any, Literal, cast
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from .._files import atomic_write
from ..exceptions import DatasetError, SplitMismatchError
from ._descriptor import Descriptor
from ._patches import count_threads

SCHEMA_VERSION = 1
_PART = 1024  # patches a file: a second of work is the most an interruption loses
_BATCH = 64  # patches decoded before they are described: those of a part would not stay in a cache

Read = Callable[[str], NDArray[np.uint8]]
Progress = Callable[[Iterable[Any], int], Iterable[Any]]


class FeatureStore:
    """A folder of descriptors, each kept under the list path of its patch.

    ``store.json`` says which descriptor and which splits; ``part-*.npz`` hold up to 1,024 patches
    each and appear whole or not at all, so an interrupted extraction goes on where it stopped and a
    second split only adds what the first did not have.

    Parameters
    ----------
    folder : path
        Where the store lies or will lie.

    Examples
    --------
    >>> import numpy as np, tempfile
    >>> store = FeatureStore(tempfile.mkdtemp())
    >>> blank = np.zeros((64, 64, 3), np.uint8)
    >>> store.extend(["a.jpg"], lambda path: blank, Descriptor(extractors=["lbp"]))
    {}
    >>> store.matrix(["a.jpg"]).shape
    (1, 160)
    >>> store.exists, store.descriptor.n_features_out_, store.splits, store.skipped
    (True, 160, {}, {})
    >>> store.check_split("val", "053487cb")  # a name it does not know yet
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self._index: dict[str, tuple[int, int]] = {}  # list path -> part, row
        self._parts: list[Path] = []
        self._meta: dict[str, Any] = {}
        if self._meta_file.exists():
            self._open()

    @property
    def _meta_file(self) -> Path:
        return self.folder / "store.json"

    def _open(self) -> None:
        try:
            self._meta = json.loads(self._meta_file.read_text(encoding="utf-8"))
            version = self._meta["schema_version"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DatasetError(
                f"{self._meta_file}: not a feature store ({error}); extract into another folder"
            ) from error
        if version != SCHEMA_VERSION:
            raise DatasetError(
                f"{self._meta_file}: schema version {version}, this cvpark reads {SCHEMA_VERSION}; "
                "extract again into another folder"
            )
        for file in sorted(self.folder.glob("part-*.npz")):
            self._add(file, self._load(file, "paths"))

    def _load(self, file: Path, name: str) -> NDArray[Any]:
        try:
            with np.load(file, allow_pickle=False) as arrays:
                array: NDArray[Any] = arrays[name]
                return array
        except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
            raise DatasetError(f"{file}: damaged ({error}); delete it and extract again") from error

    def _add(self, file: Path, paths: Iterable[str]) -> None:
        number = len(self._parts)
        self._parts.append(file)
        self._index.update((str(path), (number, row)) for row, path in enumerate(paths))

    def __len__(self) -> int:
        return len(self._index)

    def __contains__(self, path: object) -> bool:
        return path in self._index

    @property
    def exists(self) -> bool:
        """Whether the folder holds a store."""
        return bool(self._meta)

    @property
    def descriptor(self) -> Descriptor:
        """The descriptor everything in the store was computed with."""
        return Descriptor.from_config(self._meta["descriptor"]).fit()

    @property
    def splits(self) -> dict[str, str]:
        """Fingerprint of each named split at the time of extraction."""
        return dict(self._meta["splits"])

    @property
    def skipped(self) -> dict[str, str]:
        """Patches that could not be read, and why."""
        return dict(self._meta["skipped"])

    def extend(
        self,
        paths: Sequence[str],
        read: Read,
        descriptor: Descriptor,
        *,
        splits: Mapping[str, str] | None = None,
        n_jobs: int | None = None,
        on_error: Literal["raise", "skip"] = "raise",
        progress: Progress = lambda items, total: items,
    ) -> dict[str, str]:
        """Compute and keep the descriptors of the patches the store does not hold yet.

        Parameters
        ----------
        paths : sequence of str
            List paths of patches.
        read : callable
            List path to RGB uint8 patch; called from several threads.
        descriptor : Descriptor
            Must equal the one the store was begun with.
        splits : mapping of str to str, optional
            Name and fingerprint of splits these patches make up.
        n_jobs : int or None
            Threads; None is one, -1 all cores.
        on_error : {"raise", "skip"}
            What to do about a patch ``read`` cannot read.
        progress : callable
            Called with the parts to come and their number; passes them through.

        Returns
        -------
        dict of str to str
            The skipped patches of this call and why.

        Raises
        ------
        SplitMismatchError
            The store holds another descriptor, or a split of that name with another fingerprint.
        DatasetError
            A patch cannot be read and ``on_error`` is "raise".
        """
        self._begin(descriptor, dict(splits or {}))
        # In the order of folders: files that were written together are read together.
        todo = sorted(path for path in set(paths) if path not in self._index)
        parts = [todo[start : start + _PART] for start in range(0, len(todo), _PART)]

        def work(part: list[str]) -> tuple[list[str], NDArray[np.float32], dict[str, str]]:
            return _describe(part, read, descriptor, skip=on_error == "skip")

        skipped: dict[str, str] = {}
        # Threads suffice: decoder and kernels both release the interpreter lock. Closing the map
        # drops what has not begun, should a part fail or the disk be full.
        with (
            ThreadPoolExecutor(count_threads(n_jobs)) as pool,
            closing(cast("Generator[Any]", pool.map(work, parts))) as computed,
        ):
            for done, features, failed in progress(computed, len(parts)):
                skipped.update(failed)
                if done:
                    self._write(done, features)
        self._meta["skipped"] = {
            path: why for path, why in (self.skipped | skipped).items() if path not in self._index
        }
        self._write_meta()
        return skipped

    def _begin(self, descriptor: Descriptor, splits: dict[str, str]) -> None:
        config = descriptor.fit().to_config()
        if not self._meta:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._meta = {
                "schema_version": SCHEMA_VERSION,
                "descriptor": config,
                "splits": {},
                "skipped": {},
            }
        if self._meta["descriptor"] != config:
            raise SplitMismatchError(
                f"{self.folder}: holds features of another descriptor; extract into another folder"
            )
        for name, value in splits.items():
            self.check_split(name, value)
        self._meta["splits"].update(splits)
        self._write_meta()

    def check_split(self, name: str, fingerprint: str) -> None:
        """Refuse a split that was another one when the features were extracted.

        Parameters
        ----------
        name, fingerprint : str
            Of the split, see `cvpark.datasets.Split`.

        Raises
        ------
        SplitMismatchError
            The fingerprints differ.
        """
        known = self._meta["splits"].get(name, fingerprint)
        if known != fingerprint:
            raise SplitMismatchError(
                f"{self.folder}: holds features of another split {name!r} (fingerprint "
                f"{known[:12]}, expected {fingerprint[:12]}); extract into another folder"
            )

    def _write_meta(self) -> None:
        with atomic_write(self._meta_file) as partial:
            partial.write_text(json.dumps(self._meta, indent=2) + "\n", encoding="utf-8")

    def _write(self, paths: list[str], features: NDArray[np.float32]) -> None:
        file = self.folder / f"part-{len(self._parts):05d}.npz"
        with atomic_write(file) as partial, partial.open("wb") as stream:
            np.savez(stream, paths=np.array(paths), features=features)
        self._add(file, paths)

    def matrix(self, paths: Sequence[str]) -> NDArray[np.float32]:
        """Descriptors of these patches, in this order.

        Parameters
        ----------
        paths : sequence of str
            List paths.

        Returns
        -------
        ndarray of float32, shape (n_patches, n_features)

        Raises
        ------
        SplitMismatchError
            Some of the patches are not in the store.
        """
        there = sum(path in self._index for path in paths)
        if there < len(paths):
            raise SplitMismatchError(
                f"{self.folder}: holds features of {there:,} of the {len(paths):,} patches asked "
                "for; extract the split first (cvpark extract)"
            )
        places = np.array([self._index[path] for path in paths]).reshape(-1, 2)
        out = np.empty((len(paths), self.descriptor.n_features_out_), np.float32)
        for number in np.unique(places[:, 0]):
            rows = np.flatnonzero(places[:, 0] == number)
            out[rows] = self._load(self._parts[number], "features")[places[rows, 1]]
        return out


def _describe(
    paths: list[str], read: Read, descriptor: Descriptor, *, skip: bool
) -> tuple[list[str], NDArray[np.float32], dict[str, str]]:
    """Paths read, their descriptors, and what failed."""
    done: list[str] = []
    failed: dict[str, str] = {}
    features = np.empty((len(paths), descriptor.n_features_out_), np.float32)
    for start in range(0, len(paths), _BATCH):
        patches = []
        for path in paths[start : start + _BATCH]:
            try:
                patches.append(read(path))
            except DatasetError as error:
                if not skip:
                    raise
                failed[path] = str(error)
            else:
                done.append(path)
        features[len(done) - len(patches) : len(done)] = descriptor.transform(patches)
    return done, features[: len(done)], failed
