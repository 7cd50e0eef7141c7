"""HOG: against the oracle, against scikit-image."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose
from skimage.feature import hog

from cvpark._kernels.hog import orientation_bounds
from cvpark.features import HOGExtractor

from . import reference


@pytest.fixture
def rng():
    return np.random.default_rng(0)


NORMS = ["L1", "L1-sqrt", "L2", "L2-Hys"]


def rgb(gray):
    """An RGB image whose gray is ``gray``, exactly."""
    return np.repeat(gray[..., np.newaxis], 3, axis=-1)


def ours(gray, **parameters):
    return HOGExtractor(**parameters).fit_transform(rgb(gray)[np.newaxis])[0]


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
def test_images_and_cells_wider_than_a_tile(rng, width, cell):
    gray = image_of("noise", (8, width), rng)
    result = ours(gray, orientations=12, pixels_per_cell=cell, cells_per_block=1)
    assert_allclose(result, theirs(gray, 12, cell, (1, 1)), rtol=1e-5, atol=1e-6)


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
    with np.errstate(invalid="ignore"):  # 0 * inf, which is not below anything
        edges = down[..., np.newaxis, np.newaxis] * bounds[:, :, np.newaxis]
    below = right.astype(np.float32) > edges
    counted = (below[:, :, 1:] & ~below[:, :, :-1]).reshape(256, -1, 511)[:, :orientations]
    relevant = (down > 0) | (right > 0)
    assert np.array_equal(counted.sum(axis=1) == 1, relevant)
    angle = np.arctan2(down.astype(float), right.astype(float)) * (180 / np.pi) % 180
    edges = (180 / orientations * np.arange(1, orientations)).astype(np.float32).astype(float)
    expected = np.searchsorted(edges, angle, side="right")
    assert np.array_equal(counted.argmax(axis=1)[relevant], expected[relevant])


def test_gray_is_taken_first(rng):
    image = rng.integers(0, 256, (24, 24, 3), np.uint8)
    expected = theirs(reference.gray(image))
    result = HOGExtractor().fit_transform(image[np.newaxis])[0]
    assert_allclose(result, expected, rtol=1e-5, atol=1e-6)
