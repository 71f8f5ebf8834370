"""Dark, bright, blurred and flat images, and files of an odd size or aspect ratio."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kerasclf.audit.pooled_images import Measurements

# Grey levels, 0–255. In a dark image 99 % of the pixels are below, in a bright one 99 % above.
DARK_BELOW, BRIGHT_ABOVE = 40.0, 215.0
# Grey levels between the darkest and the brightest percent of a flat image.
FLAT_WITHIN = 10.0
# A blurred image has at most this share of the median sharpness of the data set.
BLURRED_SHARE = 0.15
# An odd size is this many times smaller or larger than the median, by the geometric mean of its sides.
ODD_SIZE = 3.0
# An odd image is this many times wider or narrower than the median image.
ODD_ASPECT = 2.0

THRESHOLDS = {
    "dark": f"99 % of the pixels are darker than grey level {DARK_BELOW:.0f} of 255",
    "bright": f"99 % of the pixels are brighter than grey level {BRIGHT_ABOVE:.0f} of 255",
    "flat": f"98 % of the pixels lie within {FLAT_WITHIN:.0f} grey levels",
    "blurred": f"the edges have at most {100 * BLURRED_SHARE:.0f} % of the median strength (the Laplacian's deviation)",
    "odd size": f"the file is at least {ODD_SIZE:.0f} times smaller or larger than the median, by its side",
    "odd aspect": f"the file is at least {ODD_ASPECT:.0f} times wider or narrower than the median",
}


class Odd(NamedTuple):
    """An odd image.

    Args:
        kind: A key of `THRESHOLDS`.
        image: Its position.
        score: The measured value that the threshold is compared with.
    """

    kind: str
    image: int
    score: float


def odd_images(measured: Measurements, sizes: NDArray[np.int64] | None) -> list[Odd]:
    """Returns the odd images, of each image the first kind that fits and all kinds of its file.

    Args:
        measured: The measurements of all images.
        sizes: Height and width of each file, in pixels, shape (n, 2); None for images without files.
    """
    return [*_by_pixels(measured), *([] if sizes is None else _by_size(sizes))]


def _by_pixels(measured: Measurements) -> Iterator[Odd]:
    low, _, high = measured.brightness.T
    usual = float(np.median(measured.sharpness)) or 1.0
    checks = {
        "flat": (high - low, high - low <= FLAT_WITHIN),
        "dark": (high, high < DARK_BELOW),
        "bright": (low, low > BRIGHT_ABOVE),
        "blurred": (measured.sharpness / usual, measured.sharpness <= BLURRED_SHARE * usual),
    }
    found = np.zeros(len(low), bool)
    for kind, (values, is_odd) in checks.items():
        for image in np.flatnonzero(is_odd & ~found).tolist():
            yield Odd(kind, image, float(values[image]))
        found |= is_odd


def _by_size(sizes: NDArray[np.int64]) -> Iterator[Odd]:
    height, width = sizes.T.astype(np.float64)
    for kind, values, most in (
        ("odd size", np.sqrt(height * width), ODD_SIZE),
        ("odd aspect", width / height, ODD_ASPECT),
    ):
        ratios = values / np.median(values)
        for image in np.flatnonzero((ratios >= most) | (ratios <= 1 / most)).tolist():
            yield Odd(kind, image, float(ratios[image]))
