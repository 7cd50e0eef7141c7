"""What one has without this package: scikit-image's descriptors, plain scikit-learn."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from cvpark.datasets import Dataset, get_protocol, read_image
from cvpark.evaluation import _stock, measure_latency, protocol_splits, train_stock
from cvpark.evaluation._cold_start import measure_cold_start
from cvpark.evaluation._latency import Scenario
from cvpark.evaluation._stages import measure_stages
from cvpark.features import ColorHistogramExtractor, HOGExtractor
from cvpark.models import StockModel, describe_stock

KINDS = ("svm", "svm-linear", "gbdt")


@pytest.fixture(scope="module")
def parts(sample):
    return protocol_splits(Dataset(sample), get_protocol("cnr-ext"))


@pytest.fixture(scope="module")
def models(parts):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_stock, "MAX_TRAINING", 200)
        patch.setattr(_stock, "MAX_VALIDATION", 60)
        return train_stock(KINDS, *parts, n_jobs=1)


@pytest.fixture(scope="module")
def shown(sample):
    split = Dataset(sample).split("test")
    return [read_image(file) for file in split.files[:60]], split.labels[:60]


def test_it_learns_to_tell_busy_from_free(models, shown):
    patches, labels = shown
    for model in models:
        proba = model.predict_proba(patches)
        assert proba.shape == (60, 2)
        np.testing.assert_allclose(proba.sum(axis=1), 1)
        np.testing.assert_array_equal(model.predict(patches), proba[:, 1] >= 0.5)
        assert (model.predict(patches) == labels).mean() > 0.75


def test_names_and_cards_say_what_they_are(models, parts):
    assert [model.name for model in models] == [f"stock-{kind}" for kind in KINDS]
    for model in models:
        assert model.kind == "stock"
        assert model.card["training"]["fingerprint"] == parts[0].fingerprint
        assert model.card["validation"]["fingerprint"] == parts[1].fingerprint
        assert model.model_bytes > 1000


def test_at_most_so_many_patches_are_described(models):
    for model in models:
        assert model.card["training"]["n_patches"] == 200
        assert model.card["training"]["split"].startswith("200 of ")
        assert model.card["validation"]["n_patches"] == 60


def test_processes_describe_what_one_does(parts, monkeypatch):
    monkeypatch.setattr(_stock, "MAX_TRAINING", 120)
    monkeypatch.setattr(_stock, "MAX_VALIDATION", 40)
    seen = []

    def progress(items, total, label):
        seen.append((total, label))
        return items

    alone, shared = (
        train_stock(["svm-linear"], *parts, n_jobs=n_jobs, progress=progress)[0]
        for n_jobs in (1, 2)
    )
    assert seen == [(3, "scikit-image descriptors")] * 2  # 160 files in tasks of 64
    patches = [read_image(file) for file in parts[0].files[:5]]
    np.testing.assert_array_equal(alone.predict_proba(patches), shared.predict_proba(patches))


def test_jobs_singles_and_steps_change_no_answer(models, shown):
    patches = shown[0][:9]
    for model in models:
        expected = model.predict_proba(patches)
        model.n_jobs = 2
        np.testing.assert_array_equal(model.predict_proba(np.stack(patches)), expected)
        model.n_jobs = 1
        np.testing.assert_allclose(model.predict_proba(patches[4]), expected[4:5], atol=1e-6)
        steps = model.steps(patches[4])
        names = []
        try:
            while True:
                names.append(next(steps))
        except StopIteration as end:
            np.testing.assert_allclose(end.value, expected[4:5], atol=1e-6)
        assert names == ["resize", "hog", "lbp", "color", "classifier", "calibration"]
        assert model.predict_proba([]).shape == (0, 2)


def test_it_describes_what_the_extractors_describe():
    """The same descriptors, so that the comparison is one of implementations."""
    image = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    described = describe_stock(image)
    gray = np.repeat(image[..., :1], 3, axis=2)  # each has its own way to gray
    hog = HOGExtractor().fit_transform(gray[np.newaxis])[0]
    color = ColorHistogramExtractor(transform_sqrt=False).fit_transform(image[np.newaxis])[0]
    assert described.size == 1764 + 16 * 10 + 16 * 24
    np.testing.assert_allclose(describe_stock(gray)[:1764], hog, atol=1e-3)
    mine = described[-16 * 24 :].reshape(16, 3, 8)
    assert (mine.sum(axis=2) == 256).all()
    theirs = color.reshape(16, 3, 8) / color.reshape(16, 3, 8).sum(axis=2, keepdims=True)
    np.testing.assert_allclose(mine / 256, theirs, atol=0.02)


def test_it_comes_back_from_its_file(models, shown, tmp_path):
    for model in models:
        file = model.save(tmp_path / f"{model.name}.zip")
        # A skops file names its parts by numbers that differ from one to the next.
        assert file.stat().st_size == pytest.approx(model.model_bytes, rel=0.01)
        loaded = StockModel.load(file)
        assert (loaded.name, loaded.card) == (model.name, model.card)
        np.testing.assert_array_equal(
            loaded.predict_proba(shown[0][:5]), model.predict_proba(shown[0][:5])
        )


def test_it_is_measured_as_every_other_model(models, shown, sample):
    patches = shown[0][:3]
    quick = [Scenario("frame", 3, 2, 1)]
    table = measure_latency(models[:2], patches, threads=[1, 2], scenarios=quick)
    assert set(table.model) == {"stock-svm", "stock-svm-linear"}
    contents = [file.read_bytes() for file in Dataset(sample).split("test").files[:2]]
    assert set(measure_stages(models, contents).model) == {model.name for model in models}
    [row] = measure_cold_start(models[1:2], attempts=1)
    assert row["runtime"] == "scikit-image + scikit-learn"
    assert {"scikit-image", "scikit-learn"} <= set(row["dependencies"])
    assert not {"numba", "opencv-python-headless"} & set(row["dependencies"])


def test_importing_it_loads_neither_scikit_learn_nor_scikit_image():
    code = "import sys; from cvpark.models import StockModel; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not set(done.stdout.split()) & {"sklearn", "skimage", "numba", "scipy", "joblib"}
