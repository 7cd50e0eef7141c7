"""The command line: options in, one library call, text out."""

from ._group import cli, main

__all__ = ["cli", "main"]
