"""cvpark predict: what goes in, what comes out, and when."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from cvpark.cli.predict import _answer
from cvpark.datasets import Dataset, read_image
from cvpark.models import load_model, shipped_models

COMMAND = [sys.executable, "-m", "cvpark", "predict", "cnn"]


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def cnn():
    return load_model("cnn")


@pytest.fixture(scope="module")
def images(sample):
    """Images of the sample, free and busy ones."""
    dataset = Dataset(sample)
    return [str(dataset.locate(path)) for path in dataset.split("train").paths[:40]]


@pytest.fixture(scope="module")
def expected(cnn, images):
    busy = [float(cnn.predict_proba(read_image(image))[0, 1]) for image in images]
    assert min(busy) < 0.5 < max(busy)
    return dict(zip(images, busy, strict=True))


@pytest.fixture
def stdin(tmp_path):
    """Gives bytes to the command as its standard input."""
    before = os.dup(0)

    def give(content):
        file = tmp_path / "stdin"
        file.write_bytes(content)
        with file.open("rb") as stream:
            os.dup2(stream.fileno(), 0)

    yield give
    os.dup2(before, 0)
    os.close(before)


def read_csv(text):
    return [
        (row["path"], int(row["occupancy"]), float(row["probability"]))
        for row in csv.DictReader(io.StringIO(text, newline=""))
    ]


def read_json_lines(text):
    rows = [json.loads(line) for line in text.splitlines()]
    assert all(list(row) == ["path", "occupancy", "probability"] for row in rows)
    return [tuple(row.values()) for row in rows]


@pytest.mark.parametrize(("name", "read"), [("csv", read_csv), ("jsonl", read_json_lines)])
@pytest.mark.parametrize("jobs", [1, 3])
def test_machine_formats_give_what_the_model_says_in_the_order_of_the_images(
    run, images, expected, name, read, jobs
):
    asked = images[::-1] + images[:3] + images  # some twice
    status, out, err = run("predict", "cnn", *asked, "--format", name, "--jobs", jobs)
    assert status == 0, err
    assert read(out) == [(image, int(expected[image] >= 0.5), expected[image]) for image in asked]


def test_the_table_has_words_and_aligned_columns(run, images, expected):
    status, out, err = run("predict", "cnn", *images)
    assert status == 0
    header, *rows = out.splitlines()
    start = header.index("path")
    assert len(rows) == len(images)
    for image, row in zip(images, rows, strict=True):
        busy = expected[image]
        number, word, probability = row[:start].split()
        assert (number, word) == (("1", "busy") if busy >= 0.5 else ("0", "free"))
        assert float(probability) == pytest.approx(busy, abs=5.1e-5)
        assert row[start:] == image
    n_busy = sum(busy >= 0.5 for busy in expected.values())
    summary = err.splitlines()[-1]
    assert summary == (f"40 images: {n_busy} busy, {40 - n_busy} free; model cnn, threshold 0.5")


def test_threshold(run, images, expected):
    limit = sorted(expected.values())[25]
    for threshold in (0, limit, 1):
        status, out, _ = run(
            "predict", "cnn", *images, "--format", "csv", "--threshold", repr(threshold)
        )
        assert status == 0
        occupancy = [row[1] for row in read_csv(out)]
        assert occupancy == [int(expected[image] >= threshold) for image in images]
    assert sum(busy >= limit for busy in expected.values()) not in {0, len(images)}
    assert run("predict", "cnn", *images, "--threshold", "1.5")[0] == 2


def test_which_model(run, images):
    shutil.copy(shipped_models()["cnn"], "mine.tflite")
    for arguments, name in {
        (): "svm",
        ("svm-linear",): "svm-linear",
        ("mine.tflite",): "mine",
    }.items():
        status, out, err = run("predict", *arguments, *images, "--format", "csv")
        assert status == 0, err
        assert f"model {name}, " in err
        model = load_model(arguments[0] if arguments else "svm")
        probabilities = [row[2] for row in read_csv(out)]
        alone = [model.predict_proba(read_image(image))[0, 1] for image in images]
        np.testing.assert_allclose(probabilities, alone, atol=1e-6)


def test_an_image_named_like_a_model(run, images):
    shutil.copy(images[0], "cnn")
    for image in ("cnn", "./cnn"):
        status, out, _ = run("predict", "cnn", image, "--format", "csv")
        assert status == 0
        assert [row[0] for row in read_csv(out)] == [image]


def test_a_model_that_is_missing_or_none(run, images):
    status, out, err = run("predict", "gone.cvpark", images[0])
    assert (status, out) == (1, "")
    assert "gone.cvpark: no such file" in err
    Path("x.cvpark").write_bytes(b"nonsense")
    status, out, err = run("predict", "x.cvpark", images[0])
    assert (status, out) == (1, "")
    assert "x.cvpark: not a cvpark model file" in err


@pytest.mark.parametrize("arguments", [[], ["cnn"], ["--format", "csv"], ["gone.cvpark"]])
def test_without_images_it_is_wrong_usage(run, arguments):
    status, out, err = run("predict", *arguments)
    assert (status, out) == (2, "")
    assert "no IMAGE" in err


def complaints(err):
    assert "Traceback" not in err
    return [line for line in err.splitlines() if line.startswith(("cvpark: ", "skipped "))]


@pytest.mark.parametrize("content", [None, b"", b"\xff\xd8\xff\xe0 cut off", b"text"])
def test_broken_images_stop_or_are_skipped(run, images, content):
    if content is not None:
        Path("bad.jpg").write_bytes(content)
    asked = [*images[:20], "bad.jpg", *images[20:]]
    status, out, err = run("predict", "cnn", *asked, "--format", "csv")
    assert status == 1
    assert [row[0] for row in read_csv(out)] == images[:20]
    (line,) = complaints(err)
    assert line.startswith("cvpark: bad.jpg: ")
    status, out, err = run("predict", "cnn", *asked, "--format", "csv", "--on-error", "skip")
    assert status == 0
    assert [row[0] for row in read_csv(out)] == images
    (line,) = complaints(err)
    assert line.startswith("skipped bad.jpg: ")
    assert err.splitlines()[-1].endswith("; 1 skipped")


def test_when_no_image_can_be_read_skipping_fails_too(run):
    status, out, err = run(
        "predict", "cnn", "a.jpg", "b.jpg", "--format", "jsonl", "--on-error", "skip"
    )
    assert (status, out) == (1, "")
    assert complaints(err) == [
        "skipped a.jpg: No such file or directory",
        "skipped b.jpg: No such file or directory",
        "cvpark: none of 2 images could be read",
    ]


def test_a_folder_is_told_how_to_be_read(run):
    Path("the lot").mkdir()
    status, _, err = run("predict", "cnn", "the lot")
    assert status == 1
    (line,) = complaints(err)
    assert line.endswith("find 'the lot' -name '*.jpg' | cvpark predict -")


NAMES = [
    b"caf\xc3\xa9 \xe8\xbb\x8a.jpg",
    b"latin-\xe9\xff.jpg",
    b'a "quoted", name.jpg',
    b"two\nlines\rand\x1b[31mred.jpg",
    b"-dash.jpg",
    b"percent%s{0}.jpg",
]


@pytest.fixture
def odd_names(images):
    try:
        for name in NAMES:
            Path(os.fsdecode(name)).write_bytes(Path(images[0]).read_bytes())
    except OSError:
        pytest.skip("the file system takes no such names")
    return [os.fsdecode(name) for name in NAMES]


def test_odd_names_come_back_as_they_were(odd_names):
    for name, read in (("csv", read_csv), ("jsonl", read_json_lines)):
        done = subprocess.run(
            [*COMMAND, "--format", name, "--", *NAMES], capture_output=True, check=True
        )
        text = done.stdout.decode("utf-8", "surrogateescape")
        assert [os.fsencode(row[0]) for row in read(text)] == NAMES


def test_odd_names_do_not_command_the_terminal(run, odd_names):
    status, out, err = run("predict", "cnn", "--", *odd_names)
    assert status == 0, err
    assert len(out.splitlines()) == 1 + len(NAMES)
    assert "\x1b" not in out
    assert out.splitlines()[4].endswith(r"two\nlines\rand\x1b[31mred.jpg")
    assert out.splitlines()[2].endswith(r"latin-\udce9\udcff.jpg")
    assert "café 車.jpg" in out
    for name in odd_names:
        Path(name).write_bytes(b"")
    status, _, err = run("predict", "cnn", "--on-error", "skip", "--", *odd_names)
    assert status == 1
    assert len(complaints(err)) == len(NAMES) + 1
    assert "\x1b" not in err


def test_paths_from_stdin(run, stdin, images):
    lines = [os.fsencode(image) for image in images * 10]  # more than one batch
    for content in (
        b"\n".join(lines),
        b"".join(line + b"\n" for line in lines),
        b"\r\n\r\n".join(lines),
    ):
        stdin(content)
        status, out, err = run("predict", "cnn", "-", "--format", "csv")
        assert status == 0, err
        assert [row[0] for row in read_csv(out)] == images * 10


def test_paths_from_stdin_among_others(run, stdin, images):
    stdin(os.fsencode("\n".join(images[1:3])))
    status, out, _ = run("predict", "cnn", images[0], "-", images[3], "--format", "csv")
    assert status == 0
    assert [row[0] for row in read_csv(out)] == images[:4]


def test_no_paths_on_stdin_are_no_images(run, stdin):
    stdin(b"\n")
    status, out, err = run("predict", "cnn", "-", "--format", "csv")
    assert (status, out) == (0, '"path","occupancy","probability"\n')
    assert "0 images" in err


@pytest.mark.parametrize("content", [b"a.jpg\0b.jpg\0", b"no end of line" * 10_000])
def test_what_is_no_list_of_paths(run, stdin, content):
    stdin(content)
    status, _, err = run("predict", "cnn", "-")
    assert status == 2
    assert "expected paths, one a line" in err
    assert len(err) < 1000


def test_a_path_alone_is_answered_before_there_are_more(images):
    with subprocess.Popen(
        [*COMMAND, "-", "--format", "jsonl"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        for image in images[:3]:
            process.stdin.write(os.fsencode(image) + b"\n")
            process.stdin.flush()
            assert json.loads(process.stdout.readline())["path"] == image
        process.stdin.write(os.fsencode(images[3]))
        process.stdin.close()
        assert json.loads(process.stdout.read())["path"] == images[3]
        assert process.wait(60) == 0


def test_an_endless_list_and_a_reader_that_leaves(images):
    endless = subprocess.Popen(["yes", images[0]], stdout=subprocess.PIPE)
    with subprocess.Popen(
        [*COMMAND, "-"], stdin=endless.stdout, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        endless.stdout.close()
        lines = [process.stdout.readline() for _ in range(2000)]
        process.stdout.close()
        status, err = process.wait(60), process.stderr.read()
    assert endless.wait(60) != 0
    assert all(line.endswith(os.fsencode(images[0]) + b"\n") for line in lines[1:])
    assert status == 1
    assert b"Traceback" not in err
    assert b"Exception" not in err


@pytest.mark.skipif(
    signal.getsignal(signal.SIGINT) is signal.SIG_IGN,
    reason="what a shell starts in the background ignores ^C, and so do its children",
)
def test_an_interrupt_while_it_waits_for_paths(images):
    with subprocess.Popen(
        [*COMMAND, "-", "--format", "jsonl"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        process.stdin.write(os.fsencode(images[0]) + b"\n")
        process.stdin.flush()
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
        assert b"Traceback" not in process.stderr.read()


def test_it_takes_no_more_paths_than_it_answers(cnn, images):
    taken = []

    def batches():
        for _ in range(8):
            taken.append(images)
            yield images

    n_answers = 0
    for path, busy in _answer(cnn, batches(), 2):
        assert (path, type(busy)) == (images[n_answers % len(images)], float)
        assert len(taken) == n_answers // len(images) + 1
        n_answers += 1
    assert n_answers == 8 * len(images)


@pytest.mark.slow
def test_memory_does_not_grow_with_the_images():
    """Frames of 6 million pixels, 18 MB each: a few at a time, not a batch of them."""
    pytest.importorskip("resource")
    frame = np.zeros((2000, 3000, 3), np.uint8)
    Path("frame.jpg").write_bytes(cv2.imencode(".jpg", frame)[1].tobytes())
    peak = {}
    for n in (4, 60):
        code = (
            "import resource, sys\n"
            "from cvpark.cli import main\n"
            f"sys.argv = ['cvpark', 'predict', 'cnn', '--jobs', '2'] + {n} * ['frame.jpg']\n"
            "try: main()\n"
            "except SystemExit as left: status = left.code\n"
            "print(status, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        )
        status, peak[n] = map(int, done.stderr.split()[-2:])
        assert status == 0
        assert len(done.stdout.splitlines()) == n + 1
    unit = 1 if sys.platform == "darwin" else 1024
    assert (peak[60] - peak[4]) * unit < 5 * frame.nbytes


def test_help_loads_nothing_heavy():
    code = (
        "import sys\nfrom cvpark.cli import cli\n"
        "try: cli(['predict', '--help'])\nexcept SystemExit: pass\nprint(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "find lot -name '*.jpg' | cvpark predict --format jsonl -" in done.stdout
    assert not {"numpy", "numba", "cv2", "tqdm"} & set(done.stdout.splitlines()[-1].split())


def test_a_mistyped_model_is_told_the_names_there_are(run):
    status, out, err = run("predict", "svn", "x.jpg")
    assert (status, out) == (1, "")
    assert "svn: no such file and no shipped model; shipped are: svm, svm-linear" in err
