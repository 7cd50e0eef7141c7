"""Resizing and gray: against integers, against OpenCV."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_array_equal

from cvpark._kernels._jit import frozen
from cvpark._kernels.pixels import (
    MAX_AREA,
    MAX_HEIGHT,
    _divide,
    _resize_frames,
    _tap_table,
    resize_area_batch,
    rgb_to_gray,
)
from cvpark.features import resize_patches

from . import reference


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def resized(image, height, width):
    out = np.full((1, height, width, 3), 77, np.uint8)
    resize_area_batch(frozen(image[np.newaxis]), out)
    return out[0]


sides = st.integers(1, 12)
images = st.tuples(sides, sides).flatmap(lambda shape: arrays(np.uint8, (*shape, 3)))


@settings(max_examples=60, deadline=None)
@given(image=images, height=sides, width=sides)
def test_resize_is_the_rounded_mean_of_the_box(image, height, width):
    assert_array_equal(resized(image, height, width), reference.resize_area(image, height, width))


@settings(max_examples=30, deadline=None)
@given(image=images, height=sides, width=sides)
def test_frames_follow_the_same_rule(image, height, width):
    out = np.full((1, height, width, 3), 77, np.uint8)
    rows, cols = _tap_table(image.shape[0], height), _tap_table(image.shape[1], width)
    _resize_frames(frozen(image[np.newaxis]), rows, cols, out)
    assert_array_equal(out[0], reference.resize_area(image, height, width))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("shape", "size"),
    [
        ((150, 150), (64, 64)),
        ((113, 150), (64, 64)),
        ((64, 64), (64, 64)),
        ((75, 75), (96, 31)),
        ((600, 520), (7, 9)),  # more rows than sums in uint16 may have
        ((257, 600), (63, 64)),
        ((258, 90), (9, 20)),
        ((200, 2700), (9, 20)),  # more pixels than the division is exact for
        ((1, 40), (3, 3)),
        ((40, 1), (3, 3)),
    ],
)
def test_resize_of_real_sizes(rng, shape, size):
    image = rng.integers(0, 256, (*shape, 3), np.uint8)
    assert_array_equal(resized(image, *size), reference.resize_area(image, *size))


@pytest.mark.slow
@pytest.mark.parametrize("value", [0, 1, 127, 254, 255])
@pytest.mark.parametrize("shape", [(150, 130), (MAX_HEIGHT, MAX_AREA // MAX_HEIGHT), (258, 3)])
def test_resize_keeps_a_constant(value, shape):
    image = np.full((*shape, 3), value, np.uint8)
    assert_array_equal(resized(image, 64, 48), value)


@pytest.mark.parametrize("area", [1, 2, 3, 64 * 64, 150 * 150, 150 * 149, MAX_AREA - 1, MAX_AREA])
def test_division_rounds_half_up_on_both_sides_of_every_half(area):
    halves = (2 * np.arange(255) + 1) * area // 2
    totals = np.concatenate([halves - 1, halves, halves + 1, [0, 255 * area]])
    totals = totals[(totals >= 0) & (totals <= 255 * area)]
    out = np.empty(totals.size, np.uint8)
    _divide(totals.astype(np.uint32), area, out)
    assert_array_equal(out, (2 * totals + area) // (2 * area))


def test_strided_views_equal_their_copies(rng):
    batch = rng.integers(0, 256, (4, 21, 34, 3), np.uint8)[::2, ::-1, ::2]
    assert_array_equal(resize_patches(batch, (5, 6)), resize_patches(batch.copy(), (5, 6)))
    one = batch[0].transpose(1, 0, 2)
    assert_array_equal(resize_patches([one], 7)[0], reference.resize_area(one, 7, 7))


@pytest.mark.slow
def test_resize_is_opencv_inter_area_when_shrinking(rng):
    image = rng.integers(0, 256, (150, 150, 3), np.uint8)
    expected = cv2.resize(image, (64, 64), interpolation=cv2.INTER_AREA)
    assert (
        np.abs(resized(image, 64, 64).astype(int) - expected).max() <= 1
    )  # theirs rounds in float32


def test_exact_halves_round_up(rng):
    pairs = rng.integers(0, 128, (8, 5, 1, 1)) * 2 + np.array([0, 1]).reshape(1, 1, 2, 1)
    image = np.repeat(pairs.reshape(8, 10, 1), 3, axis=2).astype(np.uint8)
    assert_array_equal(resized(image, 8, 5), image[:, 1::2])


def test_gray_equals_opencv(rng):
    image = rng.integers(0, 256, (37, 41, 3), np.uint8)
    image[0, :4] = [[0, 0, 0], [255, 255, 255], [255, 0, 0], [0, 0, 255]]
    out = np.empty(image.shape[:2], np.uint8)
    rgb_to_gray(frozen(image), out)
    assert_array_equal(out, cv2.cvtColor(image, cv2.COLOR_RGB2GRAY))
    assert_array_equal(out, reference.gray(image))


@pytest.mark.slow
def test_gray_equals_opencv_for_every_colour():
    every_colour = reference.every_colour()
    out = np.empty(every_colour.shape[:2], np.uint8)
    rgb_to_gray(frozen(every_colour), out)
    assert_array_equal(out, cv2.cvtColor(every_colour, cv2.COLOR_RGB2GRAY))


def test_gray_stays_gray():
    levels = np.repeat(np.arange(256, dtype=np.uint8)[np.newaxis, :, np.newaxis], 3, axis=2)
    out = np.empty((1, 256), np.uint8)
    rgb_to_gray(frozen(levels), out)
    assert_array_equal(out[0], np.arange(256))


def test_resize_patches_takes_one_many_or_a_mixture(rng):
    batch = rng.integers(0, 256, (3, 20, 17, 3), np.uint8)
    expected = np.stack([reference.resize_area(image, 8, 8) for image in batch])
    assert_array_equal(resize_patches(batch, 8), expected)
    assert_array_equal(resize_patches(batch[0], 8), expected[:1])
    assert_array_equal(resize_patches(list(batch), (8, 8), n_jobs=2), expected)
    assert_array_equal(resize_patches(batch, 8, n_jobs=2), expected)
    mixture = [batch[0], batch[1, :9, ::2], resize_patches(batch[2], 8)[0]]
    out = resize_patches(mixture, 8)
    assert_array_equal(out[1], reference.resize_area(mixture[1], 8, 8))
    assert_array_equal(out[2], mixture[2])


@pytest.mark.parametrize("nothing", [[], np.empty((0, 5, 5, 3), np.uint8)])
def test_resize_patches_of_none(nothing):
    assert resize_patches(nothing, (4, 6)).shape == (0, 4, 6, 3)


@pytest.mark.parametrize(
    ("patches", "size", "error", "words"),
    [
        (
            np.zeros((2, 5, 5)),
            4,
            ValueError,
            r"shape \(1, 2, 5, 5\).*\(n_samples, height, width, 3\)",
        ),
        (np.zeros((5, 5, 3)), 4, TypeError, "float64.*uint8"),
        ([np.zeros((5, 5, 3), np.uint8), np.zeros((5, 5), np.uint8)], 4, ValueError, "patch 1: "),
        (np.zeros((0, 5, 3), np.uint8), 4, ValueError, "without pixels"),
        (np.zeros((5, 5, 3), np.uint8), 0, ValueError, "size is 0, expected at least 1"),
        (np.zeros((5, 5, 3), np.uint8), 2.5, TypeError, "size is 2.5, expected an integer"),
        (np.zeros((5, 5, 3), np.uint8), (1, 2, 3), ValueError, "pair"),
    ],
)
def test_resize_patches_says_what_is_wrong(patches, size, error, words):
    with pytest.raises(error, match=words):
        resize_patches(patches, size)
