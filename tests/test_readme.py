"""What the README shows runs."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest

from cvpark.datasets import Dataset

README = Path(__file__).parent.parent / "README.md"
COMMAND = re.compile(r"^    (?:.*&& )?cvpark (.*?)(?:  +#.*)?$", re.MULTILINE)
NOT_HERE = ("mine.tflite",)  # files only a reader has


def commands():
    found = COMMAND.findall(README.read_text(encoding="utf-8"))
    return [command for command in found if not any(name in command for name in NOT_HERE)]


def test_the_three_everyday_commands_are_shown():
    shown = {shlex.split(command)[0] for command in commands()}
    assert {"extract", "train", "compare"} <= shown


def _lay_out_patches(sample):
    """A patch of the reader's and a folder of labelled ones, in the working folder."""
    split = Dataset(sample).split("val")
    shutil.copy(split.files[0], "patch.jpg")
    for label, name in enumerate(("free", "busy")):
        folder = Path("mylot", name)
        folder.mkdir(parents=True)
        for row in np.flatnonzero(split.labels == label)[:20]:
            shutil.copy(split.files[row], folder / f"{row}.jpg")


@pytest.mark.slow
def test_commands_run_in_their_order(run, sample, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CVPARK_DATA", str(sample))
    _lay_out_patches(sample)
    for command in commands():
        status, out, err = run(*shlex.split(command))
        assert status == 0, f"{command}: {err}"
        assert out, command


def test_python_runs(sample, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    patch = next((sample / "PATCHES").rglob("*.jpg"))
    Path("patch.jpg").write_bytes(patch.read_bytes())
    names: dict[str, float] = {}
    for code in re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL):
        exec(code, names)
    assert names["free"] + names["busy"] == pytest.approx(1)
