"""Lists and names to splits."""

from __future__ import annotations

import subprocess

import numpy as np
import pytest

from cvpark.datasets import PROTOCOLS, Dataset, Split, fingerprint, get_protocol
from cvpark.exceptions import DatasetError

A = "SUNNY/2015-11-22/camera1/S_2015-11-22_12.48_C01_312.jpg"
B = "SUNNY/2015-11-22/camera2/S_2015-11-22_13.18_C02_312.jpg"
C = "RAINY/2016-02-12/camera1/R_2016-02-12_09.10_C01_191.jpg"
P = "A/busy/20150703_1410_33.jpg"
Q = "B/free/20150708_1150_43.jpg"


@pytest.fixture
def dataset(write_dataset):
    lists = {
        "LABELS/all.txt": [f"{A} 1", f"{B} 0", f"{C} 1"],
        "LABELS/train.txt": [f"{A} 1", f"{B} 0"],
        "LABELS/test.txt": [f"{C} 1"],
        "LABELS/camera1.txt": [f"{C} 1", f"{A} 1"],
        "CNRPark/all.txt": [f"{P} 1", f"{Q} 0"],
    }
    return Dataset(write_dataset(lists))


def test_split_keeps_list_order_and_labels(dataset):
    split = dataset.split("train")
    assert split.paths == (A, B)
    assert split.labels.tolist() == [1, 0]
    assert all(file.is_file() for file in split.files)


def test_expressions_unite_and_intersect(dataset):
    assert dataset.split("train&camera1").paths == (A,)
    assert dataset.split("cnrpark+train&camera1").paths == (P, Q, A)
    assert dataset.split("camera1+train").paths == (C, A, B)  # each patch once


def test_cnrpark_cameras_are_parts_of_its_list(dataset):
    assert dataset.split("cnrpark-a").paths == (P,)
    assert dataset.split("cnrpark-b").paths == (Q,)


def test_fingerprint_is_that_of_the_sorted_file(dataset):
    listed = sorted((dataset.root / "LABELS/all.txt").read_bytes().splitlines(keepends=True))
    digest = subprocess.run(["sha256sum"], input=b"".join(listed), capture_output=True, check=True)
    assert dataset.split("all").fingerprint == digest.stdout.split()[0].decode()


def test_fingerprint_tells_labels_apart():
    assert fingerprint(["a 0"]) != fingerprint(["a 1"])


def test_metadata_of_both_naming_schemes(dataset):
    table = dataset.split("cnrpark+train").metadata()
    expected = {
        "path": A, "occupancy": 1, "camera": "1", "weather": "SUNNY",
        "day": "2015-11-22", "time": "12:48", "slot_id": "312",
    }  # fmt: skip
    assert table.iloc[2].to_dict() == expected
    assert table.iloc[0][["camera", "day", "time", "slot_id"]].tolist() == [
        "A", "2015-07-03", "14:10", "33",
    ]  # fmt: skip


def test_groups_are_camera_days(dataset):
    first, second, third = dataset.split("all").groups()
    assert len({first, second, third}) == 3
    same = Split("x", (A, A.replace("12.48", "13.48")), np.zeros(2, np.uint8))
    assert len(set(same.groups())) == 1


def test_foreign_names_have_no_metadata():
    with pytest.raises(DatasetError, match="not named like"):
        Split("x", ("holiday.jpg",), np.zeros(1, np.uint8)).metadata()


def test_missing_patches_are_counted_and_need_consent(write_dataset):
    dataset = Dataset(write_dataset({"LABELS/val.txt": [f"{A} 1", f"{B} 0"]}, missing=(B,)))
    with pytest.raises(DatasetError, match=r"1 of 2 patches .* --allow-missing"):
        dataset.split("val")
    split = dataset.split("val", allow_missing=True)
    assert (len(split), split.n_listed) == (1, 2)
    assert dataset.complete_splits() == []


def test_a_split_without_any_patch_is_an_error_even_with_consent(write_dataset):
    dataset = Dataset(write_dataset({"LABELS/val.txt": [f"{A} 1"]}, missing=(A,)))
    with pytest.raises(DatasetError, match="none of its 1 listed"):
        dataset.split("val", allow_missing=True)


def test_unknown_names_are_answered_with_the_known(dataset):
    with pytest.raises(DatasetError, match="did you mean train"):
        dataset.split("tran")
    with pytest.raises(DatasetError, match="cnr-ext"):
        get_protocol("nonsense")


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("a.jpg", r"all\.txt:2: expected 'path label'"),
        ("a.jpg 2", "label 0 .free. or 1 .busy."),
        ("../a.jpg 1", "leaves the data folder"),
        ("/a.jpg 1", "leaves the data folder"),
        (f"{A} 0", "the other label"),
    ],
)
def test_malformed_lines_name_file_and_line(write_dataset, line, complaint):
    root = write_dataset({"LABELS/all.txt": [f"{A} 1"]})
    with (root / "LABELS/all.txt").open("a") as file:
        file.write(line + "\n")
    with pytest.raises(DatasetError, match=complaint):
        Dataset(root).split("all")


def test_contradicting_lists_are_refused(write_dataset):
    dataset = Dataset(write_dataset({"LABELS/a.txt": [f"{A} 1"], "LABELS/b.txt": [f"{A} 0"]}))
    with pytest.raises(DatasetError, match="0 in one list and 1 in another"):
        dataset.split("a+b")


def test_folders_that_are_no_dataset(tmp_path):
    with pytest.raises(DatasetError, match="no such folder"):
        Dataset(tmp_path / "nowhere")
    with pytest.raises(DatasetError, match="published"):
        Dataset(tmp_path)


def test_default_protocol_is_the_half_only_where_the_whole_is_missing(write_dataset):
    lists = {
        "LABELS/train.txt": [f"{A} 1", f"{B} 0"],
        "LABELS/train-half.txt": [f"{A} 1"],
    }
    assert Dataset(write_dataset(lists)).default_protocol().name == "cnr-ext"
    (Dataset(write_dataset(lists)).locate(B)).unlink()
    assert Dataset(write_dataset(lists, missing=(B,))).default_protocol().name == "train-half"


def test_protocols_are_the_official_experiments():
    assert {"cnr-ext", "cnrpark", "cnrpark+cnr-ext", "camera1", "camera8"} < PROTOCOLS.keys()
    assert PROTOCOLS["camera8"].test.split("+") == [f"camera{k}" for k in (*range(1, 8), 9)]
    assert PROTOCOLS["rainy"].test == "sunny+overcast"


@pytest.mark.realdata
def test_real_splits_have_the_published_sizes(real_data):
    dataset = Dataset(real_data)
    val = dataset.split("val")
    assert (len(val), int(val.labels.sum())) == (18_647, 13_415)
    assert val.metadata().day.nunique() == 3
    train = dataset.split("train", allow_missing=True)
    assert train.n_listed == 94_493
    assert not set(train.metadata().day) & set(val.metadata().day)
    assert dataset.about()["name"] == "CNRPark+EXT"
    names = {f"camera{k}" for k in range(1, 10)} | {"sunny", "overcast", "rainy", "test"}
    assert names | {"cnrpark-odd", "cnrpark-even", "cnrpark-a"} < set(dataset.split_names())
