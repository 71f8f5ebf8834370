"""`digits`: 1,797 handwritten digits of 8×8 pixels, included in scikit-learn (Alpaydin and Kaynak 1998)."""

import numpy as np

from kerasclf.data.dataset import Subset
from kerasclf.data.image_sources import ArrayImages
from kerasclf.data.pixels.decode import resize_images
from kerasclf.data.pixels.image_fit import Fit

TITLE = "digits of scikit-learn (8×8)"
_MAX_COUNT = 16  # scikit-learn's pixels are counts from 0 to 16


def load_digits(image_size: tuple[int, int] | None, fit: Fit = "squash") -> tuple[tuple[str, ...], Subset]:
    """Returns the class names and all digits, white on black, as uint8 images of shape (8, 8, 1).

    Args:
        image_size: Height and width to resize to, in pixels; None keeps 8×8.
        fit: How an image fills `image_size`, see `kerasclf.data.pixels.image_fit`.
    """
    from sklearn import datasets

    found = datasets.load_digits()
    images = np.round(found.images * (255 / _MAX_COUNT)).astype(np.uint8)[..., None]
    images = images if image_size is None else resize_images(images, image_size, fit)
    return tuple("0123456789"), Subset(
        ArrayImages(images), found.target.astype(np.int64), tuple(str(i) for i in range(len(images)))
    )
