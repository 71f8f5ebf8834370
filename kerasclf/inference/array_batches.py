"""Batches of images that are arrays already, for a trained model."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from kerasclf.data.pixels.decode import resize_images
from kerasclf.data.pixels.image_fit import Fit
from kerasclf.errors import KerasclfError
from kerasclf.inference.read_ahead import ImageBatch, batch_size

Arrays = NDArray[np.uint8] | Sequence[NDArray[np.uint8]]


def array_batches(images: Arrays, shape: tuple[int, int, int], fit: Fit) -> Iterator[ImageBatch]:
    """Yields batches of arrays, resized as image files are.

    Args:
        images: uint8 arrays, pixels 0–255, of shape (height, width, channels).
        shape: Height, width and channels of the batches.
        fit: How an image fills this height and width.

    Raises:
        KerasclfError: If an array is no such image.
    """
    size = batch_size(shape)
    for image in images:
        _check_array(image, shape[2])
    for start in range(0, len(images), size):
        part = [
            image if image.shape == shape else resize_images(image[None], shape[:2], fit)[0]
            for image in images[start : start + size]
        ]
        yield ImageBatch(tuple(str(start + i) for i in range(len(part))), np.stack(part))


def _check_array(image: NDArray[np.uint8], channels: int) -> None:
    """Checks an image, whose pixels could have any range if they were no bytes."""
    if image.ndim != 3 or image.shape[-1] != channels or image.dtype != np.uint8 or 0 in image.shape:
        raise KerasclfError(
            f"images: expected uint8 arrays of shape (height, width, {channels}), pixels 0–255. "
            f"Received: {image.dtype} of shape {image.shape}."
        )
