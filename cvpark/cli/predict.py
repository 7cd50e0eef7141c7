"""cvpark predict: free or busy, image by image."""

from __future__ import annotations

import csv
import json
import os
import shlex
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import groupby, islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Literal

import click

from .._text import printable
from ._options import busy_index_option, complete_model, jobs_option, on_error_option, scale_option
from ._output import progress, say, warn

if TYPE_CHECKING:
    from ..exceptions import DatasetError
    from ..models import Model

_DEFAULT_MODEL = "svm"
_COLUMNS = ("path", "occupancy", "probability")
_WORDS = ("free", "busy")
_BATCH = 256  # images whose answers are awaited together
_TASK = 16  # images a thread takes at a time: taking them costs as much as decoding a small one
_READ = 2**14  # bytes of stdin at a time, some 200 paths

Answer = tuple[str, "float | DatasetError"]


@click.command()
@click.argument("arguments", nargs=-1, metavar="[MODEL] IMAGE...", shell_complete=complete_model)
@click.option(
    "--format",
    "output_format",
    type=click.Choice(["table", "csv", "jsonl", "list"]),
    default="table",
    show_default=True,
    help="What to print: a table to read, CSV, a JSON object a line, or the lines `cvpark adapt "
    "--labels` takes, to be corrected.",
)
@click.option(
    "--threshold",
    type=click.FloatRange(0, 1),
    metavar="P",
    help="Busy from this probability on. Default: the model's own.",
)
@scale_option
@busy_index_option
@on_error_option
@jobs_option
def predict(
    arguments: tuple[str, ...],
    output_format: str,
    threshold: float | None,
    scale: tuple[float, float] | None,
    busy_index: int | None,
    on_error: Literal["raise", "skip"],
    jobs: int,
) -> None:
    """Tell free from busy for each IMAGE, a JPEG or PNG file that shows one slot.

    The first argument is the MODEL if it is a shipped name (see `cvpark models`) or ends in
    .cvpark or .tflite; otherwise the model is svm and all arguments are images. An IMAGE of -
    stands for the paths on stdin, one a line.

    Prints path, occupancy (0 free, 1 busy) and probability of busy, in the order of the images and
    as soon as they are known. With --on-error skip the exit status is 1 only if no image could be
    read.

    \b
    Examples:
      cvpark predict slot1.jpg slot2.jpg
      cvpark predict svm-linear --format csv lot/*.jpg > lot.csv
      cvpark predict mine.cvpark --threshold 0.8 slot1.jpg
      cvpark predict mine.tflite --scale -1 1 --busy-index 1 slot1.jpg
      find lot -name '*.jpg' | cvpark predict --format jsonl -
      cvpark predict --format list lot/*.jpg > labels.txt
    """
    from ..exceptions import DatasetError
    from ..features import count_threads
    from ..models import load_model

    name, images = _model_and_images(arguments)
    model = load_model(name, scale=scale, busy_index=busy_index)
    threshold = model.threshold_ if threshold is None else threshold
    out = click.open_file("-", "w", encoding="utf-8", errors="surrogateescape")
    write = _writer(output_format, out)
    tally: Counter[str] = Counter()
    with closing(_answer(model, _batches(images), count_threads(jobs))) as answers:
        for path, answer in _shown(answers, images, out):
            if isinstance(answer, DatasetError):
                if on_error == "raise":
                    raise answer
                warn(printable(f"skipped {answer}"))
                tally["skipped"] += 1
                continue
            occupancy = int(answer >= threshold)
            tally[_WORDS[occupancy]] += 1
            write(path, occupancy, answer)
            out.flush()
    predicted = tally["free"] + tally["busy"]
    if tally["skipped"] and not predicted:
        raise DatasetError(f"none of {tally['skipped']:,} images could be read")
    say(
        f"{predicted:,} {'image' if predicted == 1 else 'images'}: "
        f"{tally['busy']:,} busy, {tally['free']:,} free; "
        f"model {printable(model.name)}, threshold {threshold:g}"
        + (f"; {tally['skipped']:,} skipped" if tally["skipped"] else "")
    )


def _model_and_images(arguments: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    from ..models import find_model, shipped_models

    name, images = _DEFAULT_MODEL, arguments
    first = arguments[0] if arguments else "-"
    if first in shipped_models() or first.endswith((".cvpark", ".tflite")):
        name, images = first, arguments[1:]
    elif first != "-" and not Path(first).suffix and not Path(first).exists():
        find_model(first)  # a mistyped name: says which there are
    if not images:
        raise click.UsageError("no IMAGE is given; - reads their paths from stdin")
    return name, images


def _batches(images: Iterable[str]) -> Iterator[list[str]]:
    for is_stdin, group in groupby(images, "-".__eq__):
        if is_stdin:
            yield from _stdin_batches()
        else:
            while batch := list(islice(group, _BATCH)):
                yield batch


def _stdin_batches() -> Iterator[list[str]]:
    """The paths on stdin, as many as are there: one that is written alone is answered at once."""
    rest = b""
    with open(0, "rb", closefd=False) as stream:
        while data := stream.read1(_READ):
            *lines, rest = (rest + data).split(b"\n")
            if b"\0" in data or len(rest) > _READ:
                raise click.UsageError("stdin: expected paths, one a line (find without -print0)")
            yield _decode(lines)
    yield _decode([rest])


def _decode(lines: Iterable[bytes]) -> list[str]:
    stripped = (line.removesuffix(b"\r") for line in lines)
    return [os.fsdecode(line) for line in stripped if line]


def _answer(model: Model, batches: Iterable[list[str]], n_threads: int) -> Generator[Answer]:
    """P(busy) of each image, or why it cannot be read.

    A thread reads an image and predicts it before it takes the next, so that memory is bounded by
    the number of threads, however large the images are.
    """
    from ..datasets import read_image
    from ..exceptions import DatasetError

    def answer(path: str) -> Answer:
        try:
            return path, float(model.predict_proba(read_image(path))[0, 1])
        except DatasetError as error:
            return path, DatasetError(_hint(path)) if Path(path).is_dir() else error

    def work(paths: list[str]) -> list[Answer]:
        return [answer(path) for path in paths]

    pool = ThreadPoolExecutor(n_threads)
    try:
        for batch in batches:
            size = max(1, min(_TASK, len(batch) // n_threads))
            tasks = [batch[start : start + size] for start in range(0, len(batch), size)]
            for answers in pool.map(work, tasks):
                yield from answers
    finally:
        pool.shutdown(cancel_futures=True)


def _hint(path: str) -> str:
    return (
        f"{path}: is a folder; for the images in it: "
        f"find {shlex.quote(path)} -name '*.jpg' | cvpark predict -"
    )


def _shown(answers: Iterator[Answer], images: tuple[str, ...], out: IO[str]) -> Iterable[Answer]:
    """The answers, with a progress bar unless they scroll by on the terminal themselves."""
    if out.isatty():
        return answers
    return progress(answers, None if "-" in images else len(images), "predict")


def _writer(output_format: str, out: IO[str]) -> Callable[[str, int, float], object]:
    """What writes a row, after it wrote the header."""
    if output_format == "jsonl":
        return lambda *row: out.write(json.dumps(dict(zip(_COLUMNS, row, strict=True))) + "\n")
    if output_format == "csv":
        # Text is always quoted: a bare carriage return in a name would not be read back.
        rows = csv.writer(out, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")
        rows.writerow(_COLUMNS)
        return lambda *row: rows.writerow(row)
    if output_format == "list":
        return lambda path, occupancy, _: out.write(f"{path} {occupancy}\n")
    out.write("occupancy  probability  path\n")
    return lambda path, occupancy, probability: out.write(
        f"{occupancy} {_WORDS[occupancy]}     {probability:11.4f}  {printable(path)}\n"
    )
