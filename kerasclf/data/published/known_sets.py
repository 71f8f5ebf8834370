"""Recognises published data sets by their content, in whatever form they arrive. `KNOWN_SETS` lists them.

The digest of a data set is that of a partition: which images share a class, and which are test images. The order of the
images, and the names and numbers of the classes, do not matter. One changed pixel, missing image or moved label does.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from kerasclf.data.dataset import Subset

_MODULUS = 1 << 128  # the size of an image's key


@dataclass(frozen=True)
class KnownSet:
    """A published data set and the digest of its images.

    Args:
        spec: Spec that names it, as in `Study.published_data`.
        title: Name in tables and pages.
        image_shape: Height, width and channels of its images.
        outside_test: Number of training and validation images.
        test: Number of test images.
        digest: `content_digest` of all its images.
    """

    spec: str
    title: str
    image_shape: tuple[int, ...]
    outside_test: int
    test: int
    digest: str


# Digests of files that were at hand. A copy in JPEG has other pixels, so CIFAR-10, MNIST and birds need the originals.
KNOWN_SETS = (
    KnownSet(
        "cifar100:25",
        "CIFAR-100, classes 0–24",
        (32, 32, 3),
        outside_test=12_500,
        test=2_500,
        digest="0adbc18e4cba474e3113ab6d2cc909dc91caf6daef5f0ce591d2766bd061fe81",
    ),
)


def recognise(sets: Mapping[str, Subset]) -> KnownSet | None:
    """Returns the published data set that the images are, all of them and undamaged; None if they are none.

    Images are hashed only if their number and size are those of a published data set.

    Args:
        sets: The sets, at least "train". A validation set counts as a part of the training set.
    """
    outside, test = divided(sets)
    for known in KNOWN_SETS:
        sizes = sum(map(len, outside)), sum(map(len, test))
        same_form = sets["train"].images.shape == known.image_shape and sizes == (known.outside_test, known.test)
        if same_form and content_digest(sets) == known.digest:
            return known
    return None


def content_digest(sets: Mapping[str, Subset]) -> str:
    """Returns a digest of which images share a class, and of which are test images, as hexadecimal digits.

    Args:
        sets: As for `recognise`.
    """
    outside, test = (_class_sums(subsets) for subsets in divided(sets))
    labels = outside.keys() | test.keys()
    # Sorted by content: the numbers of the classes do not matter.
    classes = sorted(f"{outside.get(label, 0):032x} {test.get(label, 0):032x}" for label in labels)
    return hashlib.sha256("\n".join(classes).encode()).hexdigest()


def divided(sets: Mapping[str, Subset]) -> tuple[list[Subset], list[Subset]]:
    """Returns the sets outside the test set, and the test set if there is one."""
    return [sets[name] for name in ("train", "validation") if name in sets], [sets["test"]] if "test" in sets else []


def _class_sums(subsets: list[Subset]) -> dict[int, int]:
    """Returns the sum of the keys of each class. A sum has no order, and counts an image as often as it is there."""
    sums: dict[int, int] = {}
    for subset in subsets:
        for label, key in zip(subset.labels.tolist(), subset.keys, strict=True):
            sums[label] = (sums.get(label, 0) + int(key, 16)) % _MODULUS
    return sums
