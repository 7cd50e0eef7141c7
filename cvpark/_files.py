"""Files that appear whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


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
