"""`ImageDataset`: uint8 images, integer labels, class names, and three sets."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kerasclf.data.image_sources import ArrayImages, FileImages, ImageSource, keys_of
from kerasclf.data.short_reprs import DatasetRepr, SetRepr
from kerasclf.errors import raise_all
from kerasclf.values import digest_of

if TYPE_CHECKING:
    from kerasclf.notebook_figure import NotebookFigure

SETS = ("train", "validation", "test")

# A description names this many classes; of more, the largest and the smallest ones.
_MAX_LISTED_CLASSES = 10


@dataclass(frozen=True, repr=False)
class Subset(SetRepr):
    """Images of one set with their labels and names.

    Args:
        images: The images.
        labels: Class indices, int64 of shape (n,).
        names: Each image's path below the data set's folder, or its index in the original arrays.
        groups: Each image's group, such as its patient; empty without groups.
    """

    images: ImageSource
    labels: NDArray[np.int64]
    names: tuple[str, ...]
    groups: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not len(self.images) == len(self.labels) == len(self.names):
            raise ValueError(
                "Expected as many labels and names as images. Received: "
                f"{len(self.images)} images, {len(self.labels)} labels, {len(self.names)} names."
            )
        if self.groups and len(self.groups) != len(self.labels):
            raise ValueError(
                "Expected a group of each image, or no groups. Received: "
                f"{len(self.images)} images, {len(self.groups)} groups."
            )

    def __len__(self) -> int:
        return len(self.labels)

    @cached_property
    def keys(self) -> tuple[str, ...]:
        """A hash of each image's pixels. It identifies the image independently of its name and index."""
        known = self.images.keys if isinstance(self.images, ArrayImages | FileImages) else ()
        return known or keys_of(self.images)

    def take(self, indices: NDArray[np.integer]) -> "Subset":
        """Returns a subset of only the images at `indices`, in that order."""
        names, groups = (tuple(of_each[int(i)] for i in indices if of_each) for of_each in (self.names, self.groups))
        return Subset(self.images.take(indices), self.labels[indices], names, groups)


@dataclass(frozen=True, repr=False)
class ImageDataset(DatasetRepr):
    """Training, validation and test images that share one size and one list of classes.

    Args:
        spec: The spec given to `load_dataset`, such as `"cifar100:25"`.
        title: Name of the data in tables and pages, such as `"CIFAR-100, classes 0–24"`.
        class_names: Class names, in the order of the labels.
        train: Training set.
        validation: Validation set: epochs and settings are chosen on it.
        test: Test set: results are reported on it, and it is read once, at the end of a run.
        known_as: Spec of the published data set that the images come from; None if they come from none.

    Example:
        >>> import numpy as np
        >>> from kerasclf import load_dataset
        >>> dataset = load_dataset("digits")
        >>> dataset.image_shape
        (8, 8, 1)
        >>> images = dataset.test.images.read(np.arange(5))
        >>> images.shape, images.dtype
        ((5, 8, 8, 1), dtype('uint8'))
        >>> dataset.class_names[dataset.test.labels[0]]
        '1'
    """

    spec: str
    title: str
    class_names: tuple[str, ...]
    train: Subset
    validation: Subset
    test: Subset
    known_as: str | None = None

    @property
    def is_table(self) -> bool:
        """Whether the data set holds rows of a table instead of images."""
        return self.train.images.dtype != np.uint8

    @property
    def num_classes(self) -> int:
        return len(self.class_names)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Height, width and channels of every image."""
        height, width, channels = self.train.images.shape
        return height, width, channels

    def subset(self, name: str) -> Subset:
        """Returns the set called `name`: `"train"`, `"validation"` or `"test"`."""
        if name not in SETS:
            raise ValueError(f"name: expected one of {', '.join(SETS)}. Received: {name!r}.")
        return getattr(self, name)  # type: ignore[no-any-return]

    def describe(self) -> list[str]:
        """Returns two lines for a log: the size of the data set, then its classes with their numbers of images."""
        height, width, channels = self.image_shape
        size = f"{channels} features" if self.is_table else f"{height}x{width}x{channels}"
        sizes = f"{len(self.train):,} train, {len(self.validation):,} validation, {len(self.test):,} test"
        counts = class_counts(np.concatenate([self.subset(name).labels for name in SETS]), self.num_classes)
        many = self.num_classes > _MAX_LISTED_CLASSES
        order = np.argsort(-counts, kind="stable") if many else np.arange(self.num_classes)
        named = [f"{self.class_names[i]} {counts[i]:,}" for i in order]
        if many:
            named = [*named[: _MAX_LISTED_CLASSES // 2], "...", *named[-(_MAX_LISTED_CLASSES // 2) :]]
        return [
            f"data: {self.title}, {self.num_classes} classes, {size}; {sizes}",
            f"images per class: {', '.join(named)}",
        ]

    def preview(self, per_class: int = 6, classes: int = 10) -> "NotebookFigure":
        """Draws the first training images of the first classes, a row for each class.

        Args:
            per_class: Number of images of each class, from 1 to 16.
            classes: Maximum number of classes, from 1 to 30.

        Returns:
            The figure, which a notebook shows. `savefig` writes it to a file.

        Raises:
            KerasclfError: If the data set has no images, or a number cannot be used.
        """
        from kerasclf.data.contact_sheet import draw_classes

        self._check_preview(per_class, classes)
        found = [np.flatnonzero(self.train.labels == label)[:per_class] for label in range(self.num_classes)][:classes]
        return draw_classes(
            {name: self.train.images.read(of_class) for name, of_class in zip(self.class_names, found, strict=False)}
        )

    def _check_preview(self, per_class: int, classes: int) -> None:
        problems = [] if not self.is_table else [f"Expected a data set of images. Received: {self.spec}, a table."]
        for name, value, most in (("per_class", per_class, 16), ("classes", classes, 30)):
            if not 1 <= value <= most:
                problems.append(f"{name}: expected 1 to {most}. Received: {value}.")
        raise_all("The preview cannot be drawn", problems)

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """Names and labels of the images in each set, with a hash of names, labels and pixels, and each image's key."""
        sets = {name: _listing(self.subset(name)) for name in SETS}
        content = {"spec": self.spec, "class_names": list(self.class_names), "sets": sets}
        keys = {name: list(self.subset(name).keys) for name in SETS}
        return {**content, "hash": digest_of(content), "keys": keys}


def class_counts(labels: Sequence[int] | NDArray[np.integer], num_classes: int) -> NDArray[np.int64]:
    """Returns the number of labels of each class, shape (num_classes,)."""
    return np.bincount(np.asarray(labels, np.int64), minlength=num_classes)


def shuffled_classes(labels: NDArray[np.integer], seed: int) -> list[NDArray[np.int64]]:
    """Returns the indices of each class that has images, in a random order that `seed` decides."""
    shuffled = np.random.default_rng(seed).permutation(len(labels))
    return [shuffled[labels[shuffled] == label] for label in np.unique(labels)]


def _listing(subset: Subset) -> dict[str, Any]:
    groups = {"groups": list(subset.groups)} if subset.groups else {}
    return {
        "images": len(subset),
        "content": subset.images.fingerprint(),
        "names": list(subset.names),
        "labels": subset.labels.tolist(),
        **groups,
    }
