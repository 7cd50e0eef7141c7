"""The contract every extractor keeps."""

import os
import pickle
import pkgutil
import subprocess
import sys
from importlib import import_module

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.utils import get_tags

from cvpark import _kernels
from cvpark.features import (
    ColorHistogramExtractor,
    ColorMomentsExtractor,
    HOGExtractor,
    LBPExtractor,
    resize_patches,
)

EXTRACTORS = [
    HOGExtractor(pixels_per_cell=4),
    HOGExtractor(orientations=4, pixels_per_cell=(3, 5), block_norm="L1", transform_sqrt=True),
    HOGExtractor(variant="fhog", pixels_per_cell=4),
    HOGExtractor(channel="max", pixels_per_cell=5, cells_per_block=1),
    LBPExtractor(grid=2),
    LBPExtractor(n_points=6, radius=1.5, method="ror", grid=(1, 3)),
    LBPExtractor(method="var", transform_sqrt=False),
    LBPExtractor(neighbors="pixels", grid=2),
    ColorHistogramExtractor(grid=2),
    ColorHistogramExtractor(color_space="lab", n_bins=(2, 3, 4), joint=True),
    ColorHistogramExtractor(color_space="opponent"),
    ColorMomentsExtractor(grid=2),
    HOGExtractor(variant="fhog", pixels_per_cell=4, levels=2),
]

BATCH_KERNELS = {
    f"{info.name}.{name}": function
    for info in pkgutil.iter_modules(_kernels.__path__, "cvpark._kernels.")
    for name, function in vars(import_module(info.name)).items()
    if name.endswith("_batch") and hasattr(function, "signatures")
}


@pytest.fixture(params=EXTRACTORS, ids=lambda e: str(e).replace("Extractor", ""))
def extractor(request):
    return clone(request.param)


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(0, 256, (5, 14, 17, 3), np.uint8)


def test_output(extractor, images):
    before = images.copy()
    out = extractor.fit_transform(images)
    assert out.dtype == np.float32
    assert out.flags.c_contiguous
    assert out.shape == (5, extractor.n_features_out_)
    assert np.isfinite(out).all()
    assert len(np.unique(out, axis=0)) == 5
    assert_array_equal(images, before)


def test_extreme_images_give_finite_output(extractor, images):
    checks = np.indices(images.shape[:3]).sum(axis=0)[..., np.newaxis] % 2 * np.full(3, 255)
    for extreme in (np.zeros_like(images), np.full_like(images, 255), checks.astype(np.uint8)):
        assert np.isfinite(extractor.fit_transform(extreme)).all()


def test_fitting_twice_changes_nothing(extractor, images):
    first = extractor.fit_transform(images)
    assert_array_equal(extractor.fit(images[:1]).transform(images), first)
    assert_array_equal(extractor.fit(255 - images).transform(images), first)


@pytest.mark.parametrize("n_jobs", [2, 3, 8, -1])
def test_threads_change_no_bit(extractor, images, n_jobs):
    expected = extractor.fit_transform(images)
    assert_array_equal(extractor.set_params(n_jobs=n_jobs).transform(images), expected)


def test_batch_is_its_images(extractor, images):
    singles = [extractor.fit(images).transform(images[i : i + 1]) for i in range(len(images))]
    assert_array_equal(extractor.transform(images), np.concatenate(singles))


def test_empty_batch(extractor, images):
    out = extractor.fit(images).transform(images[:0])
    assert out.shape == (0, extractor.n_features_out_)
    assert extractor.fit(images[:0]).transform(images).shape[0] == 5


def test_memory_layout_does_not_matter(extractor, images):
    expected = extractor.fit_transform(images)
    frozen = images.copy()
    frozen.flags.writeable = False
    strided = np.repeat(np.repeat(images, 2, axis=1), 3, axis=2)[:, ::2, ::3]
    mirrored_twice = images[:, ::-1].copy()[:, ::-1]
    for view in (np.asfortranarray(images), frozen, strided, mirrored_twice, list(images)):
        assert_array_equal(extractor.transform(view), expected)


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (lambda x: x[0], ValueError, r"\(14, 17, 3\).*\(n_samples, height, width, 3\).*newaxis"),
        (lambda x: x[..., 0], ValueError, r"\(5, 14, 17\)"),
        (lambda x: x[..., :2], ValueError, r"\(5, 14, 17, 2\)"),
        (lambda x: x / 255, TypeError, "float64.*uint8.*astype"),
        (lambda x: x.astype(int), TypeError, "int64.*uint8"),
        (lambda x: x[:, :0], ValueError, "without pixels"),
    ],
)
def test_bad_images_are_named(extractor, images, change, error, words):
    with pytest.raises(error, match=words):
        extractor.fit(change(images))
    with pytest.raises(error, match=words):
        extractor.fit(images).transform(change(images))


def test_other_size_is_named(extractor, images):
    with pytest.raises(ValueError, match=r"\(13, 17, 3\).*\(14, 17, 3\).*resize_patches"):
        extractor.fit(images).transform(images[:, 1:])
    resized = resize_patches(images[:, 1:], (14, 17))
    assert extractor.transform(resized).shape[0] == 5


def test_image_too_small_is_named(extractor):
    with pytest.raises(ValueError, match=r"1x1.*enlarge"):
        extractor.fit(np.zeros((1, 1, 1, 3), np.uint8))


def test_not_fitted(extractor, images):
    with pytest.raises(NotFittedError):
        extractor.transform(images)
    with pytest.raises(NotFittedError):
        extractor.get_feature_names_out()


def test_names(extractor, images):
    names = extractor.fit(images).get_feature_names_out()
    assert names.shape == (extractor.n_features_out_,)
    assert len(set(names)) == len(names)


def test_parameters_are_only_stored(extractor):
    parameters = extractor.get_params()
    assert parameters == clone(extractor).get_params()
    assert set(vars(extractor)) == set(parameters)
    with pytest.raises(TypeError):
        type(extractor)(8)


def test_pickle(extractor, images):
    expected = extractor.fit_transform(images)
    assert_array_equal(pickle.loads(pickle.dumps(extractor)).transform(images), expected)


def test_tags(extractor):
    tags = get_tags(extractor).input_tags
    assert tags.three_d_array
    assert not tags.two_d_array


def test_pandas_output(extractor, images):
    table = extractor.set_output(transform="pandas").fit_transform(images)
    assert list(table.columns) == list(extractor.get_feature_names_out())


def test_union_and_cross_validation(extractor, images):
    images = np.concatenate([images, images // 4])
    both = FeatureUnion([("first", extractor), ("second", LBPExtractor(grid=1))])
    assert both.fit_transform(images).shape == (10, extractor.n_features_out_ + 10)
    assert len(both.get_feature_names_out()) == extractor.n_features_out_ + 10
    model = make_pipeline(both, LogisticRegression())
    scores = cross_val_score(model, images, np.repeat([0, 1], 5), cv=2)
    assert scores.shape == (2,)
    assert np.isfinite(scores).all()


@pytest.mark.slow
def test_a_second_process_does_not_compile(tmp_path):
    code = """
import numpy as np
from cvpark._kernels.color import color_batch
from cvpark.features import ColorHistogramExtractor
ColorHistogramExtractor().fit_transform(np.zeros((1, 16, 16, 3), np.uint8))
print(sum(color_batch.stats.cache_misses.values()), sum(color_batch.stats.cache_hits.values()))
"""
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path), "NUMBA_DISABLE_JIT": "0"}
    counts = [
        subprocess.run(
            [sys.executable, "-c", code], env=environment, check=True, capture_output=True
        ).stdout.split()
        for _ in range(2)
    ]
    assert counts == [[b"1", b"0"], [b"0", b"1"]]


def test_each_kernel_is_compiled_once(extractor, images, tmp_path):
    if not BATCH_KERNELS:
        pytest.skip("kernels run interpreted")
    mapped = np.memmap(tmp_path / "images", np.uint8, "w+", shape=images.shape)
    mapped[:] = images
    for view in (images, images[:, ::-1], np.asfortranarray(images), mapped, images[:0]):
        extractor.fit(view).transform(view)
        resize_patches(view, 8)
    extractor.set_params(n_jobs=2).transform(
        np.memmap(mapped.filename, np.uint8, "r", shape=mapped.shape)
    )
    pickle.loads(pickle.dumps(extractor)).transform(images)
    compiled = {name: len(kernel.signatures) for name, kernel in BATCH_KERNELS.items()}
    assert max(compiled.values()) == 1, compiled
