"""Every error and warning cvpark raises on purpose."""

from __future__ import annotations


class CVParkError(Exception):
    """Base of the errors a caller may want to catch as one.

    Examples
    --------
    >>> from cvpark import load_model
    >>> try:
    ...     load_model("nowhere.cvpark")
    ... except CVParkError as error:
    ...     print(str(error).partition(";")[0])
    nowhere.cvpark: no such file and no shipped model
    """


class DatasetError(CVParkError, ValueError):
    """Files of a dataset are missing, malformed or unreadable."""


class SplitMismatchError(CVParkError, ValueError):
    """Two things that belong to one split were made from different ones."""


class ModelFormatError(CVParkError, ValueError):
    """A model file is damaged, of an unknown version or no model file at all."""


class SettingsError(CVParkError, ValueError):
    """A settings file is malformed or says what cannot be."""


class AccuracyLossWarning(UserWarning):
    """A converted model is worse than the one it was made from."""


class MissingExtraError(CVParkError, ImportError):
    """A feature needs an optional dependency that is not installed."""
