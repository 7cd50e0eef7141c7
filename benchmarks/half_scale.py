"""What decoding JPEGs at a reduced scale saves and costs: ``python -m benchmarks.half_scale``."""

from __future__ import annotations

import os
import time

import numpy as np

from cvpark.datasets import Dataset, read_image, sample_path
from cvpark.models import load_model

SCALES = {"full": None, "half": 64, "quarter": 32}  # of a 150x150 patch, by its shorter side
N_PATCHES = 4000


def main() -> None:
    split = Dataset(os.environ.get("CVPARK_DATA") or sample_path()).split("val")
    drawn = np.random.default_rng(0).permutation(len(split))[:N_PATCHES]
    files, labels = [split.files[row] for row in drawn], split.labels[drawn]
    for file in files:
        file.read_bytes()  # into the operating system's cache
    models = {name: load_model(name) for name in ("svm", "svm-linear")}
    print(f"{len(files):,} patches; shipped models, trained at full scale\n")
    print(f"| scale | us to read and decode | {' | '.join(models)} |\n|---|---|---|---|")
    patches: dict[str, list[np.ndarray]] = {scale: [] for scale in SCALES}
    spent: dict[str, list[float]] = {scale: [] for scale in SCALES}
    for file in files:
        for scale, min_side in SCALES.items():  # in turns, so that noise meets all alike
            start = time.perf_counter()
            patches[scale].append(read_image(file, min_side=min_side))
            spent[scale].append(1e6 * (time.perf_counter() - start))
    for scale in SCALES:
        accuracy = [(model.predict(patches[scale]) == labels).mean() for model in models.values()]
        cells = " | ".join(f"{value:.4f}" for value in accuracy)
        print(f"| {scale} | {np.median(spent[scale]):.0f} | {cells} |")


if __name__ == "__main__":
    main()
