"""How real the built-in sample is: ``python -m benchmarks.sample --data DIR``."""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from cvpark.datasets import Dataset, Split, make_sample, read_image, sample_path
from cvpark.evaluation import train_protocol
from cvpark.features import Descriptor, FeatureStore
from cvpark.models import FACTORIES, load_model

from .results import machine_line

MARK = "## Final lines\n"
SHIPPED = ("svm-linear", "gbdt", "svm", "cnn")
BRIGHTNESS = "mean brightness"
# Another lot than the default one, rendered to train on.
LESSON_SEED = 1
AT_LEAST_ON_SAMPLE = {"svm": 0.93, "cnn": 0.93}
AT_LEAST_ON_REAL = {"svm": 0.88}
AT_MOST = 0.995
SECONDS = 10.0

Images = Sequence[NDArray[np.uint8]]


class Classifier(Protocol):
    """What says which patches are busy."""

    def predict(self, patches: Images) -> NDArray[np.uint8]: ...


class Brightness:
    """A tree of eight leaves on the mean of a patch: what can be had without looking."""

    def __init__(self, split: Split, n_patches: int) -> None:
        from sklearn.tree import DecisionTreeClassifier

        drawn = np.random.default_rng(0).permutation(len(split))[:n_patches]
        images = [read_image(split.files[row]) for row in drawn]
        self._tree = DecisionTreeClassifier(max_leaf_nodes=8, random_state=0)
        self._tree.fit(self._means(images), split.labels[drawn])

    @staticmethod
    def _means(images: Images) -> NDArray[np.float64]:
        return np.array([[image.mean()] for image in images])

    def predict(self, patches: Images) -> NDArray[np.uint8]:
        return np.asarray(self._tree.predict(self._means(patches)), np.uint8)


def right(models: Mapping[str, Classifier], split: Split) -> dict[str, NDArray[np.bool_]]:
    """Which patches of a split each model gets right; every patch is decoded once."""
    found: dict[str, list[NDArray[np.bool_]]] = {name: [] for name in models}
    for start in range(0, len(split), 512):
        images = [read_image(file) for file in split.files[start : start + 512]]
        labels = split.labels[start : start + 512]
        for name, model in models.items():
            found[name].append(model.predict(images) == labels)
    return {name: np.concatenate(parts) for name, parts in found.items()}


class Bench:
    """The sample, a second one to train on, and photographs where there are any.

    Parameters
    ----------
    data : path or None
        Folder of CNRPark+EXT.
    n_sample, n_lesson : int
        Patches of the sample that is rated on, and of the one that is trained on.
    n_real : int or None
        Photographs to rate on, drawn from the validation split; None is all of it.
    """

    def __init__(self, data: Path | None, n_sample: int, n_lesson: int, n_real: int | None) -> None:
        self.sample = Dataset(sample_path(n_patches=n_sample))
        self.lesson = Dataset(sample_path(n_patches=n_lesson, seed=LESSON_SEED))
        self.n_lesson = n_lesson
        self.photographs = self.train = None
        if data is not None:
            dataset = Dataset(data)
            protocol = dataset.default_protocol()
            self.train = dataset.split(protocol.train)
            val = dataset.split(protocol.val or "val")
            rank = np.random.default_rng(0).permutation(len(val))
            self.photographs = val.select(rank < (n_real or len(val)))

    def table(
        self, models: Mapping[str, Classifier], at_least: Mapping[str, float], where: str
    ) -> Iterator[str]:
        """A row for each model: accuracy on photographs and on the sample."""
        whole, test = self.sample.split("all"), frozenset(self.sample.split("test").paths)
        of_test = np.array([path in test for path in whole.paths])
        rendered = right(models, whole)
        real = right(models, self.photographs) if self.photographs else {}
        yield (
            f"| model | real val | sample, all {len(whole):,} | sample, test split "
            f"| at least on {where} | at most on the sample |"
        )
        yield "|---|---|---|---|---|---|"
        for name, hits in rendered.items():
            photographs = f"{real[name].mean():.4f}" if name in real else ""
            yield (
                f"| {name} | {photographs} | {hits.mean():.4f} | {hits[of_test].mean():.4f} "
                f"| {at_least.get(name, '')} | {AT_MOST} |"
            )

    def shipped(self) -> Iterator[str]:
        yield "Trained on photographs alone: the shipped models."
        yield ""
        models: dict[str, Classifier] = {}
        if self.train is not None:
            models[BRIGHTNESS] = Brightness(self.train, self.n_lesson)
        models |= {name: load_model(name) for name in SHIPPED}
        yield from self.table(models, AT_LEAST_ON_SAMPLE, "the sample")

    def trained(self) -> Iterator[str]:
        split = self.lesson.split("all")
        yield f"Trained on {len(split):,} rendered patches of another lot (seed {LESSON_SEED})."
        yield ""
        models: dict[str, Classifier] = {BRIGHTNESS: Brightness(split, self.n_lesson)}
        models |= _train(split, ("svm-linear", "gbdt", "svm"))
        yield from self.table(models, AT_LEAST_ON_REAL, "real val")

    def within(self) -> Iterator[str]:
        """As the notebooks do: the default sample's own days."""
        test = self.sample.split("test")
        found = right(_train(self.sample.split("train"), tuple(FACTORIES)), test)
        shares = ", ".join(f"{name} {hits.mean():.4f}" for name, hits in found.items())
        yield (
            f"Trained on the sample's train split, rated on its test split: {shares} "
            f"(asked: at most {AT_MOST})."
        )


def _train(split: Split, kinds: Sequence[str]) -> dict[str, Classifier]:
    with tempfile.TemporaryDirectory() as folder:
        store = FeatureStore(Path(folder) / "features")
        store.extend(split.paths, lambda path: read_image(split.locate(path)), Descriptor())
        return {kind: train_protocol(kind, split, None, store) for kind in kinds}


def cost(n_patches: int, turns: int) -> str:
    """Processor time of rendering and writing, the best of some turns: others may be at work."""
    spent = []
    for _ in range(turns):
        with tempfile.TemporaryDirectory() as folder:
            start = time.process_time()
            make_sample(Path(folder) / "sample", n_patches=n_patches)
            spent.append(time.process_time() - start)
    return (
        f"{n_patches:,} patches and their frames: {min(spent):.1f} s of processor time on one "
        f"core, the least of {turns} turns (asked: less than {SECONDS:.0f} for 3,000)."
    )


def sheet(root: Path) -> NDArray[np.uint8]:
    """A contact sheet of a sample: 96 patches drawn from all, and its first four frames."""
    split = Dataset(root).split("all")
    drawn = np.random.default_rng(0).permutation(len(split))[:96]
    tiles = np.resize([_scaled(split.files[row], (100, 100)) for row in drawn], (96, 100, 100, 3))
    patches = tiles.reshape(8, 12, 100, 100, 3).swapaxes(1, 2).reshape(800, 1200, 3)
    frames = [_scaled(file, (600, 450)) for file in sorted(root.glob("FRAMES/*/*.jpg"))[:4]]
    frames = [*frames, *[np.zeros((450, 600, 3), np.uint8)] * (4 - len(frames))]
    return np.vstack([patches, np.hstack(frames[:2]), np.hstack(frames[2:])])


def _scaled(file: Path, size: tuple[int, int]) -> NDArray[np.uint8]:
    return np.asarray(cv2.resize(read_image(file), size, interpolation=cv2.INTER_AREA), np.uint8)


def write_sheet(file: Path, root: Path) -> None:
    picture = cv2.cvtColor(sheet(root), cv2.COLOR_RGB2BGR)
    if not cv2.imwrite(str(file), picture, [cv2.IMWRITE_JPEG_QUALITY, 72]):
        raise OSError(f"{file}: cannot be written")


def lines(data: Path | None, quick: bool) -> Iterator[str]:
    bench = Bench(data, *((300, 300, 200) if quick else (3000, 5000, None)))
    for part in (bench.shipped, bench.trained, bench.within):
        yield from part()
        yield ""
    yield cost(*((120, 1) if quick else (3000, 3)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--data", type=Path, default=os.environ.get("CVPARK_DATA"), help="folder of CNRPark+EXT"
    )
    parser.add_argument("--out", type=Path, help="file whose final lines are written anew")
    parser.add_argument("--sheet", type=Path, help="contact sheet to write, and nothing else")
    parser.add_argument("--quick", action="store_true", help="few patches, to try the script")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    if arguments.sheet:
        write_sheet(arguments.sheet, sample_path())
        return
    machine = machine_line("benchmarks.sample").partition("; patches:")[0]
    written = [MARK, f"{machine}.", ""]
    print(written[1])
    with threadpool_limits(1):
        for line in lines(arguments.data, arguments.quick):
            written.append(line)
            print(line, flush=True)
    if arguments.out:
        text = arguments.out.read_text(encoding="utf-8").partition(MARK)[0]
        arguments.out.write_text(text + "\n".join(written) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
