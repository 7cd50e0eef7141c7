"""The official experiments: trained on one part of the data, tested on others."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from cvpark.cli import _protocols
from cvpark.datasets import PROTOCOLS, Dataset
from cvpark.evaluation import experiments, read_measurements
from cvpark.exceptions import DatasetError


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_families_are_the_official_experiments():
    assert [each.name for each in experiments("weather")] == ["sunny", "overcast", "rainy"]
    assert [each.name for each in experiments("camera")] == ["camera1", "camera8"]
    for name, protocol in PROTOCOLS.items():
        assert experiments(name) == [protocol]
    with pytest.raises(DatasetError, match="no protocol 'wether'; there are: weather, camera"):
        experiments("wether")


def test_of_a_family_what_the_data_have_is_left():
    (only,) = experiments("camera", ["camera1", "camera2", "camera3", "val"])
    assert (only.train, only.test) == ("camera1", "camera2+camera3")
    with pytest.raises(DatasetError, match="no lists"):
        experiments("weather", ["sunny"])


def test_weather_trains_on_each_and_tests_on_the_others(run, sample):
    status, out, err = run("compare", "svm-linear", "--protocol", "weather", "--data", sample)
    assert status == 0, err
    document = json.loads(Path("protocol-weather/matrix.json").read_text())
    found = {
        (each["train"]["split"], cell["test"]): cell
        for each in document["experiments"]
        for cell in each["cells"]
    }
    weathers = ("sunny", "overcast", "rainy")
    assert set(found) == {(a, b) for a in weathers for b in weathers if a != b}
    dataset = Dataset(sample)
    for (_, test), cell in found.items():
        split = dataset.split(test)
        assert cell["n_patches"] == len(split)
        assert cell["n_busy"] == split.labels.sum()
        assert cell["models"]["svm-linear"]["accuracy"] > 0.8
        low, high = cell["models"]["svm-linear"]["interval"]
        assert low <= cell["models"]["svm-linear"]["accuracy"] <= high
    assert document["models"] == ["svm-linear", "majority", "position"]
    rows = [line.split() for line in out.splitlines()[:4]]
    assert rows[0] == ["svm-linear", *weathers]
    assert [row[0] for row in rows[1:]] == list(weathers)
    assert f"{found['sunny', 'rainy']['models']['svm-linear']['accuracy']:.4f}" in rows[3]


def test_figures_follow_from_the_kept_scores_of_models_that_never_saw_the_patches(run, sample):
    status, out, err = run(
        "compare", "svm-linear", "--protocol", "sunny", "--data", sample, "--format", "json",
        "--out", "kept",
    )  # fmt: skip
    assert status == 0, err
    document = json.loads(out)
    measured = read_measurements("kept/sunny")
    dataset = Dataset(sample)
    measured.check_split(dataset.split("overcast+rainy"))
    scores, (model,) = measured.scores, measured.info["models"]
    right = (scores["svm-linear"] >= model["threshold"]) == scores.occupancy
    for cell in document["experiments"][0]["cells"]:
        rows = scores.weather == cell["test"].upper()
        assert cell["models"]["svm-linear"]["accuracy"] == pytest.approx(right[rows].mean())
    assert model["seen"] == []
    assert model["card"]["training"]["split"] == "sunny"


def test_what_was_trained_is_kept_and_not_trained_again(run, sample, monkeypatch):
    from cvpark.evaluation import _protocols as protocols

    command = ["compare", "svm-linear", "gbdt", "--protocol", "weather", "--data", sample]
    command += ["--out", "kept"]
    whole = protocols.train_protocol
    trained = []

    def interrupted(kind, *arguments, **options):
        if len(trained) == 3:
            raise KeyboardInterrupt
        trained.append(kind)
        return whole(kind, *arguments, **options)

    monkeypatch.setattr(protocols, "train_protocol", interrupted)
    assert run(*command)[0] == 130
    assert sorted(str(file) for file in Path("kept").glob("*/*.cvpark")) == [
        "kept/overcast/svm-linear.cvpark",
        "kept/sunny/gbdt.cvpark",
        "kept/sunny/svm-linear.cvpark",
    ]
    trained.clear()
    status, first, err = run(*command)
    assert status == 0, err
    assert len(trained) == 3  # the other half
    trained.clear()
    monkeypatch.setattr(protocols, "measure", lambda *_, **__: pytest.fail("measured again"))
    assert run(*command)[1] == first
    assert trained == []


def test_another_seed_trains_anew(run, sample, monkeypatch):
    command = ["compare", "svm-linear", "--protocol", "sunny", "--data", sample, "--out", "kept"]
    assert run(*command)[0] == 0
    before = read_measurements("kept/sunny").info["models"][0]["card"]["identity"]
    status, _, err = run(*command, "--seed", "1")
    assert status == 0
    assert "training svm-linear" in err
    after = read_measurements("kept/sunny").info["models"][0]["card"]["identity"]
    assert (before["seed"], after["seed"]) == (0, 1)


def test_damaged_models_are_trained_anew(run, sample):
    command = ["compare", "svm-linear", "--protocol", "sunny", "--data", sample, "--out", "kept"]
    status, first, _ = run(*command)
    assert status == 0
    Path("kept/sunny/svm-linear.cvpark").write_bytes(b"cut off")
    status, second, err = run(*command)
    assert status == 0
    assert "training svm-linear" in err
    assert second == first


def test_a_test_split_that_was_trained_on_is_refused(run, write_dataset):
    path = "SUNNY/2015-11-{:02d}/camera1/S_2015-11-{:02d}_12.48_C01_{}.jpg"
    lines = [path.format(d, d, slot) + f" {slot % 2}" for d in range(1, 11) for slot in (1, 2)]
    lists = {"LABELS/sunny.txt": lines, "LABELS/overcast.txt": lines, "LABELS/rainy.txt": lines}
    status, _, err = run("compare", "--protocol", "sunny", "--data", write_dataset(lists))
    assert status == 1
    assert "patches are in both 'sunny' and 'overcast+rainy'" in err


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["mine.cvpark"], "'mine.cvpark' is none of svm, svm-linear, gbdt"),
        (["--against", "cnn"], "takes no --against"),
        (["--split", "val"], "takes no --split"),
        (["--min-accuracy", "svm=0.9"], "takes no --min-accuracy"),
        (["--quick"], "takes no --quick"),
    ],
)
def test_what_has_no_meaning_with_a_protocol_is_wrong_usage(run, arguments, complaint):
    status, _, err = run("compare", "--protocol", "weather", *arguments)
    assert status == 2
    assert complaint in err


def test_features_of_another_folder_are_used(run, sample, monkeypatch):
    assert run("extract", "mine", "--data", sample)[0] == 0
    monkeypatch.setattr(_protocols, "extract_splits", lambda *_: pytest.fail("extracted again"))
    status, _, err = run(
        "compare", "svm-linear", "--protocol", "rainy", "--data", sample, "--features", "mine"
    )
    assert status == 0, err


@pytest.mark.realdata
@pytest.mark.slow
def test_cnrpark_odd_slots_tell_of_even_ones(run, real_data):
    status, out, err = run(
        "compare", "svm-linear", "--protocol", "cnrpark-odd-even", "--data", real_data,
        "--allow-missing", "--format", "json",
    )  # fmt: skip
    assert status == 0, err
    (experiment,) = json.loads(out)["experiments"]
    (cell,) = experiment["cells"]
    assert cell["test"] == "cnrpark-even"
    assert cell["cluster"] == "slot"  # two camera-days are too few
    assert cell["models"]["svm-linear"]["accuracy"] > 0.85
    assert np.ptp(cell["models"]["svm-linear"]["interval"]) > 0
