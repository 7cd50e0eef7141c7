"""The shipped CNNs beside a plain small one: ``python -m benchmarks.cnn`` (extra: cnn)."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from cvpark.cnn import load_tensorflow
from cvpark.cnn._convert import convert_network
from cvpark.datasets import Dataset, Split, read_image, sample_path
from cvpark.features import resize_patches
from cvpark.models import CNN, Model, load_model

from .latency import medians_us
from .results import machine_line

SHIPPED = ("cnn", "cnn-float", "malexnet")
PLAIN, STRIDED = "plain", "plain, strided"
SIZE = 64

# Architecture and precision -> lowest accuracy on the complete val.
AT_LEAST = {"cnn": 0.989, "cnn-float": 0.991, "malexnet": 0.980}
AT_MOST = {"cnn": 1.5}


def plain_network(patches: Sequence[NDArray[np.uint8]], name: str) -> CNN:
    """Three 3x3 convolutions of 16, 32 and 64 filters in int8, each pooled by 2 or strided.

    Its weights are random: they do not change what it costs.
    """
    _, keras = load_tensorflow()
    layers = keras.layers
    keras.utils.set_random_seed(0)
    pixels = keras.Input((SIZE, SIZE, 3))
    x = layers.Rescaling(1 / 255)(pixels)
    for filters in (16, 32, 64):
        strides = 2 if name == STRIDED else 1
        x = layers.Conv2D(filters, 3, strides=strides, padding="same", activation="relu")(x)
        if name == PLAIN:
            x = layers.MaxPool2D()(x)
    busy = layers.Dense(1, activation="sigmoid")(layers.GlobalAveragePooling2D()(x))
    calibration = resize_patches(list(patches), SIZE)
    content = convert_network(keras.Model(pixels, busy), "int8", calibration)
    return CNN(content, name=name, scale=(0, 255))


def accuracy(model: Model, split: Split) -> float:
    n_right = 0
    for start in range(0, len(split), 512):
        images = [read_image(file) for file in split.files[start : start + 512]]
        n_right += int((model.predict(images) == split.labels[start : start + 512]).sum())
    return n_right / len(split)


def rows(n: int, whole: bool) -> Iterator[str]:
    """A row for each network; latency on ``n`` patches, accuracy on all when ``whole``."""
    split = Dataset(os.environ.get("CVPARK_DATA") or sample_path()).split("val")
    drawn = np.random.default_rng(0).permutation(len(split))[:n]
    patches = [read_image(split.files[row]) for row in drawn]
    models: dict[str, Model] = {name: load_model(name) for name in SHIPPED}
    models |= {name: plain_network(patches[:100], name) for name in (PLAIN, STRIDED)}
    calls: dict[str, Any] = {name: model.predict_proba for name, model in models.items()}
    calls["resize"] = partial(resize_patches, size=SIZE)
    found = medians_us(calls, patches)
    rated = split if whole else split.select(np.arange(len(split)) < n)
    yield "| model | network | val accuracy | at least | KiB | us a patch | / plain | at most |"
    yield "|---|---|---|---|---|---|---|---|"
    for name, model in models.items():
        network = f"{model.card.get('architecture', 'three convolutions')}, "
        network += model.card.get("precision", "int8")
        share = f"{accuracy(model, rated):.4f}" if name in SHIPPED else ""
        yield (
            f"| {name} | {network} | {share} | {AT_LEAST.get(name, '')} | "
            f"{model.model_bytes / 1024:.0f} | {found[name]:.1f} | "
            f"{found[name] / found[PLAIN]:.2f} | {AT_MOST.get(name, '')} |"
        )
    yield ""
    yield f"Resizing to {SIZE} pixels is {found['resize']:.1f} us of each but malexnet's."


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, help="file to write; default: print only")
    parser.add_argument("--quick", action="store_true", help="few patches, to try the script")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    lines = [
        "# CNNs",
        "",
        machine_line("benchmarks.cnn"),
        "One process, one thread, one patch; start: RGB array in memory, end: probability, resize",
        "included. Networks take turns on each patch in an order drawn anew; medians. Plain is a",
        f"{SIZE}-pixel network of three 3x3 convolutions of 16, 32 and 64 filters, each pooled by",
        "2 or strided by 2, in int8; its weights are random. Accuracy: the complete validation",
        "split.",
        "",
    ]
    print("\n".join(lines))
    with threadpool_limits(1):
        for line in rows(*((60, False) if arguments.quick else (2000, True))):
            lines.append(line)
            print(line, flush=True)
    if arguments.out:
        arguments.out.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
