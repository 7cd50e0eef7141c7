"""Descriptors on disk: resumed, verified, never half written."""

from __future__ import annotations

import json

import numpy as np
import pytest

from cvpark.exceptions import DatasetError, SplitMismatchError
from cvpark.features import Descriptor, FeatureStore, HOGExtractor, _store

PATHS = [f"{number}.jpg" for number in range(10)]


@pytest.fixture(autouse=True)
def _small_parts(monkeypatch):
    monkeypatch.setattr(_store, "_PART", 4)


def patch_of(path):
    return np.random.default_rng(int(path.split(".")[0])).integers(0, 256, (70, 70, 3), np.uint8)


def descriptor():
    return Descriptor(extractors=["color"], size=32)


def test_rows_are_the_descriptors_of_the_patches_asked_for(tmp_path):
    store = FeatureStore(tmp_path)
    store.extend(PATHS, patch_of, descriptor(), n_jobs=2)
    asked = ["7.jpg", "0.jpg", "7.jpg"]
    expected = descriptor().fit().transform([patch_of(path) for path in asked])
    np.testing.assert_array_equal(FeatureStore(tmp_path).matrix(asked), expected)


def test_an_interrupted_run_goes_on_where_it_stopped(tmp_path):
    def interrupted(path):
        if path == "6.jpg":
            raise KeyboardInterrupt
        return patch_of(path)

    with pytest.raises(KeyboardInterrupt):
        FeatureStore(tmp_path).extend(PATHS, interrupted, descriptor(), n_jobs=1)
    assert not list(tmp_path.glob(".*")), "nothing half written is left"
    read = []
    store = FeatureStore(tmp_path)
    assert len(store) == 4
    store.extend(PATHS, lambda path: read.append(path) or patch_of(path), descriptor(), n_jobs=1)
    assert read == PATHS[4:]
    assert len(FeatureStore(tmp_path)) == 10


def broken(path):
    if path == "3.jpg":
        raise DatasetError(f"{path}: truncated")
    return patch_of(path)


def test_a_broken_patch_stops_the_run_or_is_listed(tmp_path):
    with pytest.raises(DatasetError, match=r"3\.jpg"):
        FeatureStore(tmp_path / "a").extend(PATHS, broken, descriptor())
    store = FeatureStore(tmp_path / "b")
    assert store.extend(PATHS, broken, descriptor(), on_error="skip") == {
        "3.jpg": "3.jpg: truncated"
    }
    assert list(FeatureStore(tmp_path / "b").skipped) == ["3.jpg"]
    assert len(store) == 9
    store.extend(PATHS, patch_of, descriptor())  # repaired
    assert FeatureStore(tmp_path / "b").skipped == {}


def test_another_descriptor_or_split_is_refused(tmp_path):
    store = FeatureStore(tmp_path)
    store.extend(PATHS, patch_of, descriptor(), splits={"val": "aaaa"})
    with pytest.raises(SplitMismatchError, match="another descriptor"):
        FeatureStore(tmp_path).extend(PATHS, patch_of, Descriptor(extractors=["lbp"], size=32))
    with pytest.raises(SplitMismatchError, match="another split 'val'"):
        FeatureStore(tmp_path).extend(PATHS, patch_of, descriptor(), splits={"val": "bbbb"})
    with pytest.raises(SplitMismatchError, match="10 of the 11 patches"):
        store.matrix([*PATHS, "unknown.jpg"])


def test_a_full_disk_names_the_file_and_keeps_what_was_written(tmp_path, monkeypatch):
    store = FeatureStore(tmp_path)
    store.extend(PATHS[:4], patch_of, descriptor())

    def full(stream, **arrays):
        stream.write(b"half a file")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(OSError, match="No space left") as raised:
        FeatureStore(tmp_path).extend(PATHS, patch_of, descriptor())
    assert raised.value.filename.endswith("part-00001.npz")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["part-00000.npz", "store.json"]


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"schema_version": 99}'])
def test_what_is_no_store_is_refused(tmp_path, content):
    (tmp_path / "store.json").write_text(content)
    with pytest.raises(DatasetError, match=r"store\.json"):
        FeatureStore(tmp_path)


def test_a_damaged_part_is_named(tmp_path):
    FeatureStore(tmp_path).extend(PATHS, patch_of, descriptor())
    (tmp_path / "part-00001.npz").write_bytes(b"PK nonsense")
    with pytest.raises(DatasetError, match=r"part-00001\.npz: damaged"):
        FeatureStore(tmp_path)


def test_the_description_is_readable_json(tmp_path):
    FeatureStore(tmp_path).extend(PATHS, patch_of, descriptor(), splits={"val": "aaaa"})
    meta = json.loads((tmp_path / "store.json").read_text())
    assert meta["splits"] == {"val": "aaaa"}
    assert meta["descriptor"]["size"] == 32


def test_a_descriptor_with_pairs_is_known_again(tmp_path):
    descriptor = Descriptor(extractors=[HOGExtractor(pixels_per_cell=(8, 16))], size=32)
    for _ in range(2):
        FeatureStore(tmp_path).extend(PATHS, patch_of, descriptor)
