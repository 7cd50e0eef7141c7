"""From patch to label, against the CNN and stock libraries: ``python -m benchmarks.latency``."""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
from ai_edge_litert.interpreter import Interpreter
from threadpoolctl import threadpool_limits

from cvpark.datasets import Dataset, decode_image, sample_path
from cvpark.evaluation import measure_cold_start, measure_stages
from cvpark.models import (
    FACTORIES,
    Model,
    StockModel,
    describe_stock,
    load_model,
    shipped_models,
)

from .results import machine_line

CLASSICAL = ("svm-linear", "gbdt", "svm")
BARE = "cnn without cvpark"
FRAME = 40

Call = Callable[[object], object]


def stock(name: str, patches: Sequence[np.ndarray], labels: np.ndarray) -> Call:
    """The same classifier on scikit-image's descriptors through scikit-learn.

    Fitted on a few patches: for its time it does not matter how well.
    """
    X = np.stack([describe_stock(patch) for patch in patches])
    return StockModel(FACTORIES[name]().fit(X, labels), slope=1.0, intercept=0.0).predict


def bare_cnn(path: Path) -> Call:
    """The CNN as one runs it without cvpark: OpenCV's resize, ai-edge-litert, threshold 0.5."""
    network = Interpreter(str(path), num_threads=1)
    network.allocate_tensors()
    (given,), (asked,) = network.get_input_details(), network.get_output_details()
    scale, zero = asked["quantization"]

    def predict(patch: np.ndarray) -> bool:
        small = cv2.resize(patch, (64, 64), interpolation=cv2.INTER_AREA)
        network.set_tensor(given["index"], small[np.newaxis])
        network.invoke()
        return (int(network.get_tensor(asked["index"])[0, 0]) - zero) * scale >= 0.5

    return predict


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
    calls[BARE] = bare_cnn(shipped_models()["cnn"])
    one = medians_us(calls, patches)
    for name, value in one.items():
        yield f"one patch, {name}, us", value, ""
    for name, most in zip(CLASSICAL, (0.5, 0.7, 1.0), strict=True):
        yield f"one patch, {name} / cnn", one[name] / one["cnn"], most
        yield f"one patch, {name} / {BARE}", one[name] / one[BARE], ""
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
    yield from stage_rows(models, contents)
    yield from cold_rows(models, attempts)
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
    answers = {name: model.predict for name, model in models.items()}
    answers[BARE] = bare_cnn(shipped_models()["cnn"])
    for name, answer in answers.items():
        calls[name] = lambda content, answer=answer: answer(decode_image(content))
        calls[f"{name} at half scale"] = lambda content, answer=answer: answer(
            decode_image(content, min_side=64)
        )
    found = medians_us(calls, contents)
    for way in ("", " at half scale"):
        yield f"JPEG bytes, decoding alone{way}, us", found[f"decoding alone{way}"], ""
        for name, most in zip(CLASSICAL, (0.6, "", ""), strict=True):
            for cnn in ("cnn", BARE):
                ratio = found[name + way] / found[cnn + way]
                yield f"JPEG bytes to label{way}, {name} / {cnn}", ratio, most


def stage_rows(
    models: dict[str, Model], contents: Sequence[bytes]
) -> Iterator[tuple[str, float, float | str]]:
    """Where the time goes; between the models' turns caches have gone cold, as in use."""
    spent = measure_stages([models["svm-linear"], models["cnn"]], contents)
    for (model, stage), ns in spent.groupby(["model", "stage"], sort=False).ns:
        yield f"stage of {model}: {stage}, us", float(np.median(ns)) / 1000, ""


def cold_rows(models: dict[str, Model], attempts: int) -> Iterator[tuple[str, float, float | str]]:
    measured = measure_cold_start(list(models.values()), attempts=attempts)
    found = {(row["model"], row["runtime"]): row for row in measured}
    seconds = {key: float(np.median(row["seconds"])) for key, row in found.items()}
    cnn, bare = seconds["cnn", "cvpark"], seconds["cnn", "ai-edge-litert"]
    yield "new process to first answer, cnn, s", cnn, ""
    yield "new process to first answer, cnn without cvpark, s", bare, ""
    for name in CLASSICAL:
        own = seconds[name, "cvpark"]
        yield f"new process to first answer, {name} / cnn", own / cnn, 4
        yield f"new process to first answer, {name} / cnn without cvpark", own / bare, 4
        yield f"its peak memory, {name}, MB", max(found[name, "cvpark"]["peak_memory_mb"]), 250


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
        "ai-edge-litert, with cvpark's resize; without cvpark it has OpenCV's, by area.",
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
