"""Everything public is described, typed and shown: what `help` prints is the reference."""

from __future__ import annotations

import inspect
import re
from functools import cached_property
from importlib import import_module

import pytest

ROOMS = (
    "cvpark",
    "cvpark.cnn",
    "cvpark.datasets",
    "cvpark.evaluation",
    "cvpark.exceptions",
    "cvpark.features",
    "cvpark.models",
    "cvpark.reporting",
)


def public_objects():
    """Functions and classes that rooms offer, each once, by the name one imports it by."""
    found = {}
    for room in ROOMS:
        module = import_module(room)
        names = getattr(module, "__all__", [name for name in vars(module) if name[0].isupper()])
        for name in names:
            thing = getattr(module, name)
            if inspect.isfunction(thing) or inspect.isclass(thing):
                found.setdefault(thing, f"{room}.{name}")
    return {name: thing for thing, name in found.items()}


def public_methods(cls):
    """Functions behind the methods and properties a class itself defines."""
    for name, each in vars(cls).items():
        if name.startswith("_"):
            continue
        if isinstance(each, property):
            yield name, each.fget
        elif isinstance(each, cached_property):
            yield name, each.func
        elif isinstance(each, classmethod | staticmethod):
            yield name, each.__func__
        elif inspect.isfunction(each):
            yield name, each


def faults(thing, *, shown_in=""):
    """What is missing of a function's or a class's description."""
    text = inspect.cleandoc(thing.__doc__ or "")
    if not text:
        return ["no docstring"]
    is_called = inspect.isfunction(thing) or "__init__" in vars(thing)
    parameters = [
        each
        for each in (inspect.signature(thing).parameters.values() if is_called else ())
        if each.name not in ("self", "cls", "args", "kwargs")  # the last two: of a Protocol
    ]
    missing = []
    for each in parameters:
        head = rf"^(?:.*, )?\*{{0,2}}{each.name}(?:, .*)?(?: : .*)?$"
        section = re.search(
            r"^Parameters\n-+\n(.*?)(?:^\w+\n-{3,}|\Z)", text, re.MULTILINE | re.DOTALL
        )
        if not (section and re.search(head, section[1], re.MULTILINE)):
            missing.append(f"{each.name} is not among its parameters")
        if each.annotation is each.empty:
            missing.append(f"{each.name} has no type")
    if inspect.isfunction(thing) and inspect.signature(thing).return_annotation is inspect._empty:
        missing.append("no type of what it returns")
    name = thing.__name__
    is_shown = ">>> " in text or re.search(rf"^(>>>|\.\.\.) .*\.{name}\b", shown_in, re.MULTILINE)
    if not is_shown:
        missing.append("no example")
    return missing


PUBLIC = public_objects()


def test_there_is_what_is_to_be_described():
    assert {"cvpark.load_model", "cvpark.Dataset", "cvpark.features.BaseExtractor"} <= set(PUBLIC)
    assert len(PUBLIC) > 100


def described(cls):
    """What is missing of a class and of its methods, which its own examples may show."""
    text = inspect.cleandoc(cls.__doc__ or "")
    if issubclass(cls, Exception):
        return [] if text else ["no docstring"]
    return faults(cls) + [
        f".{name}: {fault}"
        for name, method in public_methods(cls)
        for fault in faults(method, shown_in=text)
    ]


@pytest.mark.parametrize("name", PUBLIC)
def test_it_has_a_docstring_types_and_an_example(name):
    thing = PUBLIC[name]
    assert not (described(thing) if inspect.isclass(thing) else faults(thing))
