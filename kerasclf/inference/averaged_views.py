"""Test-time augmentation: views of an image whose class probabilities are averaged. Needs no TensorFlow."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kerasclf.data.pixels.decode import resize_images
from kerasclf.errors import KerasclfError
from kerasclf.values import whole_number

# A cropped view keeps this share of each side.
_SHARE = 0.875
# Where cropped views lie: shares of the room that they have, downwards and to the right.
_PLACES = ((0.5, 0.5), (0.0, 0.0), (1.0, 1.0), (0.0, 1.0))


class ImageView(NamedTuple):
    """How a view shows an image.

    Args:
        flipped: Whether left and right are exchanged.
        place: Where its cropped part lies; None for the whole image.
    """

    flipped: bool
    place: tuple[float, float] | None = None

    def of(self, images: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Returns this view of images, uint8 of shape (n, height, width, channels); the shape stays."""
        if self.place is not None:
            height, width = images.shape[1:3]
            rows, columns = max(1, round(_SHARE * height)), max(1, round(_SHARE * width))
            top, left = round(self.place[0] * (height - rows)), round(self.place[1] * (width - columns))
            images = resize_images(images[:, top : top + rows, left : left + columns], (height, width))
        return np.ascontiguousarray(images[:, :, ::-1]) if self.flipped else images


# The image itself, its mirror image, then cropped views, of which every second one is mirrored.
VIEWS = (ImageView(False), ImageView(True), *(ImageView(flip, place) for place in _PLACES for flip in (False, True)))


def views_of(tta: str | int | None) -> tuple[ImageView, ...]:
    """Returns the views that a request for test-time augmentation names, the image itself first.

    Args:
        tta: `"flip"` for the image and its mirror image, a number of views from 2 to 10, or None for the image alone.

    Raises:
        KerasclfError: If it is none of these.

    Example:
        >>> [len(views_of(tta)) for tta in (None, "flip", 5)]
        [1, 2, 5]
    """
    if tta is None:
        return VIEWS[:1]
    count = 2 if tta == "flip" else whole_number(str(tta)) or 0
    if not 2 <= count <= len(VIEWS):
        raise KerasclfError(f"tta: expected flip, or 2 to {len(VIEWS)} views. Received: {tta}.")
    return VIEWS[:count]
