"""HOG: against the oracle, against scikit-image."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose, assert_array_equal
from skimage.feature import hog

from cvpark._kernels._jit import frozen
from cvpark._kernels.hog import NEAR, hog_batch, orientation_bounds, root_table
from cvpark._kernels.hog_nine import hog_nine_batch
from cvpark.features import Descriptor, HOGExtractor

from . import reference, reference_hog


@pytest.fixture
def rng():
    return np.random.default_rng(0)


NORMS = ["L1", "L1-sqrt", "L2", "L2-Hys"]


def rgb(gray):
    """An RGB image whose gray is ``gray``, exactly."""
    return np.repeat(gray[..., np.newaxis], 3, axis=-1)


def ours_of(images, **parameters):
    return HOGExtractor(**parameters).fit_transform(images)


def ours(gray, **parameters):
    return ours_of(rgb(gray)[np.newaxis], **parameters)[0]


def theirs(gray, orientations=9, cell=(8, 8), block=(2, 2), norm="L2-Hys", root=False):
    return hog(gray, orientations, cell, block, norm, transform_sqrt=root)


def image_of(kind, shape, rng):
    if kind == "noise":
        return rng.integers(0, 256, shape, np.uint8)
    if kind == "dark":
        return rng.integers(0, 6, shape, np.uint8)
    if kind == "steps":
        steps = rng.integers(0, 256, (-(-shape[0] // 4), -(-shape[1] // 4)))
        return np.kron(steps, np.ones((4, 4)))[: shape[0], : shape[1]].astype(np.uint8)
    if kind == "extreme":
        return (rng.integers(0, 2, shape) * 255).astype(np.uint8)
    return np.full(shape, 200, np.uint8)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("kind", ["noise", "dark", "steps", "extreme", "flat"])
def test_block_norms(rng, norm, kind):
    gray = image_of(kind, (24, 32), rng)
    assert_allclose(ours(gray, block_norm=norm), theirs(gray, norm=norm), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", ["noise", "dark", "extreme"])
@pytest.mark.parametrize("orientations", [1, 2, 3, 4, 6, 7, 8, 9, 10, 12, 18, 19, 36])
def test_orientations(rng, orientations, kind):
    gray = image_of(kind, (24, 24), rng)
    assert_allclose(
        ours(gray, orientations=orientations), theirs(gray, orientations), rtol=1e-5, atol=1e-6
    )


@pytest.mark.parametrize("shape", [(16, 16), (23, 31), (17, 40)])
@pytest.mark.parametrize("cell", [(8, 8), (3, 5), (1, 7), (6, 1), (7, 4)])
@pytest.mark.parametrize("block", [(1, 1), (2, 2), (1, 2), (2, 1)])
def test_geometry(rng, shape, cell, block):
    gray = image_of("noise", shape, rng)
    result = ours(gray, pixels_per_cell=cell, cells_per_block=block)
    assert_allclose(result, theirs(gray, 9, cell, block), rtol=1e-5, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("width", [300, 511, 512, 600])
@pytest.mark.parametrize("cell", [(4, 8), (2, 100), (3, 256), (2, 300)])
@pytest.mark.parametrize("orientations", [9, 12])
def test_images_and_cells_wider_than_a_tile(rng, width, cell, orientations):
    gray = image_of("noise", (8, width), rng)
    result = ours(gray, orientations=orientations, pixels_per_cell=cell, cells_per_block=1)
    assert_allclose(result, theirs(gray, orientations, cell, (1, 1)), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("width", [63, 64, 65, 66, 127, 130])
@pytest.mark.parametrize("cell", [(2, 8), (4, 7), (2, 1), (2, 63), (2, 64), (2, 65), (3, 8)])
def test_tiles_of_nine_orientations(rng, width, cell):
    if cell[1] > width:
        return
    gray = image_of("noise", (4, width), rng)
    result = ours(gray, pixels_per_cell=cell, cells_per_block=1)
    assert_allclose(result, theirs(gray, 9, cell, (1, 1)), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", ["noise", "dark", "steps", "extreme", "flat"])
@pytest.mark.parametrize("cell", [(8, 8), (2, 5), (6, 16)])
def test_both_kernels_of_nine_orientations_agree(rng, kind, cell):
    images = frozen(rgb(image_of(kind, (37, 70), rng))[np.newaxis])
    n_cells = 37 // cell[0] * (70 // cell[1])
    usual, general = (np.empty((1, 9 * n_cells), np.float32) for _ in range(2))
    hog_nine_batch(images, *cell, 1, 1, 2, usual)
    hog_batch(images, 0, orientation_bounds(9), 9, root_table(False), *cell, 1, 1, 2, general)
    assert_allclose(usual, general, rtol=1e-6, atol=1e-7)


@pytest.mark.slow
def test_every_gradient_falls_into_its_bin_of_nine():
    """All pairs of differences of 8 bits, each an image whose second pixel of row two has it."""
    down, right = (part.ravel() for part in np.mgrid[-255:256, -255:256])
    images = np.zeros((down.size, 4, 3), np.uint8)
    images[:, 0, 1], images[:, 2, 1] = np.maximum(-down, 0), np.maximum(down, 0)
    images[:, 1, 0], images[:, 1, 2] = np.maximum(-right, 0), np.maximum(right, 0)
    out = ours_of(rgb(images), pixels_per_cell=(2, 1), cells_per_block=1, block_norm="L1")
    cell = out.reshape(-1, 2, 3, 9)[:, 0, 1]  # the pixel and one without a gradient
    relevant = (down != 0) | (right != 0)
    assert np.array_equal(np.count_nonzero(cell, axis=1), relevant)
    angle = np.arctan2(down, right) * (180 / np.pi) % 180
    expected = np.searchsorted(20.0 * np.arange(1, 9), angle, side="right")
    assert np.array_equal(cell.argmax(axis=1)[relevant], expected[relevant])


@pytest.mark.slow
@pytest.mark.parametrize("size", [64, 128, 150])
@pytest.mark.parametrize("root", [False, True])
def test_real_sizes(rng, size, root):
    gray = image_of("noise", (size, size), rng)
    result = ours(gray, transform_sqrt=root)
    assert_allclose(result, theirs(gray, root=root), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("orientations", [3, 4, 9, 12])
@pytest.mark.parametrize("norm", NORMS)
def test_roots(rng, orientations, norm):
    # Bright, so that no root gradient lies on a boundary: there the last bit of the arc tangent
    # decides, and NumPy's depends on the processor.
    gray = rng.integers(90, 256, (24, 24), np.uint8)
    result = ours(gray, orientations=orientations, block_norm=norm, transform_sqrt=True)
    expected = theirs(gray, orientations, norm=norm, root=True)
    assert_allclose(result, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("orientations", [3, 4, 8, 9, 12])
def test_roots_on_boundaries(rng, orientations):
    gray = image_of("dark", (24, 24), rng)
    expected = reference.hog(gray, orientations, (8, 8), (2, 2), "L2", True)
    result = ours(gray, orientations=orientations, block_norm="L2", transform_sqrt=True)
    assert_allclose(result, expected, rtol=1e-5, atol=1e-6)


@settings(max_examples=40, deadline=None)
@given(
    gray=st.tuples(st.integers(1, 14), st.integers(1, 14)).flatmap(lambda s: arrays(np.uint8, s)),
    orientations=st.integers(1, 20),
    cell=st.tuples(st.integers(1, 5), st.integers(1, 5)),
    block=st.tuples(st.integers(1, 2), st.integers(1, 2)),
    norm=st.sampled_from(NORMS),
)
def test_any_image_and_geometry(gray, orientations, cell, block, norm):
    parameters = {
        "orientations": orientations,
        "pixels_per_cell": cell,
        "cells_per_block": block,
        "block_norm": norm,
    }
    if gray.shape[0] < cell[0] * block[0] or gray.shape[1] < cell[1] * block[1]:
        with pytest.raises(ValueError, match="smaller than one block"):
            ours(gray, **parameters)
        return
    expected = reference.hog(gray, orientations, cell, block, norm, False)
    assert_allclose(ours(gray, **parameters), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("orientations", [*range(1, 41), 60, 90, 180])
def test_every_gradient_falls_into_its_bin(orientations):
    """All pairs of differences of 8 bits, against the angle in float64."""
    down, right = np.arange(256, dtype=np.float32)[:, np.newaxis], np.arange(-255, 256)
    bounds = orientation_bounds(orientations)
    edges = down[..., np.newaxis, np.newaxis] * bounds[:, :, np.newaxis]
    edges[..., 0, :] = np.maximum(down, NEAR)[..., np.newaxis] * bounds[:, :1]
    below = right.astype(np.float32) > edges
    counted = (below[:, :, 1:] & ~below[:, :, :-1]).reshape(256, -1, 511)[:, :orientations]
    relevant = (down > 0) | (right > 0)
    assert np.array_equal(counted.sum(axis=1) == 1, relevant)
    angle = np.arctan2(down.astype(float), right.astype(float)) * (180 / np.pi) % 180
    edges = (180 / orientations * np.arange(1, orientations)).astype(np.float32).astype(float)
    expected = np.searchsorted(edges, angle, side="right")
    assert np.array_equal(counted.argmax(axis=1)[relevant], expected[relevant])


@pytest.mark.parametrize("kind", ["noise", "dark", "steps", "extreme", "flat"])
@pytest.mark.parametrize("orientations", [4, 9, 12])
@pytest.mark.parametrize("norm", NORMS)
def test_colour_gradients(rng, kind, orientations, norm):
    image = image_of(kind, (24, 33, 3), rng) if kind != "steps" else steps_in_colour(rng)
    result = ours_of(image[np.newaxis], channel="max", orientations=orientations, block_norm=norm)[
        0
    ]
    expected = hog(image, orientations, (8, 8), (2, 2), norm, channel_axis=-1)
    assert_allclose(result, expected, rtol=1e-5, atol=1e-6)


def steps_in_colour(rng):
    return np.stack([image_of("steps", (24, 33), rng) for _ in range(3)], axis=-1)


@pytest.mark.parametrize("orientations", [3, 9])
def test_roots_of_colours(rng, orientations):
    image = rng.integers(90, 256, (24, 24, 3), np.uint8)  # bright, as in test_roots
    result = ours_of(
        image[np.newaxis], channel="max", orientations=orientations, transform_sqrt=True
    )[0]
    expected = hog(
        image, orientations, (8, 8), (2, 2), "L2-Hys", transform_sqrt=True, channel_axis=-1
    )
    assert_allclose(result, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("orientations", [6, 9])
@pytest.mark.parametrize("root", [False, True])
def test_colours_of_gray_are_gray(rng, orientations, root):
    gray = image_of("noise", (16, 24), rng)
    parameters = {"orientations": orientations, "transform_sqrt": root}
    result = ours(gray, channel="max", **parameters)
    assert_allclose(result, ours(gray, channel="gray", **parameters), rtol=1e-6, atol=1e-7)


@settings(max_examples=40, deadline=None)
@given(
    image=st.tuples(st.integers(1, 9), st.integers(1, 9), st.just(3)).flatmap(
        lambda s: arrays(np.uint8, s)
    ),
    orientations=st.integers(1, 12),
    cell=st.tuples(st.integers(1, 4), st.integers(1, 4)),
)
def test_any_colour_image(image, orientations, cell):
    parameters = {"channel": "max", "pixels_per_cell": cell, "cells_per_block": 1}
    if image.shape[0] < cell[0] or image.shape[1] < cell[1]:
        with pytest.raises(ValueError, match="smaller than one block"):
            ours_of(image[np.newaxis], **parameters)
        return
    result = ours_of(image[np.newaxis], orientations=orientations, **parameters)[0]
    expected = reference_hog.hog(image, orientations, cell, (1, 1), "L2-Hys")
    assert_allclose(result, expected, rtol=1e-5, atol=1e-6)


def test_parameters_of_before_mean_the_same(rng):
    """A description without the parameters that came later is of the descriptor it was of."""
    images = rng.integers(0, 256, (1, 24, 24, 3), np.uint8)
    parameters = {
        "orientations": 9,
        "pixels_per_cell": 8,
        "cells_per_block": 2,
        "block_norm": "L2-Hys",
        "transform_sqrt": False,
    }
    expected = theirs(reference.gray(images[0]))
    config = {"size": 24, "extractors": [{"kind": "hog", **parameters}]}
    result = Descriptor.from_config(config).fit().transform(images)[0]
    assert_allclose(result, expected, rtol=1e-5, atol=1e-6)
    assert_array_equal(result, ours_of(images, variant="dalal", channel="gray")[0])


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"variant": "felzenszwalb"}, "variant is 'felzenszwalb', expected one of dalal, fhog"),
        ({"channel": "red"}, "channel is 'red', expected one of auto, gray, max"),
    ],
)
def test_unknown_names(parameters, words):
    with pytest.raises(ValueError, match=words):
        ours(np.zeros((16, 16), np.uint8), **parameters)


def test_nothing_is_warned_about(rng):
    images = rgb(np.stack([image_of(kind, (16, 16), rng) for kind in ("noise", "extreme", "flat")]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for orientations in (1, 9, 12):
            assert np.isfinite(ours_of(images, orientations=orientations)).all()


def test_each_kernel_is_compiled_once(rng):
    images = rng.integers(0, 256, (2, 16, 18, 3), np.uint8)
    for parameters in ({}, {"block_norm": "L1"}, {"orientations": 3}, {"transform_sqrt": True}):
        for view in (images, images[:, ::-1], np.asfortranarray(images), images[:0]):
            ours_of(view, n_jobs=2, **parameters)
            ours_of(view, channel="max", **parameters)
    for kernel in (hog_nine_batch, hog_batch):
        if not hasattr(kernel, "signatures"):
            pytest.skip("kernels run interpreted")
        assert len(kernel.signatures) == 1


def test_gray_is_taken_first(rng):
    image = rng.integers(0, 256, (24, 24, 3), np.uint8)
    expected = theirs(reference.gray(image))
    result = HOGExtractor().fit_transform(image[np.newaxis])[0]
    assert_allclose(result, expected, rtol=1e-5, atol=1e-6)
