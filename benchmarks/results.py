"""Measure everything and write RESULTS.md: ``tox -e bench``."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from cvpark.datasets import Dataset, sample_path
from cvpark.evaluation import describe_environment
from cvpark.features import Descriptor

from .candidates import CASES, OURS, Candidates, patches
from .whole_split import measure

# Case -> rival -> how many times our time it should take at least.
AT_LEAST = {
    "HOG 9/8x8/2x2 L2-Hys, 64x64": {"scikit-image": 60, "OpenCV": 4},
    "HOG 9/8x8/2x2 L2-Hys, 128x128": {"scikit-image": 60},
    "LBP uniform (8, 1) + 4x4 grid, 64x64": {"scikit-image, codes alone": 30},
    "LBP uniform (8, 1) + 4x4 grid, 150x150": {"scikit-image, codes alone": 30},
    "LBP (8, 1) pixel neighbours + 4x4 grid, 64x64": {"scikit-image, codes alone": 70},
    "HSV histograms, 4x4 grid, 64x64": {"OpenCV, cvtColor + calcHist": 4},
    "HSV histograms, 4x4 grid, 150x150": {"OpenCV, cvtColor + calcHist": 4},
}


def medians(candidates: Candidates, rounds: int) -> dict[str, float]:
    """Median seconds of a call, the candidates taking turns so that noise meets all alike."""
    times: dict[str, list[float]] = {name: [] for name in candidates}
    for call in candidates.values():
        call()
    for _ in range(rounds):
        for name, call in candidates.items():
            start = time.perf_counter()
            call()
            times[name].append(time.perf_counter() - start)
    return {name: float(np.median(values)) for name, values in times.items()}


def kernel_rows(n: int, rounds: int) -> Iterator[str]:
    yield "| case | candidate | us a patch | its time / ours | at least |"
    yield "|---|---|---|---|---|"
    for case, make in CASES.items():
        found = medians(make(n), rounds)
        for name, median in found.items():
            ratio = "" if name == OURS else f"{median / found[OURS]:.1f}"
            bound = AT_LEAST.get(case, {}).get(name, "")
            yield f"| {case} | {name} | {1e6 * median / n:.1f} | {ratio} | {bound} |"


def split_rows(n_patches: int | None, stock_share: int) -> Iterator[str]:
    split = Dataset(os.environ.get("CVPARK_DATA") or sample_path()).split("val")
    split = split.select(np.arange(len(split)) < (n_patches or len(split)))
    found = measure(split, stock_share)
    yield f"JPEG files to HOG + LBP + colour, {len(split):,} patches, stored on disk:"
    yield ""
    yield "| way | us a patch | its time / ours |"
    yield "|---|---|---|"
    for name, value in found.items():
        yield f"| {name} | {value:.0f} | {value / found['cvpark']:.1f} |"
    decoding = found["cvpark, one core, reading and decoding alone"] / found["cvpark, one core"]
    yield ""
    yield f"Share of reading and decoding: {100 * decoding:.0f} % (asked: more than half)."


def thread_row(rounds: int) -> str:
    images = np.resize(patches(64, 64), (1024, 64, 64, 3))
    batch: Candidates = {
        str(n): partial(Descriptor(n_jobs=n).fit().transform, images) for n in (1, 2)
    }
    found = medians(batch, rounds)
    return (
        f"Two threads against one, descriptors of 1,024 patches: {found['1'] / found['2']:.2f} "
        "(asked: 1.8)."
    )


_DEFAULT = "Descriptor()"
_EVERYTHING = """Descriptor(extractors=[
    HOGExtractor(), HOGExtractor(orientations=12), HOGExtractor(variant="fhog"),
    LBPExtractor(), LBPExtractor(n_points=16, radius=2), LBPExtractor(method="var"),
    ColorHistogramExtractor()])"""


def compile_row() -> str:
    """First descriptor of a process, with an empty cache of compiled code and with a full one."""
    spent = []
    for descriptor in (_DEFAULT, _EVERYTHING):
        with tempfile.TemporaryDirectory() as cache:
            spent.append([_first_call(descriptor, cache) for _ in range(2)])
    (cold, warm), (all_cold, all_warm) = spent
    return (
        f"Compiling the default descriptor: {cold:.1f} s once, {warm:.2f} s in a second process; "
        f"every kernel: {all_cold:.1f} s and {all_warm:.2f} s."
    )


def _first_call(descriptor: str, cache: str) -> float:
    code = (
        "import time, numpy as np; from cvpark.features import *; start = time.perf_counter(); "
        f"{descriptor}.fit().transform(np.zeros((1, 150, 150, 3), np.uint8)); "
        "print(time.perf_counter() - start)"
    )
    command = [sys.executable, "-c", code]
    environment = {**os.environ, "NUMBA_CACHE_DIR": cache}
    done = subprocess.run(command, env=environment, check=True, capture_output=True)
    return float(done.stdout)


def machine_line(command: str) -> str:
    """When, by what command, on what and with what something is measured."""
    machine = describe_environment()
    versions = ", ".join(f"{name} {version}" for name, version in machine["packages"].items())
    data = "CNRPark+EXT" if os.environ.get("CVPARK_DATA") else "built-in sample"
    return (
        f"Measured {datetime.now(UTC):%Y-%m-%d} by `python -m {command}` on "
        f"{machine['cpu']}, {machine['cores']} cores, load {machine['load_1min']:.1f}; "
        f"Python {machine['python']}, {versions}; patches: {data}, validation split."
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, help="file to write; default: print only")
    parser.add_argument("--quick", action="store_true", help="few repetitions, to try the script")
    arguments = parser.parse_args()
    quick = arguments.quick
    cv2.setNumThreads(1)
    lines = [
        "# Speed",
        "",
        machine_line("benchmarks.results"),
        "One thread; candidates take turns in one process; medians. Ours start from RGB, including",
        "the conversion to gray, the rivals start from gray.",
        "",
        *kernel_rows(2 if quick else 32, 3 if quick else 25),
        "",
        *split_rows(256 if quick else None, 1 if quick else 8),
        "",
        thread_row(3 if quick else 15),
        "",
        compile_row(),
        "",
    ]
    text = "\n".join(lines)
    print(text)
    if arguments.out:
        arguments.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
