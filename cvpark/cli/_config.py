"""Configuration files: values for the options of commands, settings of a model."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from .._files import read_toml
from .._text import did_you_mean
from ..exceptions import SettingsError

# What `cvpark tune` writes and a classical model is trained by; no command's table.
_MODEL_SETTINGS = ("model", "descriptor", "classifier")


@dataclass(frozen=True)
class Config:
    """What a configuration file holds besides the tables of commands."""

    path: Path
    settings: dict[str, Any]


def apply_config(ctx: click.Context, _: click.Parameter, path: Path | None) -> None:
    """The file's table of this command becomes the defaults of its options."""
    if path is not None:
        outside, has_table = _apply(ctx, path)
        _refuse_unknown(outside, [*_commands(ctx.find_root()), *_MODEL_SETTINGS], str(path))
        if not has_table:
            raise SettingsError(f"{path}: has no table [{_title(ctx)}]")


def model_config(ctx: click.Context, _: click.Parameter, path: Path | None) -> Config | None:
    """The same for a command that reads a classical model's settings."""
    if path is None:
        return None
    outside = _apply(ctx, path)[0]
    _refuse_unknown(outside, [*_MODEL_SETTINGS, *_commands(ctx.find_root())], str(path))
    return Config(path, outside)


def own_config(ctx: click.Context, _: click.Parameter, path: Path | None) -> Config | None:
    """The same for a command with settings of its own, which it checks itself."""
    if path is None:
        return None
    outside = _apply(ctx, path)[0]
    own = {name: value for name, value in outside.items() if name not in _MODEL_SETTINGS}
    return Config(path, own)


def _apply(ctx: click.Context, path: Path) -> tuple[dict[str, Any], bool]:
    """Set the defaults; what is outside of all commands' tables, and whether there is its own."""
    data = read_toml(path)
    table: Any = data
    for each in _contexts(ctx):
        has_table = each.info_name in table
        table = table.get(each.info_name, {})
        _check_table(each, table, f"{path}: [{_title(each)}]")
    options = _options(ctx.command)
    ctx.default_map = {
        options[_spell(key)].name: _value(
            ctx, options[_spell(key)], value, f"{path}: [{_title(ctx)}] {key}"
        )
        for key, value in table.items()
        if _spell(key) in options
    }
    commands = _commands(ctx.find_root())
    return {name: value for name, value in data.items() if name not in commands}, has_table


def _check_table(ctx: click.Context, table: Any, where: str) -> None:
    if not isinstance(table, Mapping):
        raise SettingsError(f"{where} is {table!r}, expected a table")
    _refuse_unknown(table, [*_options(ctx.command), *_commands(ctx)], where)


def _contexts(ctx: click.Context) -> list[click.Context]:
    """From below the root down to the command, as in `cvpark cnn train`."""
    return [*_contexts(ctx.parent), ctx] if ctx.parent is not None else []


def _title(ctx: click.Context) -> str:
    return ".".join(str(each.info_name) for each in _contexts(ctx))


def _commands(ctx: click.Context) -> list[str]:
    command = ctx.command
    return command.list_commands(ctx) if isinstance(command, click.Group) else []


def _spell(name: str) -> str:
    return name.lstrip("-").replace("_", "-")


def _options(command: click.Command) -> dict[str, click.Option]:
    """By the name a file gives them: the long one without dashes in front."""
    options = [each for each in command.params if isinstance(each, click.Option)]
    named = {_spell(max(each.opts, key=len)): each for each in options}
    return {name: each for name, each in named.items() if name != "config"}


def _refuse_unknown(table: Mapping[str, Any], known: Collection[str], where: str) -> None:
    for key in table:
        if _spell(key) not in known:
            raise SettingsError(
                f"{where}: unknown key {key!r}; {did_you_mean(key, known)}there are: "
                f"{', '.join(known)}"
            )


def _value(ctx: click.Context, option: click.Option, value: Any, where: str) -> Any:
    """The value as the command line would give it, tried before it is used."""
    if option.multiple and not isinstance(value, list):
        value = [value]
    if option.multiple or option.nargs != 1:
        if not isinstance(value, list):
            raise SettingsError(f"{where} is {value!r}, expected {option.nargs} values in a list")
        value = [_scalar(option, each, where) for each in value]
    else:
        value = _scalar(option, value, where)
    try:
        option.type_cast_value(ctx, value)
    except click.BadParameter as error:
        raise SettingsError(f"{where}: {error.message}") from error
    return value


def _scalar(option: click.Option, value: Any, where: str) -> Any:
    if option.is_flag:
        if isinstance(value, bool):
            return value
        raise SettingsError(f"{where} is {value!r}, expected true or false")
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise SettingsError(f"{where} is {value!r}, expected a number or a text")
    return str(value)  # so that 2.5 is refused where 2 is expected
