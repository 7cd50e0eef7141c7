"""The .cvpark model file: no pickle."""

from __future__ import annotations

import hashlib
import json
import warnings
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

from .._files import atomic_write
from ..exceptions import ModelFormatError
from ..features import Descriptor
from ._calibration import Sigmoid
from ._model import ClassicalModel

SCHEMA_VERSION = 1
_MANIFEST, _ESTIMATOR = "manifest.json", "estimator.skops"
# A zip of a few kilobytes can unpack to terabytes: the largest model is some 20 MB.
_MAX_BYTES = {_MANIFEST: 2**20, _ESTIMATOR: 2**28}
# skops knows scikit-learn's public estimators; a fitted gradient boosting also holds these.
_TRUSTED = ["sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor"]


def save_bundle(model: ClassicalModel, path: str | Path) -> Path:
    """Write a model file: a zip of ``manifest.json`` and ``estimator.skops``.

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
    """
    import skops.io

    path = Path(path)
    estimator = skops.io.dumps(model.classifier, compression=ZIP_DEFLATED)
    manifest = model.card | {
        "schema_version": SCHEMA_VERSION,
        "name": model.name,
        "kind": model.kind,
        "classes": ["free", "busy"],
        "threshold": model.threshold_,
        "calibration": {
            "slope": model.calibration.slope,
            "intercept": model.calibration.intercept,
        },
        "descriptor": model.descriptor.to_config(),
        "sha256": {_ESTIMATOR: hashlib.sha256(estimator).hexdigest()},
    }
    with atomic_write(path) as partial, ZipFile(partial, "w") as archive:
        archive.writestr(_MANIFEST, json.dumps(manifest, indent=2) + "\n", ZIP_DEFLATED)
        archive.writestr(_ESTIMATOR, estimator)
    return path


def load_bundle(path: str | Path, *, name: str | None = None, n_jobs: int = 1) -> ClassicalModel:
    """Read a model file.

    Parameters
    ----------
    path : str or path
        A file `save_bundle` wrote, here or elsewhere: nothing in it is executed.
    name : str, optional
        What to call the model; by default the file's stem.
    n_jobs : int
        Threads for a batch.

    Raises
    ------
    ModelFormatError
        Not a model file, a damaged one, or one of another schema version.
    """
    path = Path(path)
    try:
        manifest, estimator = _read_parts(path)
        model = _rebuild(manifest, estimator, n_jobs)
    except ModelFormatError as error:
        raise ModelFormatError(f"{path}: {error}") from error
    except Exception as error:  # whatever a hostile file provokes in zipfile, json, skops
        raise ModelFormatError(
            f"{path}: not a cvpark model file, or a damaged one ({type(error).__name__}: {error})"
        ) from error
    model.name = name or path.stem
    model.model_bytes = path.stat().st_size
    return model


def _read_parts(path: Path) -> tuple[dict[str, Any], bytes]:
    with ZipFile(path) as archive:
        for info in archive.infolist():
            if info.file_size > _MAX_BYTES.get(info.filename, 0):
                raise ModelFormatError(f"unexpected or oversized part {info.filename[:80]!r}")
        manifest = json.loads(archive.read(_MANIFEST))
        version = manifest["schema_version"]
        if version != SCHEMA_VERSION:
            writer = manifest.get("versions", {}).get("cvpark", "an unknown version")
            raise ModelFormatError(
                f"schema version {version} written by cvpark {writer}; "
                f"this cvpark reads version {SCHEMA_VERSION}"
            )
        estimator = archive.read(_ESTIMATOR)
    if hashlib.sha256(estimator).hexdigest() != manifest["sha256"][_ESTIMATOR]:
        raise ModelFormatError(f"{_ESTIMATOR} does not match its SHA-256; copy the file again")
    return manifest, estimator


def _rebuild(manifest: dict[str, Any], estimator: bytes, n_jobs: int) -> ClassicalModel:
    import skops.io
    from sklearn.exceptions import InconsistentVersionWarning

    with warnings.catch_warnings():
        # What counts is whether it loads; the versions it was made with are in its card.
        warnings.simplefilter("ignore", InconsistentVersionWarning)
        classifier = skops.io.loads(estimator, trusted=_TRUSTED)
    descriptor = Descriptor.from_config(manifest["descriptor"], n_jobs=n_jobs).fit()
    if classifier.n_features_in_ != descriptor.n_features_out_:
        raise ModelFormatError(
            f"the classifier takes {classifier.n_features_in_} columns, its descriptor makes "
            f"{descriptor.n_features_out_}"
        )
    calibration = manifest["calibration"]
    return ClassicalModel(
        name=str(manifest["name"]),
        kind=str(manifest["kind"]),
        descriptor=descriptor,
        classifier=classifier,
        calibration=Sigmoid(float(calibration["slope"]), float(calibration["intercept"])),
        threshold_=float(manifest["threshold"]),
        card=manifest,
    )
