"""Files written whole or not at all, TOML files read."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .exceptions import SettingsError


@contextmanager
def atomic_write(path: str | Path) -> Iterator[Path]:
    """Write to a temporary neighbour that takes the final name only when the block succeeds.

    Yields
    ------
    Path
        The temporary file to write.

    Raises
    ------
    OSError
        With the final name as ``filename``, also when the failing call knew none (a full disk
        reports only a number).
    """
    path = Path(path)
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield partial
        partial.replace(path)
    except OSError as error:
        raise OSError(error.errno, error.strerror or str(error), str(path)) from error
    finally:
        partial.unlink(missing_ok=True)


def read_toml(path: str | Path) -> dict[str, Any]:
    """What a TOML file says.

    Raises
    ------
    SettingsError
        The file is no TOML; the message names it.
    OSError
        It cannot be read.
    """
    try:
        return tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{path}: not TOML: {error}") from error
