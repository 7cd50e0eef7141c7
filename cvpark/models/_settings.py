"""Settings files: kind, descriptor and classifier of a model, as TOML."""

from __future__ import annotations

import inspect
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tomli_w

from .._files import atomic_write, read_toml
from ..exceptions import SettingsError
from ..features import EXTRACTORS, Descriptor
from ._registry import FACTORIES


@dataclass(frozen=True)
class Settings:
    """All of a classical model that is chosen and not learned.

    Parameters
    ----------
    model : {"svm", "svm-linear", "gbdt"}, optional
        Kind of classifier.
    descriptor : dict, optional
        As `Descriptor.to_config` gives it, every parameter spelled out. None leaves it to the
        features at hand, or to the default.
    classifier : dict
        Keyword arguments of the kind's factory, such as ``{"C": 3.0}``; those left out keep their
        defaults.

    Examples
    --------
    >>> settings = Settings.from_dict({"model": "svm", "classifier": {"C": 3}})
    >>> settings.to_dict()
    {'model': 'svm', 'classifier': {'C': 3}}
    """

    model: str | None = None
    descriptor: dict[str, Any] | None = None
    classifier: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], *, source: str = "settings") -> Settings:
        """Settings out of plain data, checked.

        Parameters
        ----------
        data : mapping
            With any of ``model``, ``descriptor`` (``size`` and a list ``extractors``, each with
            its ``kind`` and what of its parameters is not the default) and ``classifier``.
        source : str
            Where the data are from, for messages.

        Raises
        ------
        SettingsError
            An unknown key, or a value that cannot be.
        """
        _refuse_unknown(data, ("model", "descriptor", "classifier"), source)
        for name in ("descriptor", "classifier"):
            if not isinstance(data.get(name, {}), Mapping):
                raise SettingsError(f"{source}: {name} is {data[name]!r}, expected a table")
        model = data.get("model")
        if model is not None and model not in list(FACTORIES):
            raise SettingsError(
                f"{source}: model is {model!r}, expected one of {', '.join(FACTORIES)}"
            )
        descriptor = data.get("descriptor")
        if descriptor is not None:
            descriptor = _complete_descriptor(descriptor, source)
        classifier = dict(data.get("classifier", {}))
        _check_classifier(classifier, model, f"{source}: [classifier]")
        return cls(model, descriptor, classifier)

    def to_dict(self) -> dict[str, Any]:
        """Plain data that `from_dict` takes, without what is not set."""
        data: dict[str, Any] = {"model": self.model, "descriptor": self.descriptor}
        # TOML has no null; every parameter that may be None is None when left out.
        data["classifier"] = {
            name: value for name, value in self.classifier.items() if value is not None
        }
        return {name: value for name, value in data.items() if value}


def read_settings(path: str | Path) -> Settings:
    r"""Settings from a TOML file.

    Parameters
    ----------
    path : str or path

    Returns
    -------
    Settings

    Raises
    ------
    SettingsError
        The file is no TOML, or says what cannot be; the message names file and key.
    OSError
        It cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp(), "mine.toml")
    >>> _ = file.write_text('model = "svm"\n[descriptor]\nsize = 48\n')
    >>> settings = read_settings(file)
    >>> settings.model, settings.descriptor["size"], len(settings.descriptor["extractors"])
    ('svm', 48, 3)
    """
    return Settings.from_dict(read_toml(path), source=str(path))


def write_settings(settings: Settings, path: str | Path) -> Path:
    """Write settings as a TOML file that `read_settings` takes.

    Parameters
    ----------
    settings : Settings
    path : str or path
        It appears whole or not at all.

    Returns
    -------
    Path
        The file written.

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp(), "mine.toml")
    >>> print(write_settings(Settings("svm", classifier={"C": 3.0}), file).read_text())
    model = "svm"
    <BLANKLINE>
    [classifier]
    C = 3.0
    <BLANKLINE>
    """
    path = Path(path)
    with atomic_write(path) as partial:
        partial.write_text(tomli_w.dumps(settings.to_dict()), encoding="utf-8")
    return path


def default_parameters(kind: str) -> dict[str, Any]:
    """Parameters of a kind's classifier and their defaults.

    Parameters
    ----------
    kind : {"svm", "svm-linear", "gbdt"}

    Examples
    --------
    >>> sorted(default_parameters("svm-linear"))
    ['C', 'class_weight']
    """
    parameters = inspect.signature(FACTORIES[kind]).parameters.values()
    return {each.name: each.default for each in parameters if each.name != "seed"}


def _refuse_unknown(table: Mapping[str, Any], known: Collection[str], where: str) -> None:
    for key in table:
        if key not in known:
            raise SettingsError(f"{where}: unknown key {key!r}; there are: {', '.join(known)}")


def _complete_descriptor(table: Mapping[str, Any], source: str) -> dict[str, Any]:
    """The descriptor's configuration with every parameter spelled out."""
    where = f"{source}: [descriptor]"
    config = Descriptor().to_config()
    _refuse_unknown(table, config, where)
    config |= table
    size, entries = config["size"], config["extractors"]
    if not isinstance(size, int) or isinstance(size, bool) or size < 1:
        raise SettingsError(f"{where}: size is {size!r}, expected a number of pixels")
    if not isinstance(entries, list) or not entries:
        raise SettingsError(f"{where}: expected one or more tables [[descriptor.extractors]]")
    for number, entry in enumerate(entries, 1):
        _check_extractor(entry, size, f"{source}: [[descriptor.extractors]] {number}")
    return Descriptor.from_config(config).to_config()


def _check_extractor(entry: Any, size: int, where: str) -> None:
    kind = entry.get("kind") if isinstance(entry, Mapping) else entry
    if not isinstance(entry, Mapping) or kind not in list(EXTRACTORS):
        raise SettingsError(f"{where}: kind is {kind!r}, expected one of {', '.join(EXTRACTORS)}")
    defaults = {"kind": kind, **EXTRACTORS[kind]().kernel_parameters()}
    _refuse_unknown(entry, defaults, where)
    for key, value in entry.items():
        # What reads them takes anything for true or false.
        if isinstance(defaults[key], bool) and not isinstance(value, bool):
            raise SettingsError(f"{where}: {key} is {value!r}, expected true or false")
    try:
        Descriptor.from_config({"size": size, "extractors": [entry]}).fit()
    except (TypeError, ValueError) as error:
        raise SettingsError(f"{where}: {error}") from error


def _check_classifier(parameters: Mapping[str, Any], model: str | None, where: str) -> None:
    if not parameters:
        return
    if model is None:
        raise SettingsError(f'{where}: parameters of what? say model = "..." above')
    _refuse_unknown(parameters, default_parameters(model), where)
    for key, value in parameters.items():
        if isinstance(value, bool) or not isinstance(value, (int, float, str)):
            raise SettingsError(f"{where}: {key} is {value!r}, expected a number or a name")
    classifier = FACTORIES[model](**parameters)
    for _, step in getattr(classifier, "steps", [("classify", classifier)]):
        try:
            step._validate_params()  # scikit-learn's check of types and ranges, else made in fit
        except ValueError as error:
            raise SettingsError(f"{where}: {error}") from error
