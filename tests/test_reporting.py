"""Reports: the verdict, what the files hold, and that names stay text."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import cv2
import numpy as np
import pytest
from scipy.stats import binomtest

from cvpark.cli._output import wants_color
from cvpark.cli.report import _FORMATS
from cvpark.datasets import Dataset
from cvpark.evaluation import Comparison, summarize, write_measurements
from cvpark.exceptions import DatasetError, SplitMismatchError
from cvpark.reporting import (
    FILES,
    render_csv,
    render_html,
    render_json,
    render_markdown,
    render_pareto_png,
    render_table,
    write_report,
)
from cvpark.reporting._curves import reliability_curve, roc_curve, wilson
from cvpark.reporting._pictures import disagreements, mistakes
from cvpark.reporting._plots import frontier
from cvpark.reporting._svg import Axis
from cvpark.reporting._verdict import judge

from . import made_up

EVIL = "<script>alert(1)</script>\"'><img src=http://x.example/a onerror=alert(1)>|`*\n\x1b[2J"


@pytest.fixture(scope="module")
def comparison():
    return made_up.comparison()


@pytest.fixture(scope="module")
def split(sample):
    return Dataset(sample).split("val")


@pytest.fixture(scope="module")
def pictured(split):
    """A comparison on patches that are there."""
    return made_up.comparison(split)


# The verdict ---------------------------------------------------------------------------------


def document(models, gaps, reference="cnn"):
    """name -> (accuracy, p50, ratio to the reference and its interval), and differences to it."""
    described = []
    for name, (accuracy, p50, times) in models.items():
        ratios = {reference: dict(zip(("ratio", "interval"), times, strict=True))} if times else {}
        latency = {"p50": p50, "intervals": {"p50": [p50 - 1, p50 + 1]}, "ratio_to": ratios}
        described.append({
            "name": name, "kind": name.split("-")[0], "accuracy": accuracy,
            "intervals": {"accuracy": {"clustered": [accuracy - 0.01, accuracy + 0.01]}},
            "latency_us": {"single_stream": latency},
        })  # fmt: skip
    pairs = [
        {"first": first, "second": second, "difference": difference, "interval": interval}
        for (first, second), (difference, interval) in gaps.items()
    ]
    return {"models": described, "pairs": pairs, "reference": reference,
            "split": {"name": "val", "n_patches": 1000}}  # fmt: skip


def said(*args, **options):
    return [text.replace("\N{NO-BREAK SPACE}", " ") for text in judge(document(*args, **options))]


CNN = (0.99, 100.0, None)
FAST = (0.5, [0.45, 0.55])


@pytest.mark.parametrize(
    ("interval", "claim"),
    [
        ([-0.03, -0.01], "svm (98.00 %) is right less often than cnn (99.00 %)"),
        ([-0.02, 0.01], "the accuracies of svm (98.00 %) and cnn (99.00 %) cannot be told apart"),
        ([0.01, 0.02], "svm (98.00 %) is right more often than cnn (99.00 %)"),
    ],
)
def test_the_verdict_on_accuracy_follows_the_interval(interval, claim):
    accuracy, _ = said({"svm": (0.98, 50.0, FAST), "cnn": CNN}, {("svm", "cnn"): (-0.01, interval)})
    assert claim in accuracy
    assert "the difference is −1.00 percentage points" in accuracy


@pytest.mark.parametrize(
    ("times", "claim"),
    [
        ((0.5, [0.4, 0.6]), "svm is faster than cnn"),
        ((1.02, [0.97, 1.06]), "svm is about as fast as cnn"),
        ((3.0, [2.9, 3.1]), "svm is slower than cnn"),
    ],
)
def test_the_verdict_on_latency_follows_the_interval_of_the_ratio(times, claim):
    gaps = {("svm", "cnn"): (0.0, [-0.01, 0.01])}
    _, latency = said({"svm": (0.99, 50.0, times), "cnn": CNN}, gaps)
    assert claim in latency
    low, high = times[1]
    assert f"{times[0]:.2f} times the time (95 % interval {low:.2f} to {high:.2f})" in latency


def test_the_verdict_is_on_the_fastest_that_is_not_worse():
    models = {"svm": (0.99, 80.0, FAST), "linear": (0.95, 20.0, FAST), "gbdt": (0.985, 60.0, FAST),
              "cnn": CNN}  # fmt: skip
    level, worse = (0.0, [-0.01, 0.01]), (-0.04, [-0.05, -0.03])
    gaps = {("svm", "cnn"): level, ("linear", "cnn"): worse, ("gbdt", "cnn"): level}
    assert all("gbdt" in sentence for sentence in said(models, gaps))


def test_where_all_are_worse_the_nearest_is_named():
    models = {"svm": (0.97, 80.0, FAST), "linear": (0.95, 20.0, FAST), "cnn": CNN}
    worse = (-0.02, [-0.03, -0.01])
    accuracy, latency = said(models, {("svm", "cnn"): worse, ("linear", "cnn"): worse})
    assert "no model is right as often as cnn (99.00 %), svm (97.00 %) comes nearest" in accuracy
    assert "svm is faster" in latency


def test_a_pair_stored_the_other_way_is_turned():
    accuracy, _ = said(
        {"cnn": CNN, "svm": (0.98, 50.0, FAST)}, {("cnn", "svm"): (0.01, [0.005, 0.02])}
    )
    assert "is right less often" in accuracy
    assert "−1.00 percentage points, 95 % interval −2.00 to −0.50" in accuracy


def test_stock_is_no_challenger_where_there_is_another():
    level = (0.0, [-0.01, 0.01])
    models = {"stock-svm": (0.99, 10.0, FAST), "svm": (0.99, 50.0, FAST), "cnn": CNN}
    gaps = {("stock-svm", "cnn"): level, ("svm", "cnn"): level}
    assert all("stock" not in sentence for sentence in said(models, gaps))


def test_without_a_cnn_the_most_accurate_takes_its_place():
    models = {"svm": (0.99, 80.0, None), "gbdt": (0.98, 60.0, None)}
    accuracy, latency = said(models, {("svm", "gbdt"): (0.01, [0.005, 0.02])}, reference=None)
    assert "gbdt (98.00 %) is right less often than svm (99.00 %)" in accuracy
    assert "60.0 µs against 80.0 µs at the median, 0.75 times the time." in latency


def test_too_few_groups_for_an_interval_are_no_proof():
    accuracy, _ = said({"svm": (0.9, 50.0, FAST), "cnn": CNN}, {("svm", "cnn"): (-0.09, None)})
    assert "cannot be told apart" in accuracy
    assert "too few groups for an interval" in accuracy


def test_one_model_alone():
    accuracy, latency = said({"svm": (0.9, 50.0, None)}, {}, reference=None)
    assert "svm is right in 90.00 % (95 % interval 89.00 to 91.00 %)" in accuracy
    assert "50.0 µs at the median (95 % interval 49.0 to 51.0)" in latency


# HTML ----------------------------------------------------------------------------------------


class Page(HTMLParser):
    """Elements with their attributes, and the text of cells."""

    VOID = frozenset(("meta", "link", "img", "br", "hr", "input"))

    def __init__(self, html):
        super().__init__()
        self.elements, self.open, self.text = [], [], []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.text.append(data)

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


def test_the_page_is_well_formed_and_needs_nothing_from_elsewhere(pictured, split):
    page = Page(render_html(pictured, locate=split.locate))
    assert page.open == []
    assert not page.all("script")
    for tag, attributes in page.elements:
        assert not any(name.startswith("on") for name in attributes), tag
        assert "style" not in attributes, "the content security policy forbids it"
        for name in ("src", "href", "xlink:href", "action", "data"):
            assert attributes.get(name, "#").startswith(("data:", "#")), (tag, attributes)


def test_the_policy_allows_this_style_sheet_and_nothing_else(comparison):
    html = render_html(comparison)
    style = re.search(r"<style>(.*?)</style>", html, re.DOTALL)[1]
    assert not re.search(r"url\(|@import", style)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = next(
        meta["content"]
        for meta in Page(html).all("meta")
        if meta.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy.startswith("default-src 'none'; img-src data:;")
    assert f"style-src 'sha256-{digest}'" in policy


def test_the_page_can_be_read_without_seeing_it(pictured, split):
    page = Page(render_html(pictured, locate=split.locate))
    for picture in page.all("img"):
        assert re.match(r"A (free|busy) slot, camera .*; wrong: ", picture["alt"])
    for drawing in page.all("svg"):
        named = drawing.get("role") == "img" and drawing.get("aria-label")
        assert named or drawing.get("aria-hidden") == "true"
    assert all(head.get("scope") for head in page.all("th"))
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(set(ids)) == len(ids)
    wanted = {link["href"][1:] for link in page.all("a")}
    wanted |= {a["aria-labelledby"] for _, a in page.elements if "aria-labelledby" in a}
    assert wanted <= set(ids)
    assert page.all("html") == [{"lang": "en"}]


def test_the_page_tells_the_figures_of_the_document(comparison):
    text = " ".join(Page(render_html(comparison)).text).replace("\N{NO-BREAK SPACE}", " ")
    for sentence in judge(comparison.document):
        assert sentence.replace("\N{NO-BREAK SPACE}", " ") in text
    for model in comparison.document["models"]:
        assert f"{100 * model['accuracy']:.2f} %" in text
        assert f"{model['mcc']:.4f}" in text
        assert f"{model['latency_us']['frame_2_threads']['p50']:.1f}"[:3] in text
        low, high = model["intervals"]["accuracy"]["clustered"]
        assert f"{100 * low:.2f} to {100 * high:.2f} %" in text
    for pair in comparison.document["pairs"]:
        assert f"{pair['only_first_right']:,}" in text
    assert comparison.document["split"]["fingerprint"] in text
    assert "cvpark compare svm gbdt --against cnn --split val" in text


def test_colour_is_never_the_only_sign(comparison):
    """Markers of models differ in shape, curves in their dashes."""
    html = render_html(comparison)
    legend = re.search(r'<ul class="legend">.*?</ul>', html, re.DOTALL)[0]
    shapes = re.findall(r' d="([^"]*)"', legend)
    assert len(shapes) == len(set(shapes)) == 3
    assert {"d0", "d1", "d2"} <= set(re.findall(r'class="curve m\d (d\d)"', html))


def test_names_are_text_wherever_they_stand():
    models = {EVIL: ("svm", 0.05, 80.0), "cnn": ("cnn", 0.05, 100.0)}
    found = made_up.comparison(models=models)
    found.document["warnings"] = [EVIL]
    found.document["split"]["name"] = EVIL
    found.document["environment"]["cpu"] = EVIL
    html = render_html(found, folder=EVIL)
    page = Page(html)
    assert not page.all("script")
    assert not page.all("img")
    assert not any("onerror" in attributes for _, attributes in page.elements)
    text = render_markdown(found.document, folder=EVIL)
    assert text.count("\n    ") == 3, "code stays in its lines"
    assert "<" not in re.sub(r"\n    .*|\\<", "", text)
    assert "\x1b" not in render_table(found.document)
    assert render_pareto_png(found.document).startswith(b"\x89PNG")


def test_without_the_patches_the_page_says_so(comparison):
    page = Page(render_html(comparison, folder="my comparison"))
    assert not page.all("img")
    assert "cvpark report my comparison --data DIR" in " ".join(page.text)


def test_pictures_are_small_jpegs_of_the_patches(pictured, split):
    pictures = Page(render_html(pictured, locate=split.locate)).all("img")
    assert len(pictures) > 12
    for picture in pictures:
        head, data = picture["src"].split(",")
        assert head == "data:image/jpeg;base64"
        content = base64.b64decode(data)
        assert len(content) < 12_000
        image = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
        assert max(image.shape) <= 112


def test_a_patch_that_is_gone_leaves_an_empty_frame(pictured):
    page = Page(render_html(pictured, locate=lambda path: Path("gone") / path))
    assert not page.all("img")
    assert page.text.count("no file") > 12


def test_patches_worth_looking_at(pictured):
    scores, models = pictured.measurements.scores, pictured.document["models"]
    answers = {m["name"]: scores[m["name"]] >= m["threshold"] for m in models}
    rows = disagreements(scores, models)
    assert len(rows) == 12
    for row in rows:
        assert len({bool(answers[name][row]) for name in answers}) == 2
    names = list(answers)
    spread = [np.ptp(scores.loc[row, names].to_numpy(float)) for row in rows]
    assert spread == sorted(spread, reverse=True)
    for model in models:
        worst = mistakes(scores, model)
        assert all(answers[model["name"]][row] != scores.occupancy[row] for row in worst)
        cars = scores.loc[worst, ["camera", "slot_id", "day", "occupancy"]]
        assert not cars.duplicated().any()


@pytest.mark.parametrize(
    "models",
    [
        {"only": ("svm", 0.1, 50.0)},
        {"perfect": ("svm", 0.0, 50.0), "cnn": ("cnn", 0.0, 50.0)},
        {"a" * 300: ("svm", 0.1, 50.0), "b": ("gbdt", 0.2, 5e6)},
        {f"model {k}": ("svm", 0.02 * k, 10.0 * (k + 1)) for k in range(10)},
    ],
    ids=["alone", "without errors", "a long name and a slow model", "ten"],
)
def test_unusual_comparisons_have_reports_too(models):
    found = made_up.comparison(models=models, threads=(1,))
    assert Page(render_html(found)).open == []
    assert render_markdown(found.document).count("\n| ") > len(models)
    assert render_table(found.document)
    assert render_pareto_png(found.document).startswith(b"\x89PNG")


def test_a_split_of_one_class_and_few_days_has_a_report():
    split = made_up.any_split(n_patches=300, n_days=1)
    found = made_up.comparison(split.select(split.labels == 1))
    assert found.document["models"][0]["auc"] is None
    html = render_html(found)
    assert "there is no ROC curve" in html
    assert "slots" in html


def test_what_was_not_measured_is_left_out_or_named():
    measured = made_up.measurements()
    nothing = measured.stages[:0]
    measured = replace(measured, stages=nothing)
    measured.info.update(cold_start=[], costs=[])
    found = Comparison(summarize(measured), measured)
    html = render_html(found)
    assert "Where the time goes" not in html
    measured = replace(measured, latency=measured.latency[:0])
    with pytest.raises(DatasetError, match="latency of single patches was not measured"):
        render_html(Comparison(summarize(measured), measured))


def test_the_same_measurements_give_the_same_page(comparison, pictured, split):
    assert render_html(comparison) == render_html(comparison)
    first = render_html(pictured, locate=split.locate)
    assert first == render_html(pictured, locate=split.locate)
    assert len(first) < 1_500_000


# Other formats -------------------------------------------------------------------------------


def test_markdown_has_the_verdict_and_every_row(comparison):
    text = render_markdown(comparison.document)
    for sentence in judge(comparison.document):
        assert sentence.replace("\N{NO-BREAK SPACE}", " ") in text
    for model in comparison.document["models"]:
        start = rf"^\| {model['name']} \| {100 * model['accuracy']:.2f}"
        assert re.search(start, text, re.MULTILINE)
    for line in text.splitlines():
        if line.startswith("|"):
            assert line.endswith("|")


def test_csv_has_a_row_a_model_and_a_column_a_figure(comparison):
    rows = list(csv.DictReader(io.StringIO(render_csv(comparison.document))))
    for row, model in zip(rows, comparison.document["models"], strict=True):
        assert row["name"] == model["name"]
        assert float(row["accuracy"]) == model["accuracy"]
        interval = model["intervals"]["accuracy"]["clustered"]
        ends = [float(row[f"intervals.accuracy.clustered.{end}"]) for end in ("low", "high")]
        assert ends == interval
        p50 = model["latency_us"]["single_stream"]["p50"]
        assert float(row["latency_us.single_stream.p50"]) == p50


def test_the_png_is_a_plot_of_its_size(comparison):
    data = np.frombuffer(render_pareto_png(comparison.document, dpi=100), np.uint8)
    image = cv2.imdecode(data, cv2.IMREAD_COLOR)
    assert image.shape == (420, 720, 3)
    assert len(np.unique(image.reshape(-1, 3), axis=0)) > 50


def test_the_table_is_coloured_only_on_request_and_says_the_same(comparison):
    plain = render_table(comparison.document)
    assert "\x1b" not in plain
    assert plain.isascii()
    coloured = render_table(comparison.document, color=True)
    assert "\x1b[1m" in coloured
    assert re.sub(r"\x1b\[\d*m", "", coloured) == plain
    assert max(map(len, plain.splitlines())) <= 110


@pytest.mark.parametrize(
    ("terminal", "told", "wanted"),
    [(True, {}, True), (False, {}, False), (True, {"NO_COLOR": "1"}, False),
     (True, {"NO_COLOR": ""}, True), (True, {"TERM": "dumb"}, False)],
)  # fmt: skip
def test_colour_is_for_terminals_whose_user_has_not_said_no(monkeypatch, terminal, told, wanted):
    for name in ("NO_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("sys.stdout.isatty", lambda: terminal)
    assert wants_color() is wanted


# Files and the command -----------------------------------------------------------------------


def test_all_formats_are_written_and_measurements_left_alone(pictured, split, tmp_path):
    folder = tmp_path / "out"
    stored = write_measurements(pictured.measurements, folder)
    before = {file: file.read_bytes() for file in stored}
    written = write_report(pictured, folder, split=split)
    assert {file.name for file in written} == set(FILES.values())
    assert {file: file.read_bytes() for file in stored} == before
    assert {*folder.iterdir()} == {*written, *stored}
    assert json.loads((folder / "comparison.json").read_text()) == pictured.document
    assert (folder / "report.html").read_text(encoding="utf-8").count("<img ") > 12


def test_pictures_of_another_split_are_refused(pictured, split, tmp_path):
    other = split.select(np.arange(len(split)) > 0)
    with pytest.raises(SplitMismatchError):
        write_report(pictured, tmp_path / "out", split=other)
    assert not (tmp_path / "out").exists()


def test_the_command_draws_again_without_measuring(pictured, sample, tmp_path, run, monkeypatch):
    from cvpark import evaluation, models

    folder = tmp_path / "stored"
    write_measurements(pictured.measurements, folder)

    def forbidden(*_, **__):
        raise AssertionError("nothing is measured")

    monkeypatch.setattr(models, "load_model", forbidden)
    monkeypatch.setattr(evaluation, "measure", forbidden)
    status, out, err = run("report", folder, "--data", sample, "--out", tmp_path / "site")
    assert status == 0, err
    assert [Path(line).name for line in out.split()] == list(FILES.values())
    again = json.loads((tmp_path / "site/comparison.json").read_text())
    assert again == json.loads(render_json(pictured))
    assert "<img " in (tmp_path / "site/report.html").read_text(encoding="utf-8")
    assert f"cvpark report {folder} --data DIR" in (tmp_path / "site/report.md").read_text("utf-8")


def test_the_command_writes_what_is_asked_for(comparison, tmp_path, run):
    write_measurements(comparison.measurements, tmp_path)
    status, out, _ = run("report", tmp_path, "--format", "csv", "--format", "png")
    assert status == 0
    assert out.split() == [str(tmp_path / "models.csv"), str(tmp_path / "pareto.png")]
    assert not (tmp_path / "report.html").exists()


def test_the_command_refuses_what_is_no_comparison(comparison, tmp_path, run, sample):
    status, out, err = run("report", tmp_path / "nowhere")
    assert (status, out) == (1, "")
    assert err.startswith("cvpark: ")
    assert "holds no measurements" in err
    write_measurements(comparison.measurements, tmp_path)
    scores = tmp_path / "scores.csv"
    text = scores.read_text().splitlines()
    scores.write_text("\n".join([text[0], *text[2:]]))
    status, _, err = run("report", tmp_path)
    assert status == 1
    assert "fingerprint" in err
    write_measurements(comparison.measurements, tmp_path)
    status, _, err = run("report", tmp_path, "--data", sample)
    assert status == 1
    assert not (tmp_path / "report.html").exists()


def test_formats_of_the_command_are_those_there_are():
    assert tuple(FILES) == _FORMATS


# What plots are made of ----------------------------------------------------------------------


def test_the_frontier_holds_what_nothing_beats():
    rng = np.random.default_rng(0)
    points = [tuple(point) for point in rng.random((40, 2))]
    front = frontier(points)
    assert [points[k][0] for k in front] == sorted(points[k][0] for k in front)
    for at, point in enumerate(points):
        beaten = any(other[0] <= point[0] and other[1] <= point[1] and other != point
                     for other in points)  # fmt: skip
        assert (at in front) is not beaten


def test_curves_agree_with_scikit_learn():
    from sklearn.calibration import calibration_curve
    from sklearn.metrics import roc_auc_score

    rng = np.random.default_rng(0)
    busy = rng.random(3000)
    labels = (rng.random(3000) < busy**1.5).astype(np.uint8)
    found = reliability_curve("m", labels, busy)
    observed, predicted = calibration_curve(labels, busy, n_bins=10)
    np.testing.assert_allclose(found.observed, observed)
    np.testing.assert_allclose(found.predicted, predicted)
    curve = roc_curve("m", labels, busy, 0.5)
    area = np.trapezoid(curve.hit_rates, curve.false_rates)
    assert area == pytest.approx(roc_auc_score(labels, busy))
    assert curve.hit_rate == pytest.approx((busy[labels == 1] >= 0.5).mean())


@pytest.mark.parametrize(("right", "n"), [(0, 10), (3, 17), (99, 100), (50, 50)])
def test_wilson_intervals_agree_with_scipy(right, n):
    expected = binomtest(right, n).proportion_ci(method="wilson")
    assert wilson(right / n, n) == pytest.approx((expected.low, expected.high), abs=1e-6)


@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize(("low", "high"), [(0.9, 1.1), (47, 52), (80, 215), (0.001, 3000)])
def test_ticks_are_round_few_and_within(low, high, log):
    ticks = Axis(low, high, log=log).ticks(4)
    assert 2 <= len(ticks) <= 10
    assert all(low * 0.999 <= tick <= high * 1.001 for tick in ticks)
    assert all(len(f"{tick:.3g}") <= 6 for tick in ticks)
    assert ticks == sorted(set(ticks))
