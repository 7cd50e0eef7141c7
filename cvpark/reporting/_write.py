"""A comparison as files in a folder."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._files import atomic_write
from ._html import render_html
from ._markdown import render_markdown
from ._png import render_pareto_png
from ._repeat import flatten

if TYPE_CHECKING:
    from ..datasets import Split
    from ..evaluation import Comparison

# Format -> file.
FILES = {
    "html": "report.html",
    "markdown": "report.md",
    "json": "comparison.json",
    "csv": "models.csv",
    "png": "pareto.png",
}
_NOT_IN_CSV = ("card", "cold_starts")  # lists and texts, which make no columns


def render_json(comparison: Comparison) -> str:
    """The comparison's document as JSON text (``cvpark/evaluation/comparison.schema.json``).

    Parameters
    ----------
    comparison : Comparison

    Returns
    -------
    str

    Examples
    --------
    >>> from cvpark import compare, load_model
    >>> from cvpark.datasets import Dataset, sample_path
    >>> split = Dataset(sample_path(n_patches=120)).split("val")
    >>> models = [load_model("svm"), load_model("cnn")]
    >>> comparison = compare(models, split, timing="quick")

    >>> json.loads(render_json(comparison)) == comparison.document
    True
    """
    return json.dumps(comparison.document, indent=2)


def render_csv(document: dict[str, Any]) -> str:
    """The models as a table, a row each, nested figures by dotted names.

    Parameters
    ----------
    document : dict
        ``Comparison.document``.

    Returns
    -------
    str
        CSV with columns such as ``accuracy``, ``intervals.accuracy.clustered.low`` and
        ``latency_us.single_stream.p50``; empty where a figure is not known.

    Examples
    --------
    >>> from cvpark import compare, load_model
    >>> from cvpark.datasets import Dataset, sample_path
    >>> split = Dataset(sample_path(n_patches=120)).split("val")
    >>> models = [load_model("svm"), load_model("cnn")]
    >>> comparison = compare(models, split, timing="quick")

    >>> render_csv(comparison.document).splitlines()[1].partition(",")[0]
    'svm'
    """
    rows = [
        dict(flatten({k: v for k, v in model.items() if k not in _NOT_IN_CSV}))
        for model in document["models"]
    ]
    columns = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def write_report(
    comparison: Comparison,
    folder: str | Path,
    *,
    split: Split | None = None,
    formats: Sequence[str] = tuple(FILES),
    measured_in: str | Path | None = None,
) -> list[Path]:
    """Write ``report.html``, ``report.md``, ``comparison.json``, ``models.csv``, ``pareto.png``.

    Parameters
    ----------
    comparison : Comparison
    folder : str or path
        Made if it is not there; files of those names in it are replaced.
    split : Split or None
        The split that was measured, for pictures of patches. None: a report without.
    formats : sequence of {"html", "markdown", "json", "csv", "png"}
        Which of them.
    measured_in : str, path or None
        Where the measurements lie, as the report tells. None: in ``folder``.

    Returns
    -------
    list of Path
        The files written.

    Raises
    ------
    SplitMismatchError
        ``split`` is another than the one measured.

    Examples
    --------
    >>> from cvpark import compare, load_model
    >>> from cvpark.datasets import Dataset, sample_path
    >>> split = Dataset(sample_path(n_patches=120)).split("val")
    >>> models = [load_model("svm"), load_model("cnn")]
    >>> comparison = compare(models, split, timing="quick")

    >>> import tempfile
    >>> files = write_report(comparison, tempfile.mkdtemp(), formats=["json", "csv"])
    >>> [file.name for file in files]
    ['comparison.json', 'models.csv']
    """
    folder = Path(folder)
    source = str(measured_in or folder)
    if split is not None:
        comparison.measurements.check_split(split)
    document = comparison.document
    render: dict[str, Callable[[], str | bytes]] = {
        "html": lambda: render_html(
            comparison, locate=split.locate if split else None, folder=source
        ),
        "markdown": lambda: render_markdown(document, folder=source),
        "json": lambda: render_json(comparison) + "\n",
        "csv": lambda: render_csv(document),
        "png": lambda: render_pareto_png(document),
    }
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name in formats:
        content = render[name]()
        with atomic_write(folder / FILES[name]) as partial:
            partial.write_bytes(content.encode() if isinstance(content, str) else content)
        written.append(folder / FILES[name])
    return written
