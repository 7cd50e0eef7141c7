"""Models as ONNX, checked by the runtime others would use."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest

from cvpark.features import Descriptor
from cvpark.models import Isotonic, load_estimator, load_model, to_onnx

onnxruntime = pytest.importorskip("onnxruntime")
pytest.importorskip("onnx")


@pytest.fixture(scope="module")
def patches(sample):
    from cvpark.datasets import Dataset, read_image

    return [read_image(file) for file in Dataset(sample).split("val").files[:120]]


@pytest.mark.parametrize("name", ["svm", "svm-linear", "gbdt"])
def test_an_exported_classifier_gives_what_the_model_gives(run, patches, name, tmp_path):
    file = tmp_path / "x.onnx"
    status, out, err = run("export", name, "--format", "onnx", "--out", file)
    assert (status, out.strip()) == (0, str(file)), err
    model = load_model(name)
    descriptor = Descriptor.from_config(model.card["descriptor"]).fit()
    session = onnxruntime.InferenceSession(file)
    given = {"descriptor": descriptor.transform(patches)}
    score, probability, occupancy = session.run(["score", "probability", "occupancy"], given)
    assert np.abs(score[:, 0] - model.decision_function(patches)).max() < 2e-5
    assert np.abs(probability[:, 0] - model.predict_proba(patches)[:, 1]).max() < 1e-5
    np.testing.assert_array_equal(occupancy[:, 0], model.predict(patches))
    np.testing.assert_allclose(
        score[:, 0], load_estimator(name).decision_function(patches), atol=1e-4
    )
    facts = json.loads(session.get_modelmeta().custom_metadata_map["cvpark"])
    assert facts["descriptor"] == model.card["descriptor"]


def test_an_exported_isotonic_calibration_gives_what_the_model_gives(patches):
    model = load_model("svm-linear")
    scores = model.decision_function(patches)
    knots = np.unique(np.quantile(scores, np.linspace(0.1, 0.9, 41)))
    heights = np.repeat(np.linspace(0.01, 0.98, 21), 2)[: knots.size]  # half of the lines level
    model.calibration, model.threshold_ = Isotonic(knots, heights), 0.4
    session = onnxruntime.InferenceSession(to_onnx(model))
    X = Descriptor.from_config(model.card["descriptor"]).fit().transform(patches)
    score, probability, occupancy = session.run(None, {"descriptor": X})
    expected = np.interp(score[:, 0], knots, heights)
    assert 0 < occupancy.mean() < 1
    np.testing.assert_allclose(probability[:, 0], expected, rtol=0, atol=1e-12)
    np.testing.assert_array_equal(occupancy[:, 0], expected >= 0.4)


def test_a_cnn_is_not_exported(run):
    status, _, err = run("export", "cnn")
    assert status == 1
    assert "classical models only" in err


def test_the_extra_is_named_where_it_is_missing(run, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "onnx", None)
    status, _, err = run("export", "svm-linear", "--out", tmp_path / "x.onnx")
    assert status == 1
    assert "cvpark[onnx]" in err
    assert not list(tmp_path.iterdir())
