"""Bytes that imported packages take on disk."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution, packages_distributions
from pathlib import Path


def installed_bytes(modules: Iterable[str]) -> dict[str, int | None]:
    """Size of each distribution that these modules come from.

    Of the standard library, of cvpark itself and of compiled bytecode, which some installers write
    and others do not, nothing is counted.

    Parameters
    ----------
    modules : iterable of str
        Top-level names, as in ``sys.modules``.

    Returns
    -------
    dict
        Distribution and the bytes of its files; None where the installer kept no list of them.

    Examples
    --------
    >>> sizes = installed_bytes(["json", "numpy", "cvpark"])
    >>> list(sizes), sizes["numpy"] > 10**6
    (['numpy'], True)
    """
    owners = _owners()
    names = {owner for module in modules for owner in owners.get(module, ())}
    return {name: _bytes(name) for name in sorted(names - {"cvpark"})}


@cache
def _owners() -> Mapping[str, list[str]]:
    return packages_distributions()


@cache
def _bytes(name: str) -> int | None:
    try:
        files = distribution(name).files
    except PackageNotFoundError:  # taken away meanwhile
        return None
    if files is None:
        return None
    located = (Path(str(file.locate())) for file in files if file.suffix != ".pyc")
    return sum(file.stat().st_size for file in located if file.is_file())
