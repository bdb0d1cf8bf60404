"""Still pictures: files and arrays -> `Frame`."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from vision.errors import DecodeError, SourceError
from vision.types import U8, Frame, Planes
from vision.video.uri import stream_id_of


def read_image(path: str | Path) -> Frame:
    """A picture file (JPEG, PNG, WebP, BMP, TIFF; EXIF rotation respected) as a frame with BGR planes.

    Raises:
        SourceError: the file is missing or cannot be read.
        DecodeError: it is no picture that OpenCV can decode.
    """
    import cv2

    try:
        data = np.fromfile(path, np.uint8)
    except OSError as err:
        raise SourceError(f"{path}: cannot open: {err.strerror}") from err
    image = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
    if image is None:
        raise DecodeError(f"{path}: expected a picture, got something OpenCV cannot read")
    return frame_of(np.asarray(image, np.uint8), stream_id_of(str(path)))


def frame_of(image: U8, stream_id: str = "image") -> Frame:
    """A frame around a BGR uint8 array (h, w, 3), which is not copied; gray (h, w) is repeated in three channels.

    Raises:
        TypeError: not a uint8 array.
        ValueError: not (h, w, 3) or (h, w), or empty.
    """
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8:
        raise TypeError(f"image: expected a uint8 array, got {getattr(image, 'dtype', type(image).__name__)}")
    if image.ndim == 2:
        image = np.repeat(image[..., None], 3, axis=2)
    if image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:
        raise ValueError(f"image: expected shape (h, w, 3), got {image.shape}")
    if image.strides[1:] != (3, 1):
        image = np.ascontiguousarray(image)
    return Frame(stream_id=stream_id, index=0, time_ns=0, offset_s=0.0, planes=Planes("bgr", (image,)))
