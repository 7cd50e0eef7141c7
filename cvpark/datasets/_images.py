"""Image files to RGB uint8 arrays, once."""

from __future__ import annotations

from contextlib import suppress
from io import BytesIO
from pathlib import Path

import cv2
import imagesize
import numpy as np
from numpy.typing import NDArray

from ..exceptions import DatasetError

# A camera frame has 5 million pixels. Both limits are checked before a decoder allocates anything,
# so a small file that claims a huge image costs nothing.
MAX_FILE_BYTES = 64 * 2**20
MAX_PIXELS = 64 * 10**6


def decode_image(data: bytes, name: str = "image") -> NDArray[np.uint8]:
    """Decode one JPEG or PNG.

    Parameters
    ----------
    data : bytes
        The whole encoded image.
    name : str
        What to call it in an error message, usually its path.

    Returns
    -------
    ndarray of uint8, shape (height, width, 3)
        RGB; a greyscale image has three equal channels.

    Raises
    ------
    DatasetError
        Not an image, a truncated one, or one beyond the size limits.

    Examples
    --------
    >>> import cv2, numpy as np
    >>> _, data = cv2.imencode(".png", np.zeros((4, 6), np.uint8))
    >>> decode_image(data.tobytes()).shape
    (4, 6, 3)
    """
    if not data:
        raise DatasetError(f"{name}: the image file is empty; restore it or leave it out")
    if len(data) > MAX_FILE_BYTES:
        raise DatasetError(f"{name}: {len(data)} bytes, more than the limit of {MAX_FILE_BYTES}")
    _check_header(data, name)
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        image = None
    # libjpeg fills the missing part of a truncated file with grey and only prints a warning.
    if image is None or (data[:2] == b"\xff\xd8" and b"\xff\xd9" not in data[-1024:]):
        raise DatasetError(f"{name}: the image is truncated or damaged; restore it or leave it out")
    rgb: NDArray[np.uint8] = cv2.cvtColor(image, cv2.COLOR_BGR2RGB, dst=image)
    return rgb


def _check_header(data: bytes, name: str) -> None:
    width = height = -1
    # Only these two reach the header parser: it also knows formats that are text.
    if data.startswith((b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")):
        with suppress(ValueError):
            width, height = imagesize.get(BytesIO(data))
    if width <= 0 or height <= 0:
        raise DatasetError(f"{name}: not a readable JPEG or PNG; restore it or leave it out")
    if width * height > MAX_PIXELS:
        raise DatasetError(f"{name}: {width}x{height} pixels, more than the limit of {MAX_PIXELS}")


def read_image(path: str | Path) -> NDArray[np.uint8]:
    """Read one image file, see `decode_image`.

    Examples
    --------
    >>> read_image("missing.jpg")
    Traceback (most recent call last):
    ...
    cvpark.exceptions.DatasetError: missing.jpg: No such file or directory
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise DatasetError(f"{path}: {error.strerror}") from error
    return decode_image(data, str(path))
