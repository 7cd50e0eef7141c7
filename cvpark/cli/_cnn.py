"""The options of a CNN's training, made from the library's list of them."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from dataclasses import Field, asdict
from typing import Any

import click

from ..cnn import Augmentation, TrainingOptions, choices
from ._config import Config

_SHORT = {"architecture": "arch"}
_METAVARS = {int: "N", float: "X", str: "FILE"}

Command = Callable[..., Any]


def training_options(command: Command) -> Command:
    """Give a command an option for each choice there is about a training."""
    for choice in reversed([*choices(TrainingOptions).values(), *choices(Augmentation).values()]):
        command = _option(choice)(command)
    return command


def merge(config: Config | None, given: Mapping[str, Any]) -> TrainingOptions:
    """The options of a settings file, those ``given`` on the command line in place of its own."""
    data = TrainingOptions().to_dict()
    if config is not None:
        data = TrainingOptions.from_dict(config.settings, source=str(config.path)).to_dict()
    for name, value in given.items():
        table = data if name in choices(TrainingOptions) else data["augmentation"]
        table[name] = value
    return TrainingOptions.from_dict(data, source="command line")


def spell_out(options: TrainingOptions) -> str:
    """What must be written on the command line to get these options."""
    chosen = asdict(options)
    chosen |= chosen.pop("augmentation")
    parts = []
    for choice in [*choices(TrainingOptions).values(), *choices(Augmentation).values()]:
        value = chosen[choice.name]
        if value == choice.default and choice.name not in _SHORT:
            continue
        if isinstance(value, bool):
            parts.append(_flag(choice.name, value))
        else:
            parts += [_flag(choice.name), shlex.quote(str(value))]
    return " ".join(parts)


def _flag(name: str, is_on: bool = True) -> str:
    return ("--" if is_on else "--no-") + _SHORT.get(name, name).replace("_", "-")


def _option(choice: Field[Any]) -> Callable[[Command], Command]:
    limits = choice.metadata
    declaration = _flag(choice.name)
    metavar: str | None = _METAVARS.get(limits["type"])
    if limits["type"] is bool:
        declaration += "/" + _flag(choice.name, False)
    elif "among" in limits:
        metavar = None
    return click.option(
        declaration,
        choice.name,
        type=_type(limits),
        default=choice.default,
        show_default=choice.default is not None,
        metavar=metavar,
        help=limits["help"],
    )


def _type(limits: Mapping[str, Any]) -> Any:
    if "among" in limits:
        return click.Choice(limits["among"])
    bounds = {
        "min": limits.get("low", limits.get("above")),
        "max": limits.get("high"),
        "min_open": "above" in limits,
    }
    if limits["type"] is int:
        return click.IntRange(**bounds)
    if limits["type"] is float:
        return click.FloatRange(**bounds)
    return bool if limits["type"] is bool else click.Path(dir_okay=False)
