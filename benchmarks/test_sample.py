"""The gauge of the sample once, on few patches, and its picture."""

from __future__ import annotations

import re
from pathlib import Path

import cv2
import numpy as np
import pytest

from cvpark.datasets import sample_path

from . import sample

PICTURE = Path(__file__).parent / "pictures" / "sample.jpg"


@pytest.mark.slow
def test_every_model_has_a_row():
    written = list(sample.lines(None, quick=True))
    rows = [[cell.strip() for cell in line.split("|")] for line in written if line[:2] == "| "]
    names = [row[1] for row in rows if row[1] != "model"]
    assert names == [*sample.SHIPPED, sample.BRIGHTNESS, "svm-linear", "gbdt", "svm"]
    for row in rows:
        if row[1] != "model":
            assert 0.3 < float(row[3]) <= 1
            assert 0.3 < float(row[4]) <= 1
    assert float(re.findall(r"([\d.]+) s of processor time", written[-1])[0]) > 0


def test_the_picture_shows_the_sample_as_it_is(tmp_path):
    sample.write_sheet(tmp_path / "now.jpg", sample_path())
    now, kept = (cv2.imread(str(file)).astype(float) for file in (tmp_path / "now.jpg", PICTURE))
    assert now.shape == kept.shape == (1700, 1200, 3)
    assert np.abs(now - kept).mean() < 1
    assert PICTURE.stat().st_size < 400_000
