"""Felzenszwalb's HOG: against the oracle, and what must hold for any image."""

import math

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose, assert_array_equal

from cvpark._kernels.directions import direction_bounds, nearest_directions, usual_directions
from cvpark._kernels.fhog import fhog_batch
from cvpark.features import HOGExtractor

from . import reference, reference_hog

TOLERANCE = {"rtol": 1e-5, "atol": 1e-6}


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def ours(image, cell=8, orientations=9, channel="auto"):
    extractor = HOGExtractor(
        variant="fhog", pixels_per_cell=cell, orientations=orientations, channel=channel
    )
    rows, cols = (cell, cell) if isinstance(cell, int) else cell
    out = extractor.fit_transform(image[np.newaxis])[0]
    return out.reshape(image.shape[0] // rows, image.shape[1] // cols, -1)


def noise(rng, *shape):
    return rng.integers(0, 256, (*shape, 3), np.uint8)


@pytest.mark.parametrize("top", [2, 6, 256])
@pytest.mark.parametrize("cell", [8, (4, 6), (3, 5), (1, 7), (12, 1), 11])
@pytest.mark.parametrize("shape", [(24, 24), (17, 30)])
def test_against_the_oracle(rng, shape, cell, top):
    image = rng.integers(0, top, (*shape, 3), np.uint8)
    expected = reference_hog.fhog(image, 9, (cell, cell) if isinstance(cell, int) else cell)
    assert_allclose(ours(image, cell), expected, **TOLERANCE)


@pytest.mark.parametrize("orientations", [1, 2, 3, 4, 6, 7, 8, 12, 18])
def test_orientations(rng, orientations):
    image = rng.integers(0, 8, (16, 16, 3), np.uint8)  # many gradients between two directions
    expected = reference_hog.fhog(image, orientations, (4, 4))
    result = ours(image, 4, orientations)
    assert result.shape == (4, 4, 3 * orientations + 4)
    assert_allclose(result, expected, **TOLERANCE)


def test_channels(rng):
    image = noise(rng, 16, 16)
    gray = reference.gray(image)[..., np.newaxis]
    assert_allclose(ours(image, channel="gray"), reference_hog.fhog(gray, 9, (8, 8)), **TOLERANCE)
    assert_array_equal(ours(image, channel="max"), ours(image))
    assert not np.allclose(ours(image, channel="gray"), ours(image))


@pytest.mark.parametrize("cell", [8, 16, (4, 6), (3, 5), (1, 7), (12, 1), 23])
@pytest.mark.parametrize("shape", [(48, 48), (23, 70), (33, 24)])
@pytest.mark.parametrize("orientations", [8, 9])
def test_gray_of_any_shape(rng, shape, cell, orientations):
    image = noise(rng, *shape)
    expected = reference_hog.fhog(
        reference.gray(image)[..., np.newaxis],
        orientations,
        (cell, cell) if isinstance(cell, int) else cell,
    )
    assert_allclose(ours(image, cell, orientations, "gray"), expected, **TOLERANCE)


@settings(max_examples=40, deadline=None)
@given(
    image=st.tuples(st.integers(1, 10), st.integers(1, 10), st.just(3)).flatmap(
        lambda s: arrays(np.uint8, s)
    ),
    orientations=st.integers(1, 10),
    cell=st.tuples(st.integers(1, 5), st.integers(1, 5)),
    channel=st.sampled_from(["gray", "max"]),
)
def test_any_image_and_cell(image, orientations, cell, channel):
    if image.shape[0] < cell[0] or image.shape[1] < cell[1]:
        with pytest.raises(ValueError, match=r"smaller than one cell of .*: enlarge them"):
            ours(image, cell, orientations, channel)
        return
    values = reference.gray(image)[..., np.newaxis] if channel == "gray" else image
    expected = reference_hog.fhog(values, orientations, cell)
    assert_allclose(ours(image, cell, orientations, channel), expected, **TOLERANCE)


@pytest.mark.parametrize("value", [0, 1, 200, 255])
def test_constant_images_give_zeros(value):
    assert_array_equal(ours(np.full((24, 32, 3), value, np.uint8)), np.zeros((3, 4, 31)))


def test_range(rng):
    """Half of four values of at most 0.2; a texture is at most 18 times 0.2 by the root of 18."""
    for image in (noise(rng, 32, 32), noise(rng, 32, 32) // 128 * 255):
        result = ours(image)
        assert result.min() >= 0
        assert result[..., :27].max() <= 0.4 + 1e-6
        assert result[..., 27:].max() <= 0.2 * math.sqrt(18) + 1e-6


def test_textures_are_sums(rng):
    """Both projections of the same clipped values: twice the signed columns is their sum."""
    image = noise(rng, 32, 40)
    result = ours(image)
    signed = 2 * result[..., :18].sum(axis=2, dtype=float)
    textures = math.sqrt(18) * result[..., 27:].sum(axis=2, dtype=float)
    assert_allclose(textures, signed, rtol=1e-5)
    clipped = reference_hog.fhog_clipped(reference_hog.fhog_votes(image, 9, (8, 8)))
    for norm in range(4):
        expected = clipped[norm, ..., :18].sum(axis=2) / math.sqrt(18)
        assert_allclose(result[..., 27 + norm], expected, **TOLERANCE)


def test_half_turn(rng):
    """A turned image has turned cells, opposite signs and opposite normalising blocks."""
    image = noise(rng, 24, 32)
    turned = ours(np.ascontiguousarray(image[::-1, ::-1]))[::-1, ::-1]
    order = [*range(9, 18), *range(9), *range(18, 27), 30, 29, 28, 27]
    assert_allclose(turned[..., order], ours(image), **TOLERANCE)


def test_quarter_turn(rng):
    """With eight orientations a quarter turn is four of the sixteen directions.

    No gradient then lies halfway between two of them. With nine, none of this holds.
    """
    image = noise(rng, 24, 32)
    turned = np.rot90(ours(np.ascontiguousarray(np.rot90(image)), 8, 8), -1)
    # A quarter turn counterclockwise takes a gradient to the right to one upwards: 12 of 16.
    signed = [(index + 12) % 16 for index in range(16)]
    unsigned = [16 + (index + 4) % 8 for index in range(8)]
    # What was to the lower right is then to the upper right, and so on round.
    assert_allclose(
        turned[..., [*signed, *unsigned, 25, 27, 24, 26]], ours(image, 8, 8), **TOLERANCE
    )


def test_mirror(rng):
    """Mirrored left to right, direction k becomes 9 - k, but for vertical gradients.

    These are as near to two directions and always count for the lower one.
    """
    ramp = np.arange(32) * 7  # no pixel that votes has a vertical gradient
    image = (rng.integers(0, 8, (24, 32)) % 6 + ramp).astype(np.uint8)
    image = np.repeat(image[..., np.newaxis], 3, axis=2)
    mirrored = ours(np.ascontiguousarray(image[:, ::-1]))[:, ::-1]
    signed = [(9 - index) % 18 for index in range(18)]
    unsigned = [18 + (9 - index) % 9 for index in range(9)]
    assert_allclose(mirrored[..., [*signed, *unsigned, 29, 30, 27, 28]], ours(image), **TOLERANCE)


def test_brightness_does_not_count(rng):
    image = rng.integers(0, 100, (24, 24, 3), np.uint8)
    assert_array_equal(ours(image + np.uint8(100)), ours(image))


@pytest.mark.parametrize(
    ("down", "right", "direction"),
    [(0, 90, 0), (90, 0, 4), (0, -90, 9), (-90, 0, 13), (90, 90, 2), (-90, 90, 16)],
)
def test_directions(down, right, direction):
    """Rows count downwards, so 90 degrees is dark above bright."""
    image = np.full((3, 3, 3), 100, np.uint8)
    image[0, 1], image[2, 1] = 100 - down // 2, 100 + down // 2
    image[1, 0], image[1, 2] = 100 - right // 2, 100 + right // 2
    signed = ours(image, 3)[0, 0, :18]
    assert_array_equal(np.flatnonzero(signed), [direction])


@pytest.mark.slow
def test_every_gradient_of_nine_orientations():
    """All pairs of differences of 8 bits, each in the middle of three pixels by three."""
    down, right = (part.ravel() for part in np.mgrid[-255:256, -255:256])
    gray = np.zeros((3, 3, down.size), np.uint8)
    gray[0, 1], gray[2, 1] = np.maximum(-down, 0), np.maximum(down, 0)
    gray[1, 0], gray[1, 2] = np.maximum(-right, 0), np.maximum(right, 0)
    rows = np.ascontiguousarray(gray.transpose(0, 2, 1)).reshape(3, -1)
    magnitudes, found = np.zeros(rows.shape, np.float32), np.zeros(rows.shape, np.int16)
    usual_directions(rows, magnitudes, found)
    assert_allclose(magnitudes[1, 1::3], np.hypot(down, right), rtol=1e-6)
    moves = (down != 0) | (right != 0)
    expected = [reference_hog.direction(*pair, 9) for pair in zip(down, right, strict=True)]
    assert_array_equal(found[1, 1::3][moves], np.array(expected)[moves])


def test_both_paths_to_nine_orientations_agree(rng):
    gray = rng.integers(0, 256, (40, 53), np.uint8)
    results = [(np.zeros(gray.shape, np.float32), np.zeros(gray.shape, np.int16)) for _ in "ab"]
    usual_directions(gray, *results[0])
    nearest_directions(gray[np.newaxis], direction_bounds(9), *results[1])
    for usual, general in zip(*results, strict=True):
        assert_array_equal(usual[1:-1, 1:-1], general[1:-1, 1:-1])


def test_nearest_direction_is_that_of_the_largest_projection():
    """What the authors' code takes is the largest projection, the first of equal ones."""
    angles = np.pi / 9 * np.arange(9)
    for down, right in np.ndindex(40, 79):
        along = right - 39
        projections = np.round(np.cos(angles) * along + np.sin(angles) * down, 9)
        best = np.abs(projections).argmax()
        expected = best + 9 * (projections[best] < 0)
        if down or along:
            assert reference_hog.direction(down, along, 9) == expected


@pytest.mark.parametrize("shape", [(48, 48), (35, 51), (12, 13)])
@pytest.mark.parametrize("levels", [1, 2, 3])
@pytest.mark.parametrize("orientations", [4, 9])
def test_levels_against_the_oracle(rng, shape, levels, orientations):
    image = noise(rng, *shape)
    extractor = HOGExtractor(
        variant="fhog", channel="gray", pixels_per_cell=3, levels=levels, orientations=orientations
    )
    votes = reference_hog.fhog_votes(reference.gray(image)[..., np.newaxis], orientations, (3, 3))
    expected = []
    for _ in range(levels):
        expected.append(reference_hog.fhog_columns(votes).ravel())
        votes = reference_hog.pooled(votes)
    result = extractor.fit_transform(image[np.newaxis])[0]
    assert_allclose(result, np.concatenate(expected), **TOLERANCE)


def test_a_pooled_level_is_close_to_cells_of_that_size(rng):
    """Away from the border; of smooth images, whose votes differ little within a cell."""
    image = cv2.GaussianBlur(noise(rng, 96, 96), (0, 0), 6)
    image = cv2.normalize(image, None, 0, 255, cv2.NORM_MINMAX)
    levels = HOGExtractor(variant="fhog", levels=2).fit_transform(image[np.newaxis])[0]
    pooled = levels[12 * 12 * 31 :].reshape(6, 6, 31)[1:-1, 1:-1]
    direct = ours(image, 16)[1:-1, 1:-1]
    assert np.corrcoef(pooled.ravel(), direct.ravel())[0, 1] > 0.99


def test_levels_in_range(rng):
    image = noise(rng, 16, 24)[np.newaxis]
    names = HOGExtractor(variant="fhog", levels=2).fit(image).get_feature_names_out()
    assert len(set(names)) == len(names) == (6 + 1) * 31
    assert names[6 * 31] == "fhog1_cell0_0_signed0"
    with pytest.raises(ValueError, match=r"16x24 .*smaller than one cell of 32x32"):
        HOGExtractor(variant="fhog", levels=3).fit(image)
    with pytest.raises(ValueError, match=r"levels=2: only variant 'fhog'"):
        HOGExtractor(levels=2).fit(image)
    with pytest.raises(ValueError, match="levels"):
        HOGExtractor(variant="fhog", levels=0).fit(image)


def test_names(rng):
    extractor = HOGExtractor(variant="fhog").fit(noise(rng, 16, 24)[np.newaxis])
    names = extractor.get_feature_names_out()
    assert len(set(names)) == extractor.n_features_out_ == 2 * 3 * 31
    assert names[0] == "fhog_cell0_0_signed0"
    assert names[31 + 18] == "fhog_cell0_1_unsigned0"
    assert names[-1] == "fhog_cell1_2_texture3"


@pytest.mark.parametrize(
    "parameters",
    [
        {"cells_per_block": 3},
        {"cells_per_block": (2, 1)},
        {"block_norm": "L2"},
        {"transform_sqrt": True},
    ],
)
def test_parameters_of_the_other_variant(rng, parameters):
    with pytest.raises(ValueError, match=r"'fhog' .*at their defaults"):
        HOGExtractor(variant="fhog", **parameters).fit(noise(rng, 16, 16)[np.newaxis])


def test_threads_views_and_one_compilation(rng):
    images = rng.integers(0, 256, (5, 16, 18, 3), np.uint8)
    extractor = HOGExtractor(variant="fhog", pixels_per_cell=(5, 6))
    expected = extractor.fit_transform(images)
    assert expected.shape == (5, 3 * 3 * 31)
    for n_jobs in (2, 3):
        assert_array_equal(extractor.set_params(n_jobs=n_jobs).transform(images), expected)
    for view in (np.asfortranarray(images), images[:, ::-1].copy()[:, ::-1]):
        assert_array_equal(extractor.transform(view), expected)
    assert extractor.transform(images[:0]).shape == (0, 3 * 3 * 31)
    if hasattr(fhog_batch, "signatures"):
        assert len(fhog_batch.signatures) == 1
