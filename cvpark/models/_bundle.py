"""The .cvpark model file: no pickle."""

from __future__ import annotations

import hashlib
import io
import json
import math
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import ZIP_DEFLATED, ZipFile

import numpy as np
from numpy.typing import NDArray

from .._files import atomic_write
from ..exceptions import ModelFormatError
from ._calibration import make_calibration
from ._predictor import Predictor
from ._scorers import make_scorer

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

    from ._classical import ClassicalModel

SCHEMA_VERSION = 2
MANIFEST, COMPILED, ESTIMATOR = "manifest.json", "compiled.npz", "estimator.skops"
# A zip of a few kilobytes can unpack to terabytes: the largest model is some 20 MB.
_MAX_BYTES = {MANIFEST: 2**20, COMPILED: 2**27, ESTIMATOR: 2**28}
_KIND = re.compile(r"[a-z][a-z0-9-]{0,39}")


def save_bundle(model: ClassicalModel, path: str | Path) -> Path:
    """Write a model file: a zip of ``manifest.json``, ``compiled.npz`` and ``estimator.skops``.

    Parameters
    ----------
    model : ClassicalModel
        What to write; its ``card`` becomes part of the manifest.
    path : str or path
        The file; it appears whole or not at all.

    Returns
    -------
    Path
        The file written.

    Raises
    ------
    ValueError
        Its classifier has no compiled form.

    Examples
    --------
    >>> import tempfile
    >>> from cvpark.models import load_classical
    >>> model = load_classical("svm-linear")
    >>> save_bundle(model, Path(tempfile.mkdtemp(), "mine.cvpark")).name
    'mine.cvpark'
    """
    from ._skops import dump_estimator

    path = Path(path)
    scorer = model.compile().scorer
    parts = {COMPILED: _pack(scorer.arrays()), ESTIMATOR: dump_estimator(model.classifier)}
    manifest = model.card | {
        "schema_version": SCHEMA_VERSION,
        "name": model.name,
        "kind": model.kind,
        "classes": ["free", "busy"],
        "threshold": model.threshold_,
        "calibration": model.calibration.to_config(),
        "descriptor": model.descriptor.to_config(),
        "scorer": scorer.form,
        "sha256": {name: hashlib.sha256(data).hexdigest() for name, data in parts.items()},
    }
    text = json.dumps(manifest, indent=2) + "\n"
    with atomic_write(path) as partial, ZipFile(partial, "w") as archive:
        for name, data in {MANIFEST: text.encode(), **parts}.items():
            archive.writestr(name, data, ZIP_DEFLATED, compresslevel=9)
    return path


def load_bundle(path: str | Path, *, name: str | None = None, n_jobs: int | None = 1) -> Predictor:
    """Read a model file.

    Parameters
    ----------
    path : str or path
        A file `save_bundle` wrote, here or elsewhere: nothing in it is executed.
    name : str, optional
        What to call the model; by default the file's stem.
    n_jobs : int or None
        Threads for a batch; None is one, -1 one for each core.

    Returns
    -------
    Predictor

    Raises
    ------
    ModelFormatError
        Not a model file, a damaged one, or one of another schema version.

    Examples
    --------
    >>> from cvpark.models import shipped_models
    >>> load_bundle(shipped_models()["svm"], name="theirs").name
    'theirs'
    """
    path = Path(path)
    with _open(path) as archive:
        manifest = _read_manifest(archive)
        return Predictor(
            kind=manifest["kind"],
            descriptor=manifest["descriptor"],
            scorer=make_scorer(manifest["scorer"], _unpack(_read(archive, manifest, COMPILED))),
            calibration=make_calibration(manifest["calibration"]),
            threshold=manifest["threshold"],
            name=name or path.stem,
            card=manifest,
            n_jobs=n_jobs,
            path=path,
        )


def read_manifest(path: str | Path) -> dict[str, Any]:
    """What a model file says of itself.

    Parameters
    ----------
    path : str or path

    Returns
    -------
    dict
        ``manifest.json``, checked.

    Raises
    ------
    ModelFormatError
        Not a model file, a damaged one, or one of another schema version.

    Examples
    --------
    >>> from cvpark.models import shipped_models
    >>> read_manifest(shipped_models()["gbdt"])["kind"]
    'gbdt'
    """
    with _open(Path(path)) as archive:
        return _read_manifest(archive)


def read_estimator(path: str | Path) -> Pipeline:
    """The scikit-learn pipeline of a model file, from patches to decision scores.

    Only types that cvpark's classifiers are made of are loaded. Their numbers are scikit-learn's
    to trust, which does not check them: use the estimators of people you would take code from.

    Raises
    ------
    ModelFormatError
        Not a model file, a damaged one, or one of another schema version.
    """
    from sklearn.pipeline import make_pipeline

    from ..features import Descriptor
    from ._skops import load_estimator

    with _open(Path(path)) as archive:
        manifest = _read_manifest(archive)
        classifier = load_estimator(_read(archive, manifest, ESTIMATOR))
        descriptor = Descriptor.from_config(manifest["descriptor"]).fit()
        return make_pipeline(descriptor, classifier)


@contextmanager
def _open(path: Path) -> Iterator[ZipFile]:
    """The zip, and one kind of error for whatever is wrong with it."""
    try:
        with ZipFile(path) as archive:
            yield archive
    except ModelFormatError as error:
        raise ModelFormatError(f"{path}: {error}") from error
    except OSError as error:
        raise ModelFormatError(f"{path}: {error.strerror or error}") from error
    except Exception as error:  # whatever a hostile file provokes in zipfile, json, numpy, skops
        raise ModelFormatError(
            f"{path}: not a cvpark model file, or a damaged one ({type(error).__name__}: {error})"
        ) from error


def _read_manifest(archive: ZipFile) -> dict[str, Any]:
    for info in archive.infolist():
        if info.file_size > _MAX_BYTES.get(info.filename, 0):
            raise ModelFormatError(f"unexpected or oversized part {info.filename[:80]!r}")
    text = archive.read(MANIFEST)
    manifest: dict[str, Any] = json.loads(text, parse_float=_finite, parse_constant=_finite)
    version = manifest["schema_version"]
    if version != SCHEMA_VERSION:
        writer = manifest.get("versions", {}).get("cvpark", "of an unknown version")
        raise ModelFormatError(
            f"schema version {version!r} written by cvpark {writer}; this cvpark reads version "
            f"{SCHEMA_VERSION}: " + ("train it again" if version == 1 else "update cvpark")
        )
    if not _KIND.fullmatch(manifest["kind"]):
        raise ModelFormatError(f"unknown kind {manifest['kind'][:80]!r}")
    manifest["threshold"] = threshold = float(manifest["threshold"])
    if not 0 <= threshold <= 1:
        raise ModelFormatError(f"threshold {threshold} is no probability")
    for part in ("training", "validation"):  # what tells whether a split was seen before
        if not isinstance(manifest.get(part, {}), Mapping):
            raise ModelFormatError(f"its {part} facts are none")
    return manifest


def _finite(number: str) -> float:
    """A number of JSON as Python reads it, which knows NaN, Infinity and 1e999."""
    if not math.isfinite(value := float(number)):
        raise ModelFormatError(f"{number[:20]} in its manifest")
    return value


def _read(archive: ZipFile, manifest: Mapping[str, Any], part: str) -> bytes:
    data = archive.read(part)
    if hashlib.sha256(data).hexdigest() != manifest["sha256"][part]:
        raise ModelFormatError(f"{part} does not match its SHA-256; copy the file again")
    return data


def _pack(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    stream = io.BytesIO()
    np.savez(stream, allow_pickle=False, **arrays)
    return stream.getvalue()


def _unpack(data: bytes) -> dict[str, NDArray[Any]]:
    with ZipFile(io.BytesIO(data)) as archive:
        if sum(info.file_size for info in archive.infolist()) > _MAX_BYTES[COMPILED]:
            raise ModelFormatError(f"{COMPILED} unpacks to too much")
    with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
        return dict(arrays)
