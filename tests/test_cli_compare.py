"""cvpark compare as its user and his continuous integration meet it."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_gates_that_are_met_change_nothing(run, sample):
    status, out, err = run(
        "compare", "svm-linear", "--data", sample, "--quick", "--min-accuracy", "svm-linear=0.5",
        "--max-ratio", "svm-linear/cnn=100",
    )  # fmt: skip
    assert status == 0, err
    assert "gate not met" not in err
    assert out


def test_unmet_gates_have_status_three_and_a_line_each(run, sample):
    status, out, err = run(
        "compare", "svm-linear", "--data", sample, "--quick", "--min-accuracy", "svm-linear=1",
        "--min-accuracy", "cnn=0.5", "--max-ratio", "svm-linear/cnn=0.001", "--format", "json",
        "--out", "kept",
    )  # fmt: skip
    assert status == 3
    complaints = [line for line in err.splitlines() if line.startswith("gate not met: ")]
    assert len(complaints) == 2
    accuracy = json.loads(out)["models"][0]["accuracy"]
    assert f"accuracy of svm-linear is {accuracy:.4f}" in complaints[0]
    assert "times that of cnn" in complaints[1]
    assert json.loads(Path("kept/comparison.json").read_text()) == json.loads(out)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--min-accuracy", "svm"], "expected MODEL=SHARE"),
        (["--min-accuracy", "smv=0.9"], "no model 'smv' is compared, but svm"),
        (["--max-ratio", "svm/cnm=1"], "expected two of the models compared, svm"),
        (["--quick", "--threads", "2"], "takes no --threads"),
    ],
)
def test_wrong_usage_is_told_before_anything_is_measured(
    run, sample, monkeypatch, arguments, complaint
):
    from cvpark import evaluation

    monkeypatch.setattr(evaluation, "measure", lambda *_, **__: pytest.fail("measured"))
    status, _, err = run("compare", "svm", "--data", sample, *arguments)
    assert status == 2
    assert complaint in err


def test_what_was_measured_is_kept_should_the_report_fail(run, sample, monkeypatch):
    from cvpark import reporting
    from cvpark.evaluation import read_measurements

    def full(*_, **__):
        raise OSError(28, "No space left on device", "report.html")

    monkeypatch.setattr(reporting, "write_report", full)
    command = ("compare", "svm-linear", "--data", sample, "--quick", "--out", "kept")
    status, _, err = run(*command)
    assert status == 1
    assert "report.html: No space left" in err
    assert read_measurements("kept").names == ["svm-linear", "cnn"]


def test_files_of_one_stem_or_of_a_column_go_by_what_was_typed(run, sample):
    from cvpark.models import shipped_models

    content = shipped_models()["svm-linear"].read_bytes()
    for name in ("svm-linear.cvpark", "camera.cvpark"):
        Path(name).write_bytes(content)
    status, out, err = run(
        "compare", "svm-linear", "svm-linear.cvpark", "camera.cvpark", "--data", sample,
        "--quick", "--format", "json", "--max-ratio", "svm-linear.cvpark/svm-linear=50",
    )  # fmt: skip
    assert status == 0, err
    models = json.loads(out)["models"]
    names = [model["name"] for model in models]
    assert names == ["svm-linear", "svm-linear.cvpark", "camera.cvpark", "cnn"]
    assert len({model["accuracy"] for model in models[:3]}) == 1


def test_a_mistyped_model_is_told_before_another_is_trained(run, sample, monkeypatch):
    from cvpark.cli import compare
    from cvpark.models import _registry

    module = sys.modules["cvpark.cli.compare"] if callable(compare) else compare
    monkeypatch.setitem(_registry._SHIPPED, "svm", "taken-away.cvpark")
    monkeypatch.setattr(module, "train_models", lambda *_, **__: pytest.fail("trained"))
    status, _, err = run("compare", "svm", "gone.cvpark", "--data", sample)
    assert status == 1
    assert "gone.cvpark: no such file" in err


@pytest.mark.slow
def test_stock_adds_the_same_classifiers_on_descriptors_of_scikit_image(run, sample):
    status, out, err = run(
        "compare", "svm-linear", "--against", "stock", "--data", sample, "--quick",
        "--format", "json", "--max-ratio", "svm-linear/stock-svm-linear=1",
    )  # fmt: skip
    assert status == 0, err
    models = {model["name"]: model for model in json.loads(out)["models"]}
    assert list(models) == ["svm-linear", "cnn", "stock-svm-linear"]
    assert models["stock-svm-linear"]["accuracy"] > 0.7


@pytest.mark.slow
def test_the_sample_is_compared_within_a_minute(run, sample):
    start = time.perf_counter()
    status, out, err = run("compare", "--format", "json")
    spent = time.perf_counter() - start
    assert status == 0, err
    document = json.loads(out)
    if not document["environment"]["busy"]:
        assert spent < 60
    for model in document["models"]:
        assert {"single_stream", "frame", "offline"} <= model["latency_us"].keys()
        assert model["cold_start_s"] > 0
        assert model["stages_us"]
    assert {baseline["name"] for baseline in document["baselines"]} == {"majority", "position"}
