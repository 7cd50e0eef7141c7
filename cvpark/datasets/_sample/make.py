"""The sample as a folder that is whole or not there."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

import platformdirs

from ...exceptions import DatasetError
from .plan import MAXIMUM
from .write import Writer

GENERATOR_VERSION = 3
_MINIMUM = 60
_MARK = "sample.json"


def make_sample(dest: str | Path, *, n_patches: int = 3000, seed: int = 0) -> Path:
    """Render parking lots into a small dataset in the layout of CNRPark+EXT.

    The pictures are computed, so nothing is downloaded and nothing has a licence. The same
    arguments give the same bytes under the same versions of NumPy and OpenCV.

    Parameters
    ----------
    dest : path
        Folder to make. It appears under this name when it is complete. If it already holds the
        sample asked for, nothing is done.
    n_patches : int
        Number of patches, 60 to 18,480.
    seed : int
        Not negative.

    Returns
    -------
    Path
        `dest`.

    Raises
    ------
    ValueError
        Too few or too many patches, or a negative seed.
    DatasetError
        `dest` holds something else.

    Examples
    --------
    >>> import tempfile
    >>> folder = make_sample(tempfile.mkdtemp() + "/sample", n_patches=60)
    >>> len((folder / "LABELS" / "all.txt").read_text().splitlines())
    60
    """
    if not _MINIMUM <= n_patches <= MAXIMUM:
        raise ValueError(f"n_patches={n_patches}: expected {_MINIMUM} to {MAXIMUM}")
    if seed < 0:
        raise ValueError(f"seed={seed}: expected a number that is not negative")
    dest = Path(dest)
    wanted = {"generator_version": GENERATOR_VERSION, "n_patches": n_patches, "seed": seed}
    if _is_there(dest, wanted):
        return dest
    dest.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{dest.name}-", dir=dest.parent) as partial:
        built = Path(partial) / "sample"
        Writer(built, n_patches, seed).write()
        (built / _MARK).write_text(json.dumps(wanted) + "\n", encoding="utf-8", newline="\n")
        try:
            built.replace(dest)
        except OSError:
            # Another process was faster.
            if not _is_there(dest, wanted):
                raise
    return dest


def sample_path(*, n_patches: int = 3000, seed: int = 0) -> Path:
    """The sample in the user's cache folder, made on first use; see `make_sample`.

    The environment variable ``CVPARK_CACHE`` names another cache folder.

    Parameters
    ----------
    n_patches, seed : int
        As for `make_sample`.

    Examples
    --------
    >>> sample_path(n_patches=60).name
    'sample-v3-60-0'
    """
    cache = Path(os.environ.get("CVPARK_CACHE") or platformdirs.user_cache_dir("cvpark"))
    name = f"sample-v{GENERATOR_VERSION}-{n_patches}-{seed}"
    return make_sample(cache / name, n_patches=n_patches, seed=seed)


def _is_there(dest: Path, wanted: dict[str, int]) -> bool:
    mark = dest / _MARK
    if mark.is_file():
        found = json.loads(mark.read_text(encoding="utf-8"))
        if found != wanted:
            raise DatasetError(f"{dest}: holds the sample {found}, not {wanted}; remove it first")
        return True
    if dest.exists() and (not dest.is_dir() or any(dest.iterdir())):
        raise DatasetError(f"{dest}: exists and is not a sample; give another folder")
    return False
