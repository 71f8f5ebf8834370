"""`Crop`: a part of an image that may be another image of the data set."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kerasclf.audit.pooled_images import resize

# The sides of the first crops, as shares of the image's side; and their positions along each side.
_CROPS = (0.9, 0.75)
_POSITIONS = (0.0, 0.5, 1.0)
# The smallest crop, as a share of the image's side.
_SMALLEST = 0.6


class Crop(NamedTuple):
    """A square part of an image, as shares of its side, and whether it is mirrored."""

    left: float = 0.0
    top: float = 0.0
    side: float = 1.0
    mirrored: bool = False

    def of(self, image: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
        """Returns the part of a square image, resized to `size` pixels."""
        height = len(image)
        left, top = self.left * height, self.top * height
        part = resize(image, size, (left, top, left + self.side * height, top + self.side * height))
        return part[:, ::-1] if self.mirrored else part

    def moved(self, step: float) -> "Iterator[Crop]":
        """Yields the crops one step away that lie inside the image."""
        for dx, dy, grown in ((1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, -1, 0), (0, 0, 2), (0, 0, -2)):
            # A larger or smaller crop keeps its centre.
            side = self.side + grown * step
            left, top = self.left + (dx - grown / 2) * step, self.top + (dy - grown / 2) * step
            side = min(side, 1.0)
            left, top = min(max(left, 0.0), 1 - side), min(max(top, 0.0), 1 - side)
            if side >= _SMALLEST:
                yield Crop(left, top, side, self.mirrored)


# The middle of an image.
MIDDLE = Crop(0.07, 0.07, 0.86)
# The crops that are tried first, of which the second half is mirrored.
FIRST_CROPS = tuple(
    Crop(left * (1 - side), top * (1 - side), side, mirrored)
    for mirrored in (False, True)
    for side, positions in ((1.0, (0.0,)), *((side, _POSITIONS) for side in _CROPS))
    for left in positions
    for top in positions
)
