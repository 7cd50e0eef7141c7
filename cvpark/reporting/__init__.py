"""A comparison as text, JSON and files."""

from ._table import render_table
from ._write import render_json, write_comparison

__all__ = ["render_json", "render_table", "write_comparison"]
