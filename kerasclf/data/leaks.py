"""The test images that a flaw leaks into the training or the choice of the epoch, and the near-copies of images."""

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from kerasclf.data.dataset import Subset, shuffled_classes
from kerasclf.data.image_sources import ArrayImages
from kerasclf.flaws import LEAKED_SHARE

# Flaw → share of the test images of each class that leak.
_LEAKED_SHARES = {"duplicates": LEAKED_SHARE, "group_leak": LEAKED_SHARE, "choose_on_half": 0.5}

# Largest shift of a near-copy, as a share of height and width, and its change of brightness in grey levels.
_SHIFT = 1 / 16
_BRIGHTNESS = (8, 24)


def leaked_test_images(labels: NDArray[np.integer], flaws: Collection[str], seed: int) -> NDArray[np.bool_]:
    """Returns which test images leak, a mask of shape (n,). The same share of each class leaks.

    Args:
        labels: Labels of the test images, shape (n,).
        flaws: Names from `kerasclf.flaws.FLAWS`. Flaws of one share leak the same images.
        seed: Seed of the choice: that of the split.

    Example:
        >>> import numpy as np
        >>> labels = np.array([0, 0, 0, 0, 1, 1])
        >>> np.bincount(labels[leaked_test_images(labels, ("choose_on_half",), seed=0)]).tolist()
        [2, 1]
    """
    leaked = np.zeros(len(labels), bool)
    share = max((_LEAKED_SHARES[name] for name in flaws if name in _LEAKED_SHARES), default=0.0)
    for own in shuffled_classes(labels, seed):
        leaked[own[: round(share * len(own))]] = True
    return leaked


def near_copies(subset: Subset, seed: int) -> Subset:
    """Returns a slightly shifted and brighter or darker version of each image, with its label and group.

    No pixels are equal.

    Args:
        subset: The images, uint8.
        seed: Seed of the shifts and of the changes of brightness.
    """
    rng = np.random.default_rng(seed)
    images = subset.images.read(np.arange(len(subset)))
    return Subset(
        ArrayImages(np.stack([_near_copy(image, rng) for image in images])),
        subset.labels,
        tuple(f"{name} (near-copy {seed})" for name in subset.names),
        subset.groups,
    )


def _near_copy(image: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    height, width = image.shape[:2]
    rows, columns = (max(1, round(_SHIFT * side)) for side in (height, width))
    top, left = rng.integers(0, 2 * rows + 1), rng.integers(0, 2 * columns + 1)
    padded = np.pad(image, ((rows, rows), (columns, columns), (0, 0)), mode="edge")
    shifted = padded[top : top + height, left : left + width].astype(np.int64)
    # A dark image becomes brighter and a bright one darker, so that it changes even where pixels are cut off.
    sign = 1 if image.mean() < 128 else -1
    return (shifted + sign * rng.integers(*_BRIGHTNESS, endpoint=True)).clip(0, 255).astype(np.uint8)
