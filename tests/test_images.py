"""Image files to RGB arrays."""

from __future__ import annotations

import struct

import cv2
import numpy as np
import pytest

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


def test_a_claim_of_a_huge_image_is_refused_before_decoding():
    data = bytearray(encoded(np.zeros((4, 4, 3), np.uint8), ".png"))
    data[16:24] = struct.pack(">II", 100_000, 100_000)  # width and height in the header chunk
    with pytest.raises(DatasetError, match="100000x100000 pixels"):
        decode_image(bytes(data))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DatasetError, match=r"gone\.jpg: No such file"):
        read_image(tmp_path / "gone.jpg")
