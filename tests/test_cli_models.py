"""cvpark models: the list of what is shipped, the card of a file."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path

import pytest

from cvpark.models import load_model, shipped_models
from cvpark.models._bundle import SCHEMA_VERSION

MANIFEST = {"schema_version": SCHEMA_VERSION, "name": "mine", "kind": "svm", "threshold": 0.25}


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def write_manifest(text):
    with zipfile.ZipFile("mine.cvpark", "w") as archive:
        archive.writestr("manifest.json", text)


def test_the_list_shows_each_shipped_model(run):
    status, out, err = run("models")
    assert status == 0, err
    header, *rows = out.splitlines()
    assert len(rows) == len(shipped_models()) == 6
    for (name, path), row in zip(shipped_models().items(), rows, strict=True):
        card = load_model(name).card
        cells = row.split(maxsplit=6)
        assert cells[:2] == [name, card["kind"]]
        assert cells[2] == f"{path.stat().st_size:,}"
        assert float(cells[3]) == pytest.approx(card["validation"]["accuracy"], abs=5.1e-5)
        assert float(cells[4]) == pytest.approx(card["threshold"], rel=1e-5)
        assert cells[5] == card["date"]
        training = card["training"]
        assert cells[6] == f"{training['split']}, {training['n_patches']:,} patches"
        for title in ("kind", "date", "trained on"):
            assert row[header.index(title) - 1] == " " != row[header.index(title)]


def test_the_list_as_json_has_the_whole_cards(run):
    status, out, err = run("models", "--format", "json")
    assert status == 0, err
    cards = json.loads(out)
    assert [card["name"] for card in cards] == list(shipped_models())
    for card, path in zip(cards, shipped_models().values(), strict=True):
        assert card["bytes"] == path.stat().st_size
        assert card.items() >= load_model(card["name"]).card.items()


@pytest.mark.parametrize("name", ["svm-linear", "cnn"])
def test_show_prints_the_card_of_a_name_and_of_its_file(run, name):
    status, out, err = run("models", "show", name)
    assert status == 0, err
    card = json.loads(out)
    assert card["name"] == name
    assert card["training"]["fingerprint"] in out
    assert len(out.splitlines()) > 20  # to be read by people, too
    shipped = shipped_models()[name]
    copy = shutil.copy(shipped, f"copy{shipped.suffix}")
    status, out, err = run("models", "show", copy)
    assert status == 0, err
    assert json.loads(out)["training"] == card["training"]


def test_show_does_not_need_more_than_a_manifest(run):
    write_manifest(json.dumps(MANIFEST))
    status, out, err = run("models", "show", "mine.cvpark")
    assert status == 0, err
    assert json.loads(out).items() >= MANIFEST.items()


def test_a_hostile_file_cannot_command_the_terminal(run):
    evil = "\x1b]0;title\x07\x9b31m\x7f\r\u202e\udcff"
    write_manifest(json.dumps(MANIFEST | {"note": evil, evil: [evil]}))
    status, out, err = run("models", "show", "mine.cvpark")
    assert status == 0, err
    assert out.isascii()
    assert all(c.isprintable() or c == "\n" for c in out)
    card = json.loads(out)
    assert card["note"] == evil
    assert card[evil] == [evil]


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(MANIFEST | {"note": float("nan")}),
        json.dumps(MANIFEST | {"schema_version": 99}),
        json.dumps([MANIFEST]),
        "{",
    ],
    ids=["nan", "later", "list", "cut"],
)
def test_a_file_without_a_proper_manifest_is_one_line(run, text):
    write_manifest(text)
    status, out, err = run("models", "show", "mine.cvpark")
    assert (status, out) == (1, "")
    (line,) = err.splitlines()
    assert line.startswith("cvpark: mine.cvpark: ")


@pytest.mark.parametrize("depth", [100, *range(800, 1000, 20), 3_000, 100_000])
def test_deep_nesting_is_printed_or_refused(run, depth):
    write_manifest(json.dumps(MANIFEST)[:-1] + ', "deep": ' + "[" * depth + "]" * depth + "}")
    status, out, err = run("models", "show", "mine.cvpark")
    if status == 0:
        assert out.count("[") == out.count("]") == depth
    else:
        assert depth > 100
        assert out == ""
        (line,) = err.splitlines()
        assert line.startswith("cvpark: mine.cvpark: ")


def test_what_is_no_model(run):
    Path("x.cvpark").write_bytes(b"nonsense")
    for name, why in {"svn": "no such file and no shipped model", "x.cvpark": "not a"}.items():
        status, out, err = run("models", "show", name)
        assert (status, out) == (1, "")
        assert f"cvpark: {name}: {why}" in err
    assert run("models", "show")[0] == 2
    assert run("models", "list")[0] == 2
