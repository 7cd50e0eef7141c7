"""From patch to label, against the CNN and stock libraries: ``python -m benchmarks.latency``."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
from skimage.transform import resize
from threadpoolctl import threadpool_limits

from cvpark.datasets import Dataset, decode_image, sample_path
from cvpark.models import FACTORIES, Model, load_model, shipped_models

from .results import machine_line
from .whole_split import describe_with_skimage

CLASSICAL = ("svm-linear", "gbdt", "svm")
FRAME = 40

Call = Callable[[object], object]


def stock(name: str, patches: Sequence[np.ndarray], labels: np.ndarray) -> Call:
    """The same classifier on scikit-image's descriptors through scikit-learn.

    Fitted on a few patches: for its time it does not matter how well.
    """

    def describe(patch: np.ndarray) -> np.ndarray:
        small = resize(patch, (64, 64), anti_aliasing=True, preserve_range=True)
        return describe_with_skimage(small.round().astype(np.uint8))

    classifier = FACTORIES[name]().fit(np.stack([describe(patch) for patch in patches]), labels)
    return lambda patch: classifier.predict(describe(patch)[np.newaxis])


def medians_us(calls: dict[str, Call], inputs: Sequence[object]) -> dict[str, float]:
    """Median microseconds a call; all take turns on each input, in an order drawn anew."""
    order = np.random.default_rng(0)
    names = list(calls)
    spent: dict[str, list[int]] = {name: [] for name in names}
    warm_up = inputs[:3]
    for given in [*warm_up, *inputs]:
        for column in order.permutation(len(names)):
            start = time.perf_counter_ns()
            calls[names[column]](given)
            spent[names[column]].append(time.perf_counter_ns() - start)
    return {name: float(np.median(values[len(warm_up) :])) / 1000 for name, values in spent.items()}


def cold_starts(codes: dict[str, str], attempts: int) -> dict[str, tuple[float, float]]:
    """Median seconds and largest peak memory in MB of new processes, taking turns."""
    # What the system tells of a new process begins with its parent's peak.
    forget = 'open("/proc/self/clear_refs", "w").write("5")\n'
    report = """
for line in open("/proc/self/status"):
    if line.startswith("VmHWM"):
        print(int(line.split()[1]) / 1000)
"""
    seconds: dict[str, list[float]] = {name: [] for name in codes}
    memory: dict[str, list[float]] = {name: [] for name in codes}
    for _ in range(attempts + 1):  # the first may compile
        for name, code in codes.items():
            start = time.perf_counter()
            command = [sys.executable, "-c", forget + code + report]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            seconds[name].append(time.perf_counter() - start)
            memory[name].append(float(done.stdout))
    return {name: (float(np.median(seconds[name][1:])), max(memory[name][1:])) for name in codes}


FIRST_ANSWER = """
import numpy as np
from cvpark import load_model
load_model({name!r}).predict(np.zeros((150, 150, 3), np.uint8))
"""

# The CNN without any of cvpark.
FIRST_ANSWER_LITERT = """
import cv2, numpy as np
from ai_edge_litert.interpreter import Interpreter
network = Interpreter({path!r}, num_threads=1)
network.allocate_tensors()
patch = cv2.resize(np.zeros((150, 150, 3), np.uint8), (64, 64), interpolation=cv2.INTER_AREA)
network.set_tensor(network.get_input_details()[0]["index"], patch[np.newaxis])
network.invoke()
network.get_tensor(network.get_output_details()[0]["index"])
"""


def rows(n: int, attempts: int) -> Iterator[tuple[str, float, float | str]]:
    """What was measured on ``n`` patches, its value, and what it should be at most."""
    split = Dataset(os.environ.get("CVPARK_DATA") or sample_path()).split("val")
    drawn = np.random.default_rng(0).permutation(len(split))[:n]
    contents = [split.files[row].read_bytes() for row in drawn]
    decoded = [decode_image(content) for content in contents]
    patches = [patch for patch in decoded if patch.shape == (150, 150, 3)]
    models = {name: load_model(name) for name in (*CLASSICAL, "cnn")}
    rival = "svm-linear by scikit-image + scikit-learn"
    calls = {name: model.predict for name, model in models.items()}
    calls[rival] = stock("svm-linear", decoded[:200], split.labels[drawn[:200]])
    one = medians_us(calls, patches)
    for name, value in one.items():
        yield f"one patch, {name}, us", value, ""
    for name, most in zip(CLASSICAL, (0.5, 0.7, 1.0), strict=True):
        yield f"one patch, {name} / cnn", one[name] / one["cnn"], most
    yield f"one patch, svm-linear / {rival}", one["svm-linear"] / one[rival], 0.02
    frames = [np.stack(patches[i : i + FRAME]) for i in range(0, len(patches) - FRAME, FRAME // 2)]
    # One patch beside the frames, so that both meet the same machine.
    both = {f"{name} frame": model.predict for name, model in models.items()}
    both |= {
        name: lambda frame, model=model: model.predict(frame[0]) for name, model in models.items()
    }
    of_frames = medians_us(both, frames)
    for name in models:
        share = of_frames[f"{name} frame"] / FRAME / of_frames[name]
        yield (
            f"frame of {FRAME}, per patch / one patch, {name}",
            share,
            "" if name == "cnn" else 0.8,
        )
    yield from bytes_rows(models, contents)
    yield from cold_rows(attempts)
    for name in CLASSICAL:
        most = 64 if name == "svm-linear" else ""
        yield f"file of {name}, KiB", shipped_models()[name].stat().st_size / 1024, most


def bytes_rows(
    models: dict[str, Model], contents: Sequence[bytes]
) -> Iterator[tuple[str, float, float | str]]:
    """From JPEG bytes on, decoded in full and, for both rivals alike, at half scale."""
    calls: dict[str, Call] = {
        "decoding alone": decode_image,
        "decoding alone at half scale": lambda content: decode_image(content, min_side=64),
    }
    for name, model in models.items():
        calls[name] = lambda content, model=model: model.predict(decode_image(content))
        calls[f"{name} at half scale"] = lambda content, model=model: model.predict(
            decode_image(content, min_side=64)
        )
    found = medians_us(calls, contents)
    for way in ("", " at half scale"):
        yield f"JPEG bytes, decoding alone{way}, us", found[f"decoding alone{way}"], ""
        for name, most in zip(CLASSICAL, (0.6, "", ""), strict=True):
            ratio = found[name + way] / found["cnn" + way]
            yield f"JPEG bytes to label{way}, {name} / cnn", ratio, most


def cold_rows(attempts: int) -> Iterator[tuple[str, float, float | str]]:
    bare = "ai-edge-litert alone"
    codes = {name: FIRST_ANSWER.format(name=name) for name in (*CLASSICAL, "cnn")}
    codes[bare] = FIRST_ANSWER_LITERT.format(path=str(shipped_models()["cnn"]))
    found = cold_starts(codes, attempts)
    yield "new process to first answer, cnn, s", found["cnn"][0], ""
    yield "new process to first answer, cnn without cvpark, s", found[bare][0], ""
    for name in CLASSICAL:
        yield f"new process to first answer, {name} / cnn", found[name][0] / found["cnn"][0], 4
        label = f"new process to first answer, {name} / cnn without cvpark"
        yield label, found[name][0] / found[bare][0], 4
        yield f"its peak memory, {name}, MB", found[name][1], 250


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, help="file to write; default: print only")
    parser.add_argument("--quick", action="store_true", help="few repetitions, to try the script")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    lines = [
        "# Latency",
        "",
        machine_line("benchmarks.latency"),
        "One process, one thread; start: RGB array in memory, end: label. Candidates take turns on",
        "each patch in an order drawn anew; medians. The CNN is the shipped int8 one through",
        "ai-edge-litert, with the same resize as ours.",
        "",
        "| | measured | at most |",
        "|---|---|---|",
    ]
    print("\n".join(lines))
    with threadpool_limits(1):
        for label, value, most in rows(*((60, 1) if arguments.quick else (2000, 9))):
            digits = 1 if value >= 10 else 3
            lines.append(f"| {label} | {value:,.{digits}f} | {most} |")
            print(lines[-1], flush=True)
    if arguments.out:
        arguments.out.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
