"""The one decorator of every kernel.

Flags, and why each is set:

``cache=True``
    A second process starts without compiling. Where neither the package folder nor the user's cache
    folder can be written, the kernel compiles in memory instead of failing.
``nogil=True``
    A batch is split over Python threads, so kernels must release the interpreter lock. They are
    serial inside: Numba's default threading layer is not re-entrant and aborts a process that
    enters it twice.
``error_model="numpy"``
    A division by zero gives inf or nan instead of a raised exception, whose test on every
    division keeps loops from being vectorised.

``fastmath`` stays off: sums in any order gained 3 % of a HOG, and would let the last bits of a
descriptor hang on how wide the processor's vectors are.

Kernels compile on first call, for the argument types of that call. To keep it at one compilation
each, callers pass C-contiguous arrays of one dtype, and inputs as :func:`frozen` views.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]  # the docstring of each kernel says of what shape and dtype


def jit(function: Callable[..., Any]) -> Any:
    """Compile ``function`` on its first call."""
    flags = {"nogil": True, "error_model": "numpy"}
    try:
        return numba.njit(cache=True, **flags)(function)
    except RuntimeError:  # Numba found no folder to keep compiled code in
        return numba.njit(**flags)(function)


def frozen(array: Array) -> Array:
    """Return a C-contiguous read-only view of ``array``, a copy only if its layout differs.

    To Numba a read-only array (a memory map, an argument from another process) is another type
    than a writable one. Read-only for all keeps every kernel at one compilation, and none can
    write its input.
    """
    view = np.ascontiguousarray(array).view()
    view.flags.writeable = False
    return view
