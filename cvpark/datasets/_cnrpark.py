"""The published folder layout: list files in, splits out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from .._text import did_you_mean
from ..exceptions import DatasetError
from ._protocols import PROTOCOLS, Protocol
from ._split import Split, fingerprint

_CNRPARK = "cnrpark"

# Fingerprints of the published lists of all patches: what makes a folder this dataset.
_PUBLISHED = {
    "all": "d58105ecfbd24e8b30cf3c0d4e68803570534c4077c69615875b3a59bab76e7c",
    _CNRPARK: "4007450c204e22002a85ee0257d34f11806eb5cd18595f53fbc3e595cd4924ab",
}
_CNRPARK_EXT = {
    "name": "CNRPark+EXT",
    "license": "Open Database License v1.0",
    "citation": "G. Amato, F. Carrara, F. Falchi, C. Gennaro, C. Meghini, C. Vairo: Deep learning "
    "for decentralized parking lot occupancy detection, Expert Systems with Applications 72 "
    "(2017) 327-334, doi:10.1016/j.eswa.2016.10.055",
}


class Dataset:
    """A folder in the layout CNRPark+EXT is published in.

    Parameters
    ----------
    root : path
        Folder that holds ``PATCHES/`` and ``LABELS/`` (CNR-EXT), ``CNRPark/`` or both.

    Raises
    ------
    DatasetError
        The folder is not there or holds no list file.

    Examples
    --------
    >>> from cvpark.datasets import Dataset, sample_path
    >>> dataset = Dataset(sample_path(n_patches=120))
    >>> "val" in dataset.split_names()
    True
    >>> dataset.about(), dataset.default_protocol().name
    ({'name': 'sample-...'}, 'cnr-ext')
    >>> split = dataset.split("val&camera1")
    >>> len(split) < len(dataset.split("val")) < len(dataset.everything()) == 120
    True
    >>> dataset.locate(split.paths[0]).is_file(), "val" in dataset.complete_splits()
    (True, True)
    """

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root)
        if not self.root.is_dir():
            raise DatasetError(
                f"{self.root}: no such folder; give the folder that holds PATCHES/ and LABELS/ "
                "with --data or CVPARK_DATA"
            )
        # Every list file is a split of its name; CNRPark's own lists carry that name in front.
        self._lists = {file.stem: file for file in sorted(self.root.glob("LABELS/*.txt"))}
        for file in sorted(self.root.glob("CNRPark/*.txt")):
            stem = "" if file.stem == "all" else f"-{file.stem}"
            self._lists[_CNRPARK + stem] = file
        if not self._lists:
            raise DatasetError(
                f"{self.root}: no LABELS/*.txt and no CNRPark/*.txt; expected the layout in which "
                "CNRPark+EXT is published"
            )
        self._folders = f"{self.root}/PATCHES/", f"{self.root}/CNRPark/"
        self._contents: dict[str, dict[str, int]] = {}
        self._names: dict[str, frozenset[str]] = {}

    def __repr__(self) -> str:
        return f"Dataset({str(self.root)!r})"

    def about(self) -> dict[str, str]:
        """Name of the dataset and, for CNRPark+EXT, its licence and how to cite it.

        Known by the fingerprint of its lists; any other folder goes by its own name.
        """
        for name in self._lists.keys() & _PUBLISHED.keys():
            lines = [f"{path} {label}" for path, label in self._read(name).items()]
            if fingerprint(lines) == _PUBLISHED[name]:
                return dict(_CNRPARK_EXT)
        return {"name": self.root.name}

    def split_names(self) -> list[str]:
        """Names `split` takes, each a list file; CNRPark's two cameras are parts of its list."""
        parts = ["cnrpark-a", "cnrpark-b"] if _CNRPARK in self._lists else []
        return sorted([*self._lists, *parts])

    def split(self, expression: str, *, allow_missing: bool = False) -> Split:
        """The patches of a split that are on disk.

        Parameters
        ----------
        expression : str
            A name out of `split_names`, or several: ``a+b`` is the union and ``a&b`` the
            intersection, which binds tighter: ``cnrpark+train&camera1``.
        allow_missing : bool
            Use what is there when lists name files that are not on disk.

        Returns
        -------
        Split
            Patches in list order, each once.

        Raises
        ------
        DatasetError
            Unknown name, malformed list line, contradicting labels, no patches, or missing files
            without ``allow_missing``.
        """
        listed = self._listed(expression)
        paths = [path for path in listed if self._exists(path)]
        if len(paths) < len(listed) and not allow_missing:
            complete = ", ".join(self.complete_splits()) or "none"
            raise DatasetError(
                f"split {expression!r}: {len(paths):,} of {len(listed):,} patches are in "
                f"{self.root}; complete there: {complete}; --allow-missing uses what is there"
            )
        if not paths:
            raise DatasetError(
                f"split {expression!r}: none of its {len(listed):,} listed patches is in "
                f"{self.root}"
            )
        labels = np.array([listed[path] for path in paths], np.uint8)
        return Split(expression, tuple(paths), labels, self.locate, len(listed))

    def everything(self) -> Split:
        """All patches of all lists that are on disk."""
        return replace(self.split("+".join(self._lists), allow_missing=True), name="everything")

    def complete_splits(self) -> list[str]:
        """Names of the splits whose patches are all on disk."""
        named = {name: self._read(name) for name in self.split_names()}
        return [name for name, paths in named.items() if paths and all(map(self._exists, paths))]

    def default_protocol(self) -> Protocol:
        """``train-half`` where only that half of the training split is there, else ``cnr-ext``."""
        half, whole = PROTOCOLS["train-half"], PROTOCOLS["cnr-ext"]
        if half.train in self._lists and not all(map(self._exists, self._read(whole.train))):
            return half
        return whole

    def locate(self, path: str) -> Path:
        """Where the patch with that list path lies on disk.

        Parameters
        ----------
        path : str
            As a list spells it.
        """
        return Path(f"{self._folders[path[:2] in ('A/', 'B/')]}{path}")

    def _exists(self, path: str) -> bool:
        # Listing some hundred folders spares the disk a look at each of 150,000 files.
        folder, _, name = path.rpartition("/")
        if folder not in self._names:
            try:
                parent = self.locate(path).parent
                self._names[folder] = frozenset(file.name for file in parent.iterdir())
            except OSError:
                self._names[folder] = frozenset()
        return name in self._names[folder]

    def _listed(self, expression: str) -> dict[str, int]:
        """List path -> label of a split expression, in list order."""
        union: dict[str, int] = {}
        for term in expression.split("+"):
            first, *others = (self._read(name.strip()) for name in term.split("&"))
            for path, label in first.items():
                if not all(path in other for other in others):
                    continue
                if union.setdefault(path, label) != label:
                    raise DatasetError(
                        f"split {expression!r}: {path} is labelled 0 in one list and 1 in another"
                    )
        return union

    def _read(self, name: str) -> dict[str, int]:
        if name in ("cnrpark-a", "cnrpark-b") and _CNRPARK in self._lists:
            camera = name[-1].upper() + "/"
            listed = self._read(_CNRPARK)
            return {path: label for path, label in listed.items() if path.startswith(camera)}
        if name not in self._lists:
            names = self.split_names()
            raise DatasetError(
                f"no split {name!r}; {did_you_mean(name, names)}there are: {', '.join(names)}"
            )
        if name not in self._contents:
            self._contents[name] = read_list(self._lists[name])
        return self._contents[name]


def read_list(file: Path) -> dict[str, int]:
    """List path -> label of a list file; a malformed line is an error that names file and line."""
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"{file}: cannot be read as a list of patches: {error}") from error
    listed: dict[str, int] = {}
    for number, line in enumerate(lines, 1):
        path, _, label = line.strip().rpartition(" ")
        if path and label in ("0", "1"):
            # Names come from a file that may be anybody's: none may point out of the folder.
            if path[0] == "/" or ".." in path or "\\" in path:
                raise DatasetError(f"{file}:{number}: {path[:80]!r} leaves the data folder")
            if listed.setdefault(path, int(label)) != int(label):
                raise DatasetError(f"{file}:{number}: {path} is listed before with the other label")
        elif line.strip():
            raise DatasetError(
                f"{file}:{number}: expected 'path label' with label 0 (free) or 1 (busy), "
                f"got {line.strip()[:80]!r}"
            )
    return listed
