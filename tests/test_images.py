"""Image files to RGB arrays."""

from __future__ import annotations

import struct

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cvpark.datasets import decode_image, read_image
from cvpark.exceptions import DatasetError


def encoded(image, suffix=".jpg"):
    return cv2.imencode(suffix, image)[1].tobytes()


def test_channels_are_rgb():
    red = np.zeros((8, 8, 3), np.uint8)
    red[..., 2] = 255  # OpenCV writes BGR
    assert decode_image(encoded(red, ".png"))[0, 0].tolist() == [255, 0, 0]


def test_greyscale_becomes_three_equal_channels():
    image = decode_image(encoded(np.full((9, 7), 90, np.uint8)))
    assert image.shape == (9, 7, 3)
    assert image.dtype == np.uint8
    assert (image == image[..., :1]).all()


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b"", "empty"),
        (b"not an image at all", "not a readable JPEG or PNG"),
        (b"<svg width='10' height='10'/>", "not a readable JPEG or PNG"),
        (b"\xff\xd8\xff", "not a readable JPEG or PNG"),
    ],
)
def test_what_is_no_image_is_refused_in_words(data, complaint):
    with pytest.raises(DatasetError, match=f"^patch.jpg: .*{complaint}"):
        decode_image(data, "patch.jpg")


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_truncated_images_are_refused(suffix):
    whole = encoded(np.random.default_rng(0).integers(0, 256, (60, 60, 3), np.uint8), suffix)
    with pytest.raises(DatasetError, match="truncated or damaged"):
        decode_image(whole[: len(whole) // 2])


@pytest.mark.parametrize(
    ("shape", "min_side", "expected"),
    [
        ((150, 150), None, (150, 150)),
        ((150, 150), 76, (150, 150)),
        ((150, 150), 75, (75, 75)),
        ((150, 113), 57, (75, 57)),
        ((150, 113), 58, (150, 113)),
        ((150, 150), 38, (38, 38)),
        ((150, 150), 1, (19, 19)),
        ((40, 20), 64, (40, 20)),  # never enlarged
    ],
)
@pytest.mark.parametrize("colours", [(), (3,)])
def test_a_jpeg_is_decoded_as_small_as_allowed(shape, min_side, expected, colours):
    data = encoded(np.full((*shape, *colours), 90, np.uint8))
    assert decode_image(data, min_side=min_side).shape == (*expected, 3)


def test_a_smaller_decoding_shows_the_same_picture():
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (5, 5, 3), np.uint8)
    image = cv2.resize(coarse, (160, 160), interpolation=cv2.INTER_CUBIC)
    data = encoded(image)
    full = decode_image(data)
    assert np.array_equal(decode_image(data, min_side=160), full)
    for side in (80, 40, 20):
        reduced = cv2.resize(full, (side, side), interpolation=cv2.INTER_AREA).astype(int)
        assert np.abs(decode_image(data, min_side=side) - reduced).mean() < 2


def test_a_png_is_decoded_whole(tmp_path):
    image = np.random.default_rng(0).integers(0, 256, (60, 50, 3), np.uint8)
    (tmp_path / "patch.png").write_bytes(encoded(image, ".png"))
    assert np.array_equal(read_image(tmp_path / "patch.png", min_side=8), image[..., ::-1])


def test_a_file_is_read_as_small_as_allowed(tmp_path):
    (tmp_path / "patch.jpg").write_bytes(encoded(np.zeros((60, 80, 3), np.uint8)))
    assert read_image(tmp_path / "patch.jpg", min_side=15).shape == (15, 20, 3)


@settings(max_examples=60, deadline=None)
@given(height=st.integers(1, 70), width=st.integers(1, 70), min_side=st.integers(1, 80))
def test_the_shorter_side_stays_long_enough(height, width, min_side):
    shape = decode_image(encoded(np.zeros((height, width), np.uint8)), min_side=min_side).shape
    assert min(shape[:2]) >= min(height, width, min_side)
    assert any(shape[:2] == (-(-height // part), -(-width // part)) for part in (1, 2, 4, 8))


@pytest.mark.parametrize("min_side", [None, 8])
def test_a_truncated_jpeg_is_refused_at_any_size(min_side):
    whole = encoded(np.random.default_rng(0).integers(0, 256, (60, 60, 3), np.uint8))
    with pytest.raises(DatasetError, match="truncated or damaged"):
        decode_image(whole[: len(whole) // 2], min_side=min_side)


def test_the_size_limit_holds_for_the_full_size(monkeypatch):
    monkeypatch.setattr("cvpark.datasets._images.MAX_PIXELS", 99)
    with pytest.raises(DatasetError, match="10x10 pixels, more than the limit"):
        decode_image(encoded(np.zeros((10, 10), np.uint8)), min_side=2)


def test_a_side_of_nothing_is_refused():
    with pytest.raises(ValueError, match="min_side is 0, expected at least 1"):
        decode_image(encoded(np.zeros((10, 10), np.uint8)), min_side=0)


def test_a_claim_of_a_huge_image_is_refused_before_decoding():
    data = bytearray(encoded(np.zeros((4, 4, 3), np.uint8), ".png"))
    data[16:24] = struct.pack(">II", 100_000, 100_000)  # width and height in the header chunk
    with pytest.raises(DatasetError, match="100000x100000 pixels"):
        decode_image(bytes(data))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DatasetError, match=r"gone\.jpg: No such file"):
        read_image(tmp_path / "gone.jpg")
