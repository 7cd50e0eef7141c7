"""The command group, which imports a command when it is called, and its error boundary."""

from __future__ import annotations

import codecs
import errno
import io
import os
import sys
import traceback
from importlib import import_module
from typing import NoReturn

import click

from .. import __version__
from .._text import did_you_mean, printable
from ..exceptions import CVParkError
from ._options import apply_config_option, verbosity_options
from ._output import is_verbose

# Command -> (module, one line for the overview, so that --help imports none of them).
_COMMANDS = {
    "extract": ("extract", "Compute the descriptors of patches into a folder."),
    "train": ("train", "Train a classical model on descriptors."),
    "tune": ("tune", "Search for the best parameters over folds of whole days."),
    "compare": ("compare", "Accuracy and latency of models on one split."),
    "report": ("report", "Draw the report of a stored comparison again."),
    "adapt": ("adapt", "Adapt a model to another car park from a few labelled patches."),
    "predict": ("predict", "Tell free from busy for image files."),
    "models": ("models", "List the shipped models, show the card of a model file."),
    "export": ("export", "Write a model's classifier as ONNX."),
    "cnn": ("cnn", "Train and convert the CNN to compare with."),
}


class LazyGroup(click.Group):
    """A group whose commands live in modules of their names, imported on demand."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All commands, in the order of a user's work."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, its module imported."""
        if cmd_name not in _COMMANDS:
            return None
        module, _ = _COMMANDS[cmd_name]
        command: click.Command = getattr(import_module(f".{module}", __package__), module)
        _add_common_options(command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As ever, but with the command that may have been meant."""
        name = args[0]
        if name in _COMMANDS or name.startswith("-") or ctx.resilient_parsing:
            return super().resolve_command(ctx, args)
        meant = did_you_mean(name, _COMMANDS)
        raise click.UsageError(
            f"no command {name!r}" + (f"; {meant.strip()}" if meant else ""), ctx
        )

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The overview, without importing any command."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in _COMMANDS.items()])


@click.group(
    cls=LazyGroup,
    params=verbosity_options,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, prog_name="cvpark")
def cli() -> None:
    """Tell free parking slots from busy ones on ordinary CPUs.

    \b
    Examples:
      cvpark compare                          on the built-in sample
      cvpark extract features --data DIR      descriptors of CNRPark+EXT
      cvpark train --model svm --data DIR
      cvpark compare svm.cvpark --against cnn --data DIR
      cvpark predict slot1.jpg slot2.jpg      free or busy, by the shipped svm

    Each command explains itself and gives examples: cvpark COMMAND --help.

    Data goes to stdout, progress to stderr. Exit status: 0 done, 1 an expected failure (one line
    says which), 2 wrong usage, 3 a gate of compare not met, 130 interrupted.
    """


def _add_common_options(command: click.Command) -> None:
    """Options of all commands, those below a group of commands included."""
    names = {parameter.name for parameter in command.params}
    options = [apply_config_option, *verbosity_options]
    command.params += [option for option in options if option.name not in names]
    for below in getattr(command, "commands", {}).values():
        _add_common_options(below)


def _take_any_name() -> None:
    """File names that are no text, or not in the terminal's alphabet, are printed all the same."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        is_utf8 = codecs.lookup(sys.stdout.encoding).name == "utf-8"
        sys.stdout.reconfigure(errors="surrogateescape" if is_utf8 else "backslashreplace")


def main() -> NoReturn:
    """Run the command line; expected failures become one line on stderr and exit status 1."""
    _take_any_name()
    try:
        cli.main(prog_name="cvpark", standalone_mode=False)
    except click.exceptions.Exit as error:
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted; what was finished is kept", err=True)
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except BrokenPipeError:
        # The reader of our output has left, as `head` does: no one to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except (CVParkError, OSError) as error:
        if is_verbose():
            traceback.print_exc()
        click.echo(f"cvpark: {printable(_describe(error))}", err=True)
        sys.exit(1)
    sys.exit(0)


def _describe(error: CVParkError | OSError) -> str:
    if isinstance(error, CVParkError):
        return " ".join(str(error).split())
    where = f"{error.filename}: " if error.filename else ""
    hint = ""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        hint = "; free some space and run the command again, what was finished is kept"
    return f"{where}{error.strerror or error}{hint}"
