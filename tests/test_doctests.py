"""The examples in docstrings do what they show."""

from __future__ import annotations

import doctest
import pkgutil
from importlib import import_module

import pytest

import cvpark

MODULES = [
    info.name
    for info in pkgutil.walk_packages(cvpark.__path__, "cvpark.")
    if info.name != "cvpark.__main__"  # would run
]


@pytest.mark.slow
@pytest.mark.parametrize("name", MODULES)
def test_examples(name):
    flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS | doctest.IGNORE_EXCEPTION_DETAIL
    failed, _ = doctest.testmod(import_module(name), optionflags=flags)
    assert failed == 0
