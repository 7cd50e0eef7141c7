"""A comparison as text, tables, plots and one HTML file."""

from ._html import render_html
from ._markdown import render_markdown
from ._matrix import render_matrix
from ._png import render_pareto_png
from ._table import render_table
from ._write import FILES, render_csv, render_json, write_report

__all__ = [
    "FILES",
    "render_csv",
    "render_html",
    "render_json",
    "render_markdown",
    "render_matrix",
    "render_pareto_png",
    "render_table",
    "write_report",
]
