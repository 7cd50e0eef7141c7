"""The table of CNNs once, without measuring."""

from __future__ import annotations

import pytest

pytest.importorskip("tensorflow")

from .cnn import PLAIN, SHIPPED, STRIDED, rows


@pytest.mark.tensorflow
def test_every_network_has_a_row():
    lines = list(rows(60, False))
    cells = [[cell.strip() for cell in line.split("|")] for line in lines[2:-2]]
    assert [row[1] for row in cells] == [*SHIPPED, PLAIN, STRIDED]
    for row in cells:
        assert float(row[6]) > 0
