"""Parameters of the extractors: what they accept, how columns are named."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import cvpark
from cvpark.features import (
    ColorHistogramExtractor,
    ColorMomentsExtractor,
    HOGExtractor,
    LBPExtractor,
)

BLANK = np.zeros((1, 16, 16, 3), np.uint8)


@pytest.mark.parametrize(
    ("extractor", "n_features"),
    [
        (HOGExtractor(), 36),
        (HOGExtractor(pixels_per_cell=(4, 8), cells_per_block=(2, 1), orientations=3), 36),
        (LBPExtractor(), 160),
        (LBPExtractor(method="default", grid=1), 256),
        (LBPExtractor(method="ror", grid=1), 36),
        (LBPExtractor(method="nri_uniform", grid=1), 59),
        (LBPExtractor(method="var", grid=1), 19),
        (LBPExtractor(n_points=24, radius=3, grid=(1, 2)), 52),
        (ColorHistogramExtractor(), 384),
        (ColorHistogramExtractor(n_bins=(8, 4, 4), joint=True, grid=1), 128),
        (ColorMomentsExtractor(), 219),
        (ColorMomentsExtractor(grid=(2, 1)), 15),
    ],
)
def test_length(extractor, n_features):
    assert extractor.fit_transform(BLANK).shape == (1, n_features)


@pytest.mark.parametrize(
    ("extractor", "first", "last"),
    [
        (
            HOGExtractor(pixels_per_cell=4, cells_per_block=(2, 1)),
            "hog_block0_0_cell0_0_orientation0",
            "hog_block2_3_cell1_0_orientation8",
        ),
        (LBPExtractor(grid=(2, 3)), "lbp_cell0_0_code0", "lbp_cell1_2_code9"),
        (LBPExtractor(method="ror", grid=1), "lbp_cell0_0_code0", "lbp_cell0_0_code255"),
        (LBPExtractor(method="var", grid=1), "lbp_cell0_0_bin0", "lbp_cell0_0_bin18"),
        (ColorMomentsExtractor(grid=2), "moments_cell0_0_rg_mean", "moments_image_i_deviation"),
        (ColorHistogramExtractor(grid=2), "hsv_cell0_0_h0", "hsv_cell1_1_v7"),
        (
            ColorHistogramExtractor(color_space="lab", n_bins=(2, 3, 4), joint=True, grid=1),
            "lab_cell0_0_l0_a0_b0",
            "lab_cell0_0_l1_a2_b3",
        ),
    ],
)
def test_names(extractor, first, last):
    names = extractor.fit(BLANK).get_feature_names_out()
    assert (names[0], names[-1]) == (first, last)


def test_names_point_at_what_they_say():
    image = BLANK.copy()
    image[0, 9, 3] = 255, 0, 0  # hue 0, full saturation, in the lower left quarter
    image[0, 9:11, 5:7] = 0, 0, 255
    extractor = ColorHistogramExtractor(n_bins=6, grid=2, transform_sqrt=False).fit(image)
    columns = dict(
        zip(extractor.get_feature_names_out(), extractor.transform(image)[0], strict=True)
    )
    assert columns["hsv_cell1_0_h4"] == 4 / 64
    assert columns["hsv_cell1_0_s5"] == 5 / 64
    assert columns["hsv_cell0_0_s5"] == 0


def test_hog_column_of_an_edge():
    image = BLANK.copy()
    image[:, :, 4:] = 100  # a vertical edge: its gradient points along the row, 0 degrees
    extractor = HOGExtractor(pixels_per_cell=8).fit(image)
    column = extractor.transform(image)[0].argmax()
    assert extractor.get_feature_names_out()[column] == "hog_block0_0_cell0_0_orientation0"


@pytest.mark.parametrize(
    ("extractor", "error", "words"),
    [
        (HOGExtractor(orientations=0), ValueError, "orientations is 0, expected 1 to 180"),
        (HOGExtractor(orientations=9.0), TypeError, "orientations is 9.0, expected an integer"),
        (
            HOGExtractor(block_norm="L3"),
            ValueError,
            "'L3', expected one of L1, L1-sqrt, L2, L2-Hys",
        ),
        (HOGExtractor(pixels_per_cell=(8, 8, 8)), ValueError, "pixels_per_cell.*pair"),
        (HOGExtractor(cells_per_block=3), ValueError, "16x16 .*smaller than one block of 24x24"),
        (LBPExtractor(n_points=31), ValueError, "n_points is 31, expected 1 to 30"),
        (LBPExtractor(n_points=17, method="ror"), ValueError, "n_points is 17, expected 1 to 16"),
        (LBPExtractor(radius=0), ValueError, "radius is 0, expected more than 0"),
        (LBPExtractor(radius=float("nan")), ValueError, "radius is nan"),
        (LBPExtractor(radius="1"), TypeError, "radius is '1', expected a number"),
        (LBPExtractor(method="round"), ValueError, "'round', expected one of default, ror"),
        (LBPExtractor(grid=17), ValueError, "grid of 17x17 cells.*16x16"),
        (ColorHistogramExtractor(color_space="xyz"), ValueError, "'xyz', expected one of rgb"),
        (ColorHistogramExtractor(n_bins=257), ValueError, "n_bins is 257, expected 1 to 256"),
        (ColorHistogramExtractor(n_bins=(8, 8)), ValueError, r"n_bins is \(8, 8\)"),
        (ColorHistogramExtractor(n_bins=64, joint=True), ValueError, "joint bins is 262144"),
        (ColorHistogramExtractor(grid=True), TypeError, "grid is True"),
        (HOGExtractor(n_jobs=0), ValueError, "n_jobs"),
    ],
)
def test_bad_parameters_are_named(extractor, error, words):
    with pytest.raises(error, match=words):
        extractor.fit_transform(BLANK)


@pytest.mark.slow
def test_compiles_where_no_folder_can_be_written(tmp_path):
    """A package folder and a home that are read-only cost the cache, nothing else."""
    blocked = tmp_path / "file"
    blocked.touch()  # a file where a folder would have to be made: not even root can write there
    package = tmp_path / "site"
    package.mkdir()
    source = Path(cvpark.__file__).parent
    for path in source.glob("_kernels/*.py"):
        (package / path.name).write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
    (package / "__pycache__").touch()
    script = (
        "import importlib.util, sys, numpy as np\n"
        "spec = importlib.util.spec_from_file_location("
        f"'kernels', {str(package / '__init__.py')!r},"
        f" submodule_search_locations=[{str(package)!r}])\n"
        "sys.modules['kernels'] = importlib.util.module_from_spec(spec)\n"
        "from kernels.pixels import rgb_to_gray\n"
        "out = np.empty((1, 1), np.uint8)\n"
        "rgb_to_gray(np.full((1, 1, 3), 9, np.uint8), out)\n"
        "print(out[0, 0])\n"
    )
    environment = os.environ | {"HOME": str(blocked), "XDG_CACHE_HOME": str(blocked)}
    environment.pop("NUMBA_CACHE_DIR", None)
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "9"
