"""The shipped models' accuracy, trained anew: ``python -m benchmarks.accuracy --data DIR``."""

from __future__ import annotations

import argparse
import os
import resource
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from cvpark.datasets import Dataset, Protocol, Split, read_image
from cvpark.evaluation import clustered_interval, train_protocol, training_splits
from cvpark.features import Descriptor, FeatureStore
from cvpark.models import FACTORIES, ClassicalModel, rate

WEATHERS = ("sunny", "overcast", "rainy")
MARK = "## Final lines\n"

# mAlexNet on the official splits, which hold twice the training patches and the test days.
PUBLISHED = {
    ("sunny", "overcast"): 0.970,
    ("sunny", "rainy"): 0.960,
    ("overcast", "sunny"): 0.920,
    ("overcast", "rainy"): 0.950,
    ("rainy", "sunny"): 0.940,
    ("rainy", "overcast"): 0.970,
    ("cnrpark-odd", "cnrpark-even"): 0.9013,
    ("cnrpark-even", "cnrpark-odd"): 0.9071,
}


class Bench:
    """Descriptors of everything, extracted once, and what is trained on parts of them."""

    def __init__(self, data: Path, folder: Path) -> None:
        self.dataset = Dataset(data)
        self.everything = self.dataset.everything()
        self.store = FeatureStore(folder)
        split = self.everything
        self.store.extend(
            split.paths, lambda path: read_image(split.locate(path)), Descriptor(), n_jobs=-1
        )

    def on_disk(self, expression: str) -> Split:
        """What of a split is there; the test days of CNR-EXT are kept out in any case."""
        split = self.dataset.split(expression, allow_missing=True)
        days = self.dataset.split("train-half+val+cnrpark", allow_missing=True)
        known = set(days.paths)
        return split.select(np.array([path in known for path in split.paths]))

    def train(self, kind: str, training: str, validation: str | None = None) -> ClassicalModel:
        protocol = Protocol(training, training, validation, "")
        splits = training_splits(self.dataset, protocol, allow_missing=True)
        return train_protocol(kind, *splits, self.store, allow_missing=True)

    def score(self, model: ClassicalModel, split: Split) -> np.ndarray:
        """P(busy) through scikit-learn, from the stored descriptors."""
        scores = model.classifier.decision_function(self.store.matrix(split.paths))
        return model.calibration(scores)[:, 1]

    def accuracy(self, model: ClassicalModel, split: Split) -> float:
        return float(((self.score(model, split) >= model.threshold_) == split.labels).mean())


def main_rows(bench: Bench) -> Iterator[str]:
    yield "Trained on train-half (48,366 patches), rated on the complete validation split (18,647):"
    yield ""
    yield "| model | accuracy | 95 % interval over camera-days | AUC | Brier | ECE | fit, s |"
    yield "|---|---|---|---|---|---|---|"
    val = bench.dataset.split("val")
    for kind in FACTORIES:
        start = time.perf_counter()
        model = bench.train(kind, "train-half", "val")
        spent = time.perf_counter() - start
        busy = bench.score(model, val)
        rated = rate(val.labels, busy, model.threshold_)
        right = (busy >= model.threshold_) == val.labels
        low, high = clustered_interval(right, val.groups())
        yield (
            f"| {kind} | {rated['accuracy']:.4f} | {low:.4f}-{high:.4f} | {rated['auc']:.4f} | "
            f"{rated['brier']:.4f} | {rated['ece']:.4f} | {spent:.0f} |"
        )


def transfer_rows(bench: Bench) -> Iterator[str]:
    yield "svm trained on one part and calibrated by cross-fitting on it, tested on another:"
    yield ""
    yield "| trained on | tested on | patches | accuracy | mAlexNet, published |"
    yield "|---|---|---|---|---|"
    for here in WEATHERS:
        model = bench.train("svm", f"{here}&train-half")
        for there in WEATHERS:
            if there != here:
                split = bench.on_disk(f"{there}&train-half+{there}&val")
                yield _row(bench, model, here, there, split)
    for here, there in (("odd", "even"), ("even", "odd")):
        model = bench.train("svm", f"cnrpark-{here}")
        split = bench.on_disk(f"cnrpark-{there}")
        yield _row(bench, model, f"cnrpark-{here}", f"cnrpark-{there}", split)
    for camera in (1, 8):
        model = bench.train("svm", f"camera{camera}&train-half")
        for other in range(1, 10):
            if other != camera:
                split = bench.on_disk(f"camera{other}&train-half+camera{other}&val")
                yield _row(bench, model, f"camera{camera}", f"camera{other}", split)


def _row(bench: Bench, model: ClassicalModel, here: str, there: str, split: Split) -> str:
    published = PUBLISHED.get((here, there), "")
    return (
        f"| {here} | {there} | {len(split):,} | {bench.accuracy(model, split):.4f} | {published} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=os.environ.get("CVPARK_DATA"))
    parser.add_argument("--features", type=Path, default=Path("features"), help="kept and reused")
    parser.add_argument("--out", type=Path, help="file whose final lines are written anew")
    arguments = parser.parse_args()
    if arguments.data is None:
        parser.error("--data or CVPARK_DATA names the folder of CNRPark+EXT")
    bench = Bench(arguments.data, arguments.features)
    lines = [MARK, "Written by `python -m benchmarks.accuracy`; nothing of the test split is used."]
    for part in (main_rows, transfer_rows):
        lines.append("")
        for line in part(bench):
            lines.append(line)
            print(line, flush=True)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    lines += ["", f"Peak memory {peak:.1f} GiB.", ""]
    print(lines[-2])
    if arguments.out:
        text = arguments.out.read_text(encoding="utf-8").partition(MARK)[0]
        arguments.out.write_text(text + "\n".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
