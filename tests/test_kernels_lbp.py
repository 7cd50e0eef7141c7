"""LBP: codes equal to scikit-image's, counted over a grid."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose, assert_array_equal
from skimage.feature import local_binary_pattern

from cvpark._kernels import lbp as kernel
from cvpark._kernels._jit import frozen
from cvpark._kernels.lbp import VAR_BINS, VAR_LOW
from cvpark._kernels.lbp_eight import eight_batch, eight_codes
from cvpark.features import LBPExtractor
from cvpark.features._lbp import lbp_codes

from . import reference
from .reference_lbp import pixel_codes, tied


@pytest.fixture
def rng():
    return np.random.default_rng(0)


METHODS = ["default", "ror", "uniform", "nri_uniform", "var"]
PATTERNS = METHODS[:-1]
CIRCLES = [(8, 1), (8, 2), (4, 1), (1, 1), (2, 1.5), (5, 1.7), (9, 1), (12, 0.4), (16, 2)]
CIRCLES += [(24, 3), (30, 5)]


def images_of(rng):
    return {
        "noise": rng.integers(0, 256, (23, 20), np.uint8),
        "dark": rng.integers(0, 3, (17, 22), np.uint8),
        "flat": np.full((14, 14), 77, np.uint8),
        "black": np.zeros((9, 9), np.uint8),
        "white": np.full((9, 9), 255, np.uint8),
        "steps": np.kron(rng.integers(0, 256, (4, 4)), np.ones((5, 5))).astype(np.uint8),
        "pixel": np.array([[3]], np.uint8),
        "line": np.arange(0, 250, 10, dtype=np.uint8)[np.newaxis],
    }


@pytest.mark.parametrize(
    ("n_points", "radius", "method"),
    [
        (n_points, radius, method)
        for n_points, radius in CIRCLES
        for method in METHODS
        if n_points <= 16 or method not in ("default", "ror")
    ],
)
def test_codes_equal_scikit_image(rng, n_points, radius, method):
    for kind, gray in images_of(rng).items():
        expected = local_binary_pattern(gray, n_points, radius, method)
        result = lbp_codes(gray, n_points=n_points, radius=radius, method=method)
        assert_array_equal(result, expected, err_msg=kind)


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("size", [64, 150, 300])
def test_codes_of_real_sizes(rng, size, method):
    # Interpolation rounds differently with each row and column, and flat areas show it.
    for gray in (
        rng.integers(0, 256, (size, size), np.uint8),
        np.full((size, size), 201, np.uint8),
    ):
        expected = local_binary_pattern(gray, 8, 1, method)
        assert_array_equal(lbp_codes(gray, method=method), expected)


@pytest.mark.slow
@pytest.mark.parametrize("value", range(0, 256, 5))
def test_ties_are_broken_as_in_scikit_image(value):
    # Ties hang on the last bit of an interpolation, which differs with row, column and brightness.
    size = (67, 131)
    for step in (-2, -1, 0, 1, 3):
        for gray in (tied(size, value, step), tied(size, value, step)[:, ::-1]):
            expected = local_binary_pattern(gray, 8, 1, "default")
            assert_array_equal(lbp_codes(gray, method="default"), expected)


@st.composite
def grays(draw):
    """Images of few or many levels, from a single pixel on, also as views with strides."""
    height, width = draw(st.integers(1, 9)), draw(st.integers(1, 40))
    levels = draw(st.sampled_from([[0], [255], [0, 255], [7, 8], [99, 100, 101], range(256)]))
    gray = draw(arrays(np.uint8, (2 * height, 3 * width), elements=st.sampled_from(levels)))
    turn = draw(st.sampled_from([lambda a: a, np.fliplr, np.flipud, np.transpose]))
    return turn(gray[::2, ::3])


@settings(max_examples=60, deadline=None)
@given(gray=grays(), method=st.sampled_from(METHODS))
def test_codes_of_eight_points_equal_scikit_image(gray, method):
    before = gray.copy()
    assert_array_equal(lbp_codes(gray, method=method), local_binary_pattern(gray, 8, 1, method))
    assert_array_equal(gray, before)


@settings(max_examples=40, deadline=None)
@given(gray=grays(), method=st.sampled_from(METHODS))
def test_codes_of_pixels_equal_the_oracle(gray, method):
    result = lbp_codes(gray, method=method, neighbors="pixels")
    assert_array_equal(result, pixel_codes(gray, method))


@pytest.mark.parametrize("method", METHODS)
def test_codes_of_pixels(rng, method):
    for kind, gray in images_of(rng).items():
        result = lbp_codes(gray, method=method, neighbors="pixels")
        assert_array_equal(result, pixel_codes(gray, method), err_msg=kind)


def test_order_of_the_pixels():
    for bit, (row, col) in enumerate(
        [(1, 2), (0, 2), (0, 1), (0, 0), (1, 0), (2, 0), (2, 1), (2, 2)]
    ):
        gray = np.zeros((3, 3), np.uint8)
        gray[1, 1], gray[row, col] = 5, 5
        assert lbp_codes(gray, method="default", neighbors="pixels")[1, 1] == 1 << bit


def test_neighbors_differ_only_at_the_corners(rng):
    gray = rng.integers(0, 256, (40, 40), np.uint8)
    circle, pixels = (
        lbp_codes(gray, method="default", neighbors=kind).astype(int)
        for kind in ("circle", "pixels")
    )
    assert_array_equal(circle & 0b01010101, pixels & 0b01010101)
    assert (circle != pixels).any()


@pytest.mark.parametrize("width", [1, 2, 31, 32, 33, 63, 64, 65, 66])
@pytest.mark.parametrize("neighbors", ["circle", "pixels"])
def test_widths_around_those_of_vectors(rng, width, neighbors):
    gray = rng.integers(60, 64, (3, width), np.uint8)
    expected = (
        local_binary_pattern(gray, 8, 1, "uniform")
        if neighbors == "circle"
        else pixel_codes(gray, "uniform")
    )
    assert_array_equal(lbp_codes(gray, neighbors=neighbors), expected)


@pytest.mark.parametrize("shape", [(0, 4), (4, 0), (0, 0)])
@pytest.mark.parametrize("neighbors", ["circle", "pixels"])
def test_codes_of_no_pixels(shape, neighbors):
    assert lbp_codes(np.zeros(shape, np.uint8), neighbors=neighbors).shape == shape


@pytest.mark.parametrize("neighbors", ["circle", "pixels"])
@pytest.mark.parametrize("method", PATTERNS)
@pytest.mark.parametrize("grid", [1, (2, 3)])
def test_both_kernels_give_the_same_bits(rng, neighbors, method, grid):
    # More rows and columns in a cell than a packed count holds without being emptied.
    images = frozen(rng.integers(0, 4, (2, 71, 69, 3), np.uint8) * 20)
    extractor = LBPExtractor(method=method, neighbors=neighbors, grid=grid).fit(images)
    assert extractor._call.kernel is eight_batch
    _, _, table, *rest = extractor._call.arguments
    number = kernel.METHOD_NAMES.index(method)
    points = kernel.pixel_points() if neighbors == "pixels" else kernel.circle_points(8, 1.0)
    expected = np.empty((2, extractor.n_features_out_), np.float32)
    kernel.lbp_batch(images, points, number, table, *rest, expected)
    assert_array_equal(extractor.transform(images), expected)


@pytest.mark.slow
@pytest.mark.parametrize("value", [0, 255])
@pytest.mark.parametrize("method", PATTERNS)
def test_counts_of_large_flat_cells(value, method):
    # All pixels of a cell in one bin, which is when packed counts would run over.
    images = np.full((1, 300, 280, 3), value, np.uint8)
    extractor = LBPExtractor(
        method=method, neighbors="pixels", grid=(1, 2), transform_sqrt=False
    ).fit(images)
    codes = lbp_codes(images[0, :, :, 0], method=method, neighbors="pixels")
    names, result = extractor.get_feature_names_out(), extractor.transform(images)[0]
    for cell, part in enumerate(np.split(codes, 2, axis=1)):
        for code, n in zip(*np.unique(part, return_counts=True), strict=True):
            column = list(names).index(f"lbp_cell0_{cell}_code{int(code)}")
            assert result[column] == pytest.approx(n / part.size, rel=1e-6)
    assert result.sum() == pytest.approx(2)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("neighbors", ["circle", "pixels"])
def test_histograms_of_eight(rng, method, neighbors):
    image = rng.integers(0, 256, (21, 18, 3), np.uint8)
    image[:9, :9] = 50
    extractor = LBPExtractor(method=method, neighbors=neighbors, grid=2, transform_sqrt=False)
    result = extractor.fit_transform(image[np.newaxis])[0]
    codes = lbp_codes(reference.gray(image), method=method, neighbors=neighbors)
    if method == "var":
        codes = np.maximum(np.floor(np.log2(np.nan_to_num(codes, nan=2.0**-9))) - VAR_LOW + 1, 0)
    bins = [name.rpartition("_")[2].lstrip("codebin") for name in extractor.get_feature_names_out()]
    positions = np.searchsorted(np.array(bins[: len(bins) // 4], int), codes)
    expected = reference.grid_shares(positions, len(bins) // 4, (2, 2), False)
    assert_allclose(result.reshape(expected.shape), expected, rtol=1e-6)


@settings(max_examples=25, deadline=None)
@given(
    gray=st.tuples(st.integers(1, 7), st.integers(1, 7)).flatmap(lambda s: arrays(np.uint8, s)),
    n_points=st.integers(1, 10),
    radius=st.floats(0.1, 4),
    method=st.sampled_from(METHODS),
)
def test_codes_equal_the_oracle(gray, n_points, radius, method):
    result = lbp_codes(gray, n_points=n_points, radius=radius, method=method)
    assert_array_equal(result, reference.lbp_codes(gray, n_points, radius, method))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("grid", [1, 4, (2, 3)])
@pytest.mark.parametrize("root", [False, True])
def test_histograms(rng, method, grid, root):
    image = rng.integers(0, 256, (19, 22, 3), np.uint8)
    image[:9, :9] = 50
    extractor = LBPExtractor(n_points=6, method=method, grid=grid, transform_sqrt=root)
    result = extractor.fit_transform(image[np.newaxis])[0]
    codes = reference.lbp_codes(reference.gray(image), 6, 1, method)
    cells = grid if isinstance(grid, tuple) else (grid, grid)
    if method == "ror":
        every = {
            reference.lbp_code(tuple(np.array(list(f"{i:06b}"), int)), "ror") for i in range(64)
        }
        codes, n_bins = np.searchsorted(sorted(every), codes), len(every)
    elif method == "var":
        with np.errstate(invalid="ignore"):
            octave = np.floor(np.log2(codes)) - VAR_LOW + 1
        codes, n_bins = np.where(octave >= 0, octave, 0), VAR_BINS
    else:
        n_bins = {"default": 64, "uniform": 8, "nri_uniform": 33}[method]
    expected = reference.grid_shares(codes.astype(int), n_bins, cells, root)
    assert_allclose(result.reshape(expected.shape), expected, rtol=1e-6)
    sums = result.reshape(expected.shape).astype(float) ** (2 if root else 1)
    assert_allclose(sums.sum(axis=1), 1, rtol=1e-5)


def test_variance_bins_hold_the_largest_variance():
    gray = np.zeros((1, 3), np.uint8)
    gray[0, ::2] = 255
    extractor = LBPExtractor(n_points=2, method="var", grid=1, transform_sqrt=False)
    result = extractor.fit_transform(np.repeat(gray[np.newaxis, ..., np.newaxis], 3, axis=3))[0]
    assert (
        lbp_codes(gray, n_points=2, method="var").tolist()[0][1] != lbp_codes(gray).tolist()[0][1]
    )
    assert result.sum() == pytest.approx(1)


@pytest.mark.parametrize(
    ("image", "words"),
    [(np.zeros((3, 3)), "float64.*uint8"), (np.zeros((3, 3, 3), np.uint8), r"\(3, 3, 3\)")],
)
def test_codes_say_what_is_wrong(image, words):
    with pytest.raises(ValueError, match=words):
        lbp_codes(image)


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"n_points": 4}, "neighbors='pixels' with n_points=4 and radius=1.*neighbors='circle'"),
        ({"radius": 2}, "n_points=8 and radius=2:"),
        ({"neighbors": "square"}, "neighbors is 'square', expected one of circle, pixels"),
    ],
)
def test_neighbors_say_what_is_wrong(parameters, words):
    parameters = {"neighbors": "pixels"} | parameters
    with pytest.raises(ValueError, match=words):
        lbp_codes(np.zeros((3, 3), np.uint8), **parameters)
    with pytest.raises(ValueError, match=words):
        LBPExtractor(**parameters).fit(np.zeros((1, 9, 9, 3), np.uint8))


def test_each_kernel_is_compiled_once(rng):
    if not hasattr(eight_batch, "signatures"):
        pytest.skip("kernels run interpreted")
    images = rng.integers(0, 256, (3, 14, 17, 3), np.uint8)
    for view in (images, images[:, ::-1], np.asfortranarray(images), frozen(images), images[:0]):
        for parameters in (
            {},
            {"neighbors": "pixels"},
            {"method": "nri_uniform", "radius": np.float32(1)},
            {"method": "var", "neighbors": "pixels"},
            {"n_points": np.int64(6), "method": "ror", "radius": 2, "transform_sqrt": 0},
        ):
            LBPExtractor(**parameters).fit_transform(view)
            LBPExtractor(**parameters, n_jobs=2).fit_transform(view)
        if len(view):
            for gray in (view[0, :, :, 0], view[0, :, :, 1].T):
                lbp_codes(gray)
                lbp_codes(gray, neighbors="pixels", method="ror")
                lbp_codes(gray, n_points=5)
    for compiled in (eight_batch, eight_codes, kernel.lbp_batch, kernel.lbp_codes):
        assert len(compiled.signatures) == 1, compiled
