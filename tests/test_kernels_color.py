"""Colour histograms: conversions equal to OpenCV's, counted over a grid."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose, assert_array_equal

from cvpark._kernels._jit import frozen
from cvpark._kernels.color import (
    MAX_COMPARED_BINS,
    SPACE_HSV,
    SPACE_LAB,
    SPACE_NAMES,
    SPACE_OPPONENT,
    SPACE_RGB,
    convert,
)
from cvpark.features import ColorHistogramExtractor

from . import reference, reference_color


@pytest.fixture
def rng():
    return np.random.default_rng(0)


TO_HSV, TO_LAB = cv2.COLOR_RGB2HSV, cv2.COLOR_RGB2LAB


def converted(image, space):
    planes = np.empty((3, image.shape[0] * image.shape[1]), np.uint8)
    convert(frozen(image.reshape(-1)), space, planes)
    return planes.T.reshape(image.shape)


@pytest.fixture
def colours(rng):
    image = rng.integers(0, 256, (32, 32, 3), np.uint8)
    levels = [0, 1, 127, 128, 254, 255]
    corners = np.stack(np.meshgrid(levels, levels, levels), -1).reshape(-1, 3)
    image.reshape(-1, 3)[: len(corners)] = corners
    return image


@pytest.mark.parametrize(("space", "code"), [(SPACE_HSV, TO_HSV), (SPACE_LAB, TO_LAB)])
def test_conversion_equals_opencv(colours, space, code):
    assert_array_equal(converted(colours, space), cv2.cvtColor(colours, code))


@pytest.mark.slow
@pytest.mark.parametrize(("space", "code"), [(SPACE_HSV, TO_HSV), (SPACE_LAB, TO_LAB)])
def test_conversion_equals_opencv_for_every_colour(space, code):
    every_colour = reference.every_colour()
    assert_array_equal(converted(every_colour, space), cv2.cvtColor(every_colour, code))


@pytest.mark.slow
def test_opponent_equals_the_oracle_for_every_colour():
    every_colour = reference.every_colour()
    assert_array_equal(
        converted(every_colour, SPACE_OPPONENT), reference_color.opponent(every_colour)
    )


def test_opponent_is_the_published_formula_stretched(colours):
    expected = reference_color.opponent_formula(colours)
    result = converted(colours, SPACE_OPPONENT)
    assert np.abs(result - expected).max() <= 0.5 + 1e-9
    # A half rounds up, so gray is 128 in the first two channels; the extremes use the whole range.
    gray = np.full((1, 1, 3), 77, np.uint8)
    assert converted(gray, SPACE_OPPONENT).ravel().tolist() == [128, 128, 77]
    assert result.min() == 0
    assert result.max() == 255


def test_conversion_equals_the_oracle(colours):
    assert_array_equal(converted(colours, SPACE_OPPONENT), reference_color.opponent(colours))
    assert_array_equal(converted(colours, SPACE_RGB), colours)
    assert_array_equal(converted(colours, SPACE_HSV), reference.hsv(colours))
    # 8-bit tables in between put Lab up to two levels off the formula.
    assert np.abs(converted(colours, SPACE_LAB) - reference.lab(colours)).max() < 2


def expected_histogram(image, space, n_bins, joint, grid, root):
    convert_whole = {
        "rgb": lambda image: image,
        "hsv": lambda image: cv2.cvtColor(image, TO_HSV),
        "lab": lambda image: cv2.cvtColor(image, TO_LAB),
        "opponent": reference_color.opponent,
    }
    values = convert_whole[space](image).astype(int)
    ranges = np.array([180 if space == "hsv" else 256, 256, 256])
    bins = values * np.array(n_bins) // ranges
    if joint:
        index = (bins[..., 0] * n_bins[1] + bins[..., 1]) * n_bins[2] + bins[..., 2]
        return reference.grid_shares(index, int(np.prod(n_bins)), grid, root)
    parts = [reference.grid_shares(bins[..., i], n_bins[i], grid, root) for i in range(3)]
    return np.concatenate(parts, axis=1)


@pytest.mark.parametrize("space", SPACE_NAMES)
@pytest.mark.parametrize("joint", [False, True])
@pytest.mark.parametrize("n_bins", [8, (5, 3, 2), (1, 1, 7)])
@pytest.mark.parametrize("grid", [1, (3, 2)])
@pytest.mark.parametrize("root", [False, True])
def test_histograms(rng, space, joint, n_bins, grid, root):
    image = rng.integers(0, 256, (13, 11, 3), np.uint8)
    extractor = ColorHistogramExtractor(
        color_space=space, joint=joint, n_bins=n_bins, grid=grid, transform_sqrt=root
    )
    result = extractor.fit_transform(image[np.newaxis])[0]
    bins = n_bins if isinstance(n_bins, tuple) else (n_bins,) * 3
    cells = grid if isinstance(grid, tuple) else (grid, grid)
    expected = expected_histogram(image, space, bins, joint, cells, root)
    assert_allclose(result.reshape(expected.shape), expected, rtol=1e-6)


def test_finest_bins_are_the_values(rng):
    image = rng.integers(0, 256, (9, 9, 3), np.uint8)
    extractor = ColorHistogramExtractor(color_space="rgb", n_bins=256, grid=1, transform_sqrt=False)
    result = extractor.fit_transform(image[np.newaxis])[0]
    for channel in range(3):
        counts = np.bincount(image[..., channel].ravel(), minlength=256)
        assert_allclose(result[channel * 256 :][:256] * 81, counts, rtol=1e-5)


@pytest.mark.slow
def test_opencv_calc_hist_agrees(rng):
    image = rng.integers(0, 256, (64, 64, 3), np.uint8)
    extractor = ColorHistogramExtractor(n_bins=(9, 8, 4), joint=True, transform_sqrt=False)
    result = extractor.fit_transform(image[np.newaxis])[0].reshape(4, 4, 9, 8, 4)
    hsv = cv2.cvtColor(image, TO_HSV)
    for row, col in np.ndindex(4, 4):
        cell = np.ascontiguousarray(hsv[row * 16 : row * 16 + 16, col * 16 : col * 16 + 16])
        counts = cv2.calcHist([cell], [0, 1, 2], None, [9, 8, 4], [0, 180, 0, 256, 0, 256])
        assert_allclose(result[row, col], counts / 256, rtol=1e-6)


@settings(max_examples=30, deadline=None)
@given(
    image=st.tuples(st.integers(1, 6), st.integers(1, 6)).flatmap(
        lambda shape: arrays(np.uint8, (*shape, 3))
    ),
    space=st.sampled_from(SPACE_NAMES),
    grid=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    n_bins=st.tuples(st.integers(1, 40), st.integers(1, 40), st.integers(1, 40)),
    joint=st.booleans(),
)
def test_any_image_grid_and_bins(image, space, grid, n_bins, joint):
    extractor = ColorHistogramExtractor(color_space=space, grid=grid, n_bins=n_bins, joint=joint)
    if grid[0] > image.shape[0] or grid[1] > image.shape[1]:
        with pytest.raises(ValueError, match="at least as many pixels"):
            extractor.fit(image[np.newaxis])
        return
    result = extractor.fit_transform(image[np.newaxis])[0]
    expected = expected_histogram(image, space, n_bins, joint, grid, True)
    assert_allclose(result.reshape(expected.shape), expected, rtol=1e-6)


@pytest.mark.parametrize("value", [0, 1, 127, 128, 254, 255])
@pytest.mark.parametrize("space", SPACE_NAMES)
def test_a_constant_image_fills_one_bin_of_each_channel(value, space):
    image = np.full((1, 5, 70, 3), value, np.uint8)
    extractor = ColorHistogramExtractor(color_space=space, n_bins=4, grid=(2, 1))
    cells = extractor.fit_transform(image).reshape(2, 3, 4)
    assert_array_equal(np.sort(cells)[..., :-1], 0)
    assert_array_equal(cells.max(axis=-1), 1)


def test_strided_views_equal_their_copies(rng):
    images = rng.integers(0, 256, (2, 18, 22, 3), np.uint8)[:, ::2, ::-2]
    for space in SPACE_NAMES:
        extractor = ColorHistogramExtractor(color_space=space, grid=(2, 3))
        assert_array_equal(extractor.fit_transform(images), extractor.transform(images.copy()))


def test_comparing_and_adding_count_alike(rng):
    """Bins are compared up to a limit and counted one by one beyond: halves of bins add up."""
    image = rng.integers(0, 256, (1, 12, 75, 3), np.uint8)
    few = MAX_COMPARED_BINS // 3
    for space in SPACE_NAMES:
        coarse, fine = (
            ColorHistogramExtractor(
                color_space=space, n_bins=n, grid=(2, 2), transform_sqrt=False
            ).fit_transform(image)
            for n in (few, 2 * few)
        )
        assert_allclose(fine.reshape(-1, 2).sum(axis=1), coarse[0], rtol=1e-6)


def test_columns_of_opponent_colours_are_named():
    image = np.zeros((1, 4, 4, 3), np.uint8)
    extractor = ColorHistogramExtractor(color_space="opponent", n_bins=(2, 1, 1), grid=1)
    names = extractor.fit(image).get_feature_names_out().tolist()
    assert names == [f"opponent_cell0_0_{name}" for name in ("rg0", "rg1", "yb0", "i0")]
