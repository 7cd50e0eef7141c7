"""The built-in sample: layout, balance, reproducibility and whole-or-nothing."""

from __future__ import annotations

import csv
import hashlib
import os
import re
from pathlib import Path

import cv2
import numpy as np
import pytest

from cvpark.datasets import PROTOCOLS, Dataset, read_image
from cvpark.datasets._sample import make, make_sample, plan, sample_path, write
from cvpark.datasets._sample.camera import FRAME_HEIGHT, FRAME_WIDTH, Camera, Window
from cvpark.datasets._sample.scene import make_lot
from cvpark.datasets._sample.sensor import Lens, Sensor
from cvpark.evaluation import experiments
from cvpark.exceptions import DatasetError
from cvpark.models import load_model

N_PATCHES = 120
PATH = re.compile(
    r"(?P<weather>SUNNY|OVERCAST|RAINY)/(?P<date>\d{4}-\d\d-\d\d)/camera(?P<camera>\d)/"
    r"[SOR]_(?P=date)_\d\d\.\d\d_C0(?P=camera)_(?P<slot>\d+)\.jpg"
)
WEATHERS = ("sunny", "overcast", "rainy")
SPLITS = ("train", "val", "test")


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_sample(tmp_path_factory.mktemp("sample") / "lot", n_patches=N_PATCHES)


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The smallest sample, of another seed, in a folder that is there and empty."""
    return make_sample(tmp_path_factory.mktemp("other"), n_patches=60, seed=1)


def listed(root: Path, name: str) -> list[tuple[str, int]]:
    lines = (root / "LABELS" / f"{name}.txt").read_text().splitlines()
    return [(path, int(label)) for path, label in (line.split(" ") for line in lines)]


def digest(root: Path) -> dict[str, str]:
    return {
        file.relative_to(root).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(root.rglob("*"))
        if file.is_file()
    }


def table(file: Path) -> list[dict[str, str]]:
    with file.open(newline="") as rows:
        return list(csv.DictReader(rows))


def test_lists_and_patches_agree(sample: Path) -> None:
    everything = listed(sample, "all")
    paths = [path for path, _ in everything]
    folder = sample / "PATCHES"
    on_disk = {file.relative_to(folder).as_posix() for file in folder.rglob("*.jpg")}
    assert len(paths) == len(set(paths)) == N_PATCHES
    assert set(paths) == on_disk
    assert all(PATH.fullmatch(path) for path in paths)
    cameras = [file.stem for file in sample.glob("LABELS/camera*.txt")]
    for names in (SPLITS, WEATHERS, cameras):
        assert sorted(line for name in names for line in listed(sample, name)) == sorted(everything)


def test_weather_and_camera_lists_hold_their_own(sample: Path) -> None:
    for name in (*WEATHERS, *(file.stem for file in sample.glob("LABELS/camera*.txt"))):
        assert all(name in path.lower().split("/") for path, _ in listed(sample, name))


def test_splits_are_disjoint_by_day(sample: Path) -> None:
    days = [{path.split("/")[1] for path, _ in listed(sample, name)} for name in SPLITS]
    assert all(days)
    assert len(set.union(*days)) == sum(map(len, days))


def test_both_classes_everywhere(sample: Path, other: Path) -> None:
    for root in (sample, other):
        for name in (*SPLITS, *WEATHERS):
            assert {label for _, label in listed(root, name)} == {0, 1}, name
        labels = [label for _, label in listed(root, "all")]
        assert 0.3 < np.mean(labels) < 0.7


@pytest.mark.parametrize("n_patches", [60, 500, plan.MAXIMUM])
def test_plan_names_no_capture_twice(n_patches: int) -> None:
    shots = plan.plan(np.random.SeedSequence(0), n_patches)
    captures = {(shot.day, shot.hour, shot.camera) for shot in shots}
    assert len(captures) == len(shots)
    assert sum(shot.n_patches for shot in shots) == n_patches


def test_every_camera_has_slots_enough() -> None:
    for seed in range(3):
        lot = make_lot(np.random.SeedSequence(seed), plan.N_CAMERAS)
        assert all(len(views) >= 14 for views in lot.views)


def test_patches_decode(sample: Path) -> None:
    for path, _ in listed(sample, "all"):
        image = cv2.imread(str(sample / "PATCHES" / path))
        assert image.shape == (150, 150, 3)
        assert image.std() > 0


def test_patches_are_compressed_as_the_dataset(sample: Path) -> None:
    data = (sample / "PATCHES" / listed(sample, "all")[0][0]).read_bytes()
    luma = data[data.index(b"\xff\xdb") + 5 :][:4]
    assert tuple(luma) == (8, 6, 6, 7)


def test_frames_and_slot_maps(sample: Path) -> None:
    labels = table(sample / "FRAMES" / "labels.csv")
    assert {row["occupancy"] for row in labels} == {"0", "1"}
    for name in {row["frame"] for row in labels}:
        assert cv2.imread(str(sample / "FRAMES" / name)).shape == (750, 1000, 3)
        assert re.fullmatch(r"camera\d/\d{4}-\d\d-\d\d_\d{4}\.jpg", name)
    for row in labels:
        boxes = table(sample / "FRAMES" / f"camera{row['camera']}.csv")
        assert row["slot_id"] in {box["SlotId"] for box in boxes}
    for file in sample.glob("FRAMES/camera*.csv"):
        for box in table(file):
            x, y, width, height = (int(box[name]) for name in "XYWH")
            assert 0 <= x < x + width <= FRAME_WIDTH
            assert 0 <= y < y + height <= FRAME_HEIGHT


def test_patch_shows_its_slot_of_the_frame(sample: Path) -> None:
    """A patch is what the frame of the same capture shows in the slot's box."""
    labels = dict(listed(sample, "all"))
    compared = 0
    for row in table(sample / "FRAMES" / "labels.csv"):
        weather, camera, slot = row["weather"], int(row["camera"]), row["slot_id"]
        stem = Path(row["frame"]).stem
        name = f"{weather[0]}_{stem[:13]}.{stem[13:]}_C{camera:02d}_{slot}.jpg"
        path = f"{weather}/{stem[:10]}/camera{camera}/{name}"
        if path not in labels:
            continue
        assert labels[path] == int(row["occupancy"])
        boxes = table(sample / "FRAMES" / f"camera{camera}.csv")
        box = next(box for box in boxes if box["SlotId"] == slot)
        x, y, w, h = (round(int(box[key]) * 1000 / FRAME_WIDTH) for key in "XYWH")
        frame = cv2.imread(str(sample / "FRAMES" / row["frame"]))[y : y + h, x : x + w]
        patch = cv2.imread(str(sample / "PATCHES" / path))
        ours, theirs = (cv2.resize(image, (8, 8)).astype(float) for image in (frame, patch))
        assert np.abs(ours - theirs).mean() < 20
        compared += 1
    assert compared >= 4


def test_same_seed_same_bytes(sample: Path, tmp_path: Path) -> None:
    before = cv2.getNumThreads()
    try:
        cv2.setNumThreads(1)
        again = make_sample(tmp_path / "lot", n_patches=N_PATCHES)
    finally:
        cv2.setNumThreads(before)
    assert digest(again) == digest(sample)


def test_another_seed_other_pictures(sample: Path, other: Path) -> None:
    mine, theirs = digest(sample), digest(other)
    pictures = {value for name, value in mine.items() if name.endswith(".jpg")}
    assert pictures.isdisjoint(theirs.values())


def test_interrupted_build_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[Path] = []
    write_jpeg = write._write_jpeg

    def full_disk(path: Path, *args: object) -> None:
        if len(written) == 5:
            raise OSError("no space left")
        written.append(path)
        write_jpeg(path, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(write, "_write_jpeg", full_disk)
    with pytest.raises(OSError, match="no space left"):
        make_sample(tmp_path / "lot", n_patches=60)
    assert len(written) == 5
    assert list(tmp_path.iterdir()) == []


def test_second_call_does_not_rebuild(sample: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(make, "Writer", None)
    assert make_sample(sample, n_patches=N_PATCHES) == sample


def test_never_overwrites(sample: Path, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="holds the sample"):
        make_sample(sample, n_patches=N_PATCHES, seed=9)
    (tmp_path / "mine.txt").write_text("precious")
    with pytest.raises(DatasetError, match="not a sample"):
        make_sample(tmp_path, n_patches=60)
    assert (tmp_path / "mine.txt").read_text() == "precious"


def test_bad_arguments(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="n_patches=10"):
        make_sample(tmp_path / "lot", n_patches=10)
    with pytest.raises(ValueError, match="n_patches=20000"):
        make_sample(tmp_path / "lot", n_patches=20000)
    with pytest.raises(ValueError, match="seed=-1"):
        make_sample(tmp_path / "lot", seed=-1)
    assert not (tmp_path / "lot").exists()


def test_cache_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CVPARK_CACHE", os.fspath(tmp_path / "cache"))
    path = sample_path(n_patches=60, seed=3)
    assert path.parent == tmp_path / "cache"
    assert path.name == f"sample-v{make.GENERATOR_VERSION}-60-3"
    stamp = (path / "LABELS" / "all.txt").stat().st_mtime_ns
    assert sample_path(n_patches=60, seed=3) == path
    assert (path / "LABELS" / "all.txt").stat().st_mtime_ns == stamp


def test_camera_projects_back_to_the_ground() -> None:
    camera = Camera(1, 3.0, 10.0, 12.0, 30.0, 2500.0, 1.0, 0.0, (1.0, 1.0, 1.0))
    window = Window(400, 900, 300, 300, 6, 6)
    x, y = camera.ground(window.columns(), window.rows(), 500.0)
    points = np.stack([x, y, np.zeros((6, 6))], axis=-1)
    pixels = camera.project(points)
    columns, rows = np.meshgrid(window.columns(), window.rows())
    np.testing.assert_allclose(pixels[..., 0], columns, atol=1e-3)
    np.testing.assert_allclose(pixels[..., 1], rows, atol=1e-3)


def test_it_is_read_like_the_published_dataset(sample: Path) -> None:
    dataset = Dataset(sample)
    assert dataset.default_protocol() == PROTOCOLS["cnr-ext"]
    assert set(dataset.complete_splits()) == set(dataset.split_names())
    everything = dataset.everything()
    facts = everything.metadata()
    assert len(facts) == N_PATCHES
    assert set(facts.weather) == {name.upper() for name in WEATHERS}
    assert set(facts.camera) == {str(number) for number in range(1, plan.N_CAMERAS + 1)}
    for camera in set(facts.camera):
        mapped = {box["SlotId"] for box in table(sample / "FRAMES" / f"camera{camera}.csv")}
        assert set(facts.slot_id[facts.camera == camera]) <= mapped


@pytest.mark.parametrize("family", ["weather", "camera", "cnr-ext"])
def test_protocols_find_their_splits(sample: Path, family: str) -> None:
    dataset = Dataset(sample)
    found = experiments(family, dataset.split_names())
    assert found
    for protocol in found:
        training, test = dataset.split(protocol.train), dataset.split(protocol.test)
        assert not set(training.paths) & set(test.paths)


@pytest.mark.realdata
def test_tables_have_the_published_columns(sample: Path, real_data: Path) -> None:
    ours, theirs = sample / "FRAMES", real_data / "FRAMES"
    for name in ("camera1.csv", "labels.csv"):
        assert list(table(ours / name)[0]) == list(table(theirs / name)[0])
    frame = table(theirs / "labels.csv")[0]["frame"]
    assert re.fullmatch(r"camera\d/\d{4}-\d\d-\d\d_\d{4}\.jpg", frame)


def test_a_drop_blurs_what_is_behind_it_alone() -> None:
    window = Window(0, 0, 128, 128, 128, 128)
    lens = Lens(np.array([[32.0, 32.0, 30.0, 1.0]]), 8.0, 0.0)
    smear = lens.smear(window)
    assert smear is not None
    assert smear[32, 32] == 255
    assert smear[96, 96] == smear[32, 80] == 0
    assert lens.smear(Window(500, 500, 128, 128, 128, 128)) is None
    stripes = np.tile(np.array([40, 200], np.uint8).repeat(4), 16)[None, :, None]
    image = np.ascontiguousarray(np.broadcast_to(stripes, (128, 128, 3)))
    sensor, veil = Sensor(np.random.SeedSequence(0)), np.full(3, 120, np.uint8)
    clear, behind = (
        sensor.expose(
            image, blur=0.0, haze=0.0, veil=veil, noise=0.0, smear=each, smear_blur=8.0,
            rng=np.random.default_rng(0),
        )
        for each in (None, smear)
    )  # fmt: skip
    np.testing.assert_array_equal(clear[80:], behind[80:])
    assert behind[28:36, 28:36].std() < 0.1 * clear[28:36, 28:36].std()


@pytest.mark.slow
def test_models_of_photographs_know_it_and_it_is_not_too_easy() -> None:
    split = Dataset(sample_path()).split("all")
    images = [read_image(file) for file in split.files]
    accuracy = {
        name: (load_model(name).predict(images) == split.labels).mean()
        for name in ("svm-linear", "gbdt", "svm", "cnn")
    }
    assert accuracy["svm"] >= 0.93
    assert accuracy["cnn"] >= 0.93
    assert accuracy["svm-linear"] < accuracy["svm"]
    assert max(accuracy.values()) <= 0.995
