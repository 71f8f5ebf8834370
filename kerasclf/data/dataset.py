"""`ImageDataset`: uint8 images, integer labels, class names, and three sets."""

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from kerasclf.data.decode import read_image
from kerasclf.data.short_reprs import DatasetRepr, ImagesRepr, SetRepr
from kerasclf.values import digest_of

SETS = ("train", "validation", "test")

# A description names this many classes; of more, the largest and the smallest ones.
_MAX_LISTED_CLASSES = 10

_READ_AT_ONCE = 64  # images


class ImageSource(Protocol):
    """Images of one size, in memory or read on demand; or the activations of a network's frozen part."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Height, width and channels of an image."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the values: uint8 for images."""

    @property
    def array(self) -> NDArray[Any] | None:
        """All images as one array, or None if they are not in memory."""

    def __len__(self) -> int: ...

    def read(self, indices: NDArray[np.integer]) -> NDArray[Any]:
        """Returns the images at `indices`, shape (len(indices), height, width, channels), 0–255."""

    def take(self, indices: NDArray[np.integer]) -> "ImageSource":
        """Returns the source that holds only the images at `indices`."""

    def fingerprint(self) -> str:
        """Returns a hash of the contents."""


@dataclass(frozen=True, repr=False)
class ArrayImages(ImagesRepr):
    """Images in memory.

    Args:
        array: uint8 array of shape (n, height, width, channels), pixels 0–255.
    """

    array: NDArray[np.uint8]

    def __post_init__(self) -> None:
        if self.array.dtype != np.uint8 or self.array.ndim != 4:
            raise ValueError(
                "Expected images as a uint8 array of shape (n, height, width, channels). "
                f"Received: {self.array.dtype} of shape {self.array.shape}."
            )

    @property
    def shape(self) -> tuple[int, int, int]:
        height, width, channels = self.array.shape[1:]
        return height, width, channels

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.array.dtype

    def __len__(self) -> int:
        return len(self.array)

    def read(self, indices: NDArray[np.integer]) -> NDArray[np.uint8]:
        return self.array[indices]

    def take(self, indices: NDArray[np.integer]) -> "ArrayImages":
        return replace(self, array=self.array[indices])

    def fingerprint(self) -> str:
        return hashlib.sha256(np.ascontiguousarray(self.array).tobytes()).hexdigest()


@dataclass(frozen=True, repr=False)
class ArrayRows(ArrayImages):
    """Rows of a table. A row is stored as an image of one pixel with one channel per feature.

    Args:
        array: float32 array of shape (n, 1, 1, features), finite numbers in their own units.
    """

    array: NDArray[Any]

    def __post_init__(self) -> None:
        if self.array.dtype != np.float32 or self.array.ndim != 4 or self.array.shape[1:3] != (1, 1):
            raise ValueError(
                "Expected rows as a float32 array of shape (n, 1, 1, features). "
                f"Received: {self.array.dtype} of shape {self.array.shape}."
            )


@dataclass(frozen=True, repr=False)
class FileImages(ImagesRepr):
    """Image files, decoded and resized each time they are read.

    Args:
        paths: One file per image.
        size: Height and width to resize to, in pixels.
        channels: 3 for RGB, 1 for grey.
    """

    paths: tuple[Path, ...]
    size: tuple[int, int]
    channels: int

    @property
    def shape(self) -> tuple[int, int, int]:
        return (*self.size, self.channels)

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(np.uint8)

    @property
    def array(self) -> None:
        return None

    def __len__(self) -> int:
        return len(self.paths)

    def read(self, indices: NDArray[np.integer]) -> NDArray[np.uint8]:
        images = np.empty((len(indices), *self.shape), np.uint8)

        def fill(position: int) -> None:
            path = self.paths[int(indices[position])]
            images[position] = read_image(path, self.size, self.channels)

        # Threads help: Pillow decodes and resizes outside the interpreter lock.
        with ThreadPoolExecutor() as pool:
            list(pool.map(fill, range(len(indices))))
        return images

    def take(self, indices: NDArray[np.integer]) -> "FileImages":
        return replace(self, paths=tuple(self.paths[int(i)] for i in indices))

    def fingerprint(self) -> str:
        return digest_of([[path.name, path.stat().st_size] for path in self.paths])


@dataclass(frozen=True, repr=False)
class Subset(SetRepr):
    """Images of one set with their labels and names.

    Args:
        images: The images.
        labels: Class indices, int64 of shape (n,).
        names: Each image's path below the data set's folder, or its index in the original arrays.
    """

    images: ImageSource
    labels: NDArray[np.int64]
    names: tuple[str, ...]

    def __post_init__(self) -> None:
        if not len(self.images) == len(self.labels) == len(self.names):
            raise ValueError(
                "Expected as many labels and names as images. Received: "
                f"{len(self.images)} images, {len(self.labels)} labels, {len(self.names)} names."
            )

    def __len__(self) -> int:
        return len(self.labels)

    @cached_property
    def keys(self) -> tuple[str, ...]:
        """A hash of each image's pixels. It identifies the image independently of its name and index."""
        return tuple(
            key_of(np.ascontiguousarray(image).tobytes())
            for start in range(0, len(self), _READ_AT_ONCE)
            for image in self.images.read(np.arange(start, min(start + _READ_AT_ONCE, len(self))))
        )

    def take(self, indices: NDArray[np.integer]) -> "Subset":
        """Returns a subset of only the images at `indices`, in that order."""
        names = tuple(self.names[int(i)] for i in indices)
        return Subset(self.images.take(indices), self.labels[indices], names)


@dataclass(frozen=True, repr=False)
class ImageDataset(DatasetRepr):
    """Training, validation and test images that share one size and one list of classes.

    Args:
        spec: The spec given to `load_dataset`, such as `"cifar100:25"`.
        title: Name of the data in tables and pages, such as `"CIFAR-100, 25 classes"`.
        class_names: Class names, in the order of the labels.
        train: Training set.
        validation: Validation set: epochs and settings are chosen on it.
        test: Test set: results are reported on it, and it is read once, at the end of a run.

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

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """Names and labels of the images in each set, with a hash of names, labels and pixels, and each image's key."""
        sets = {name: _listing(self.subset(name)) for name in SETS}
        content = {"spec": self.spec, "class_names": list(self.class_names), "sets": sets}
        keys = {name: list(self.subset(name).keys) for name in SETS}
        return {**content, "hash": digest_of(content), "keys": keys}


def in_memory(array: NDArray[Any]) -> ArrayImages:
    """Returns images (uint8) as `ArrayImages`, or rows of a table (float32) as `ArrayRows`."""
    return ArrayImages(array) if array.dtype == np.uint8 else ArrayRows(array)


def key_of(content: bytes) -> str:
    """Returns a hash of 32 hexadecimal digits, quick enough for gigabytes of pixels."""
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def class_counts(labels: Sequence[int] | NDArray[np.integer], num_classes: int) -> NDArray[np.int64]:
    """Returns the number of labels of each class, shape (num_classes,)."""
    return np.bincount(np.asarray(labels, np.int64), minlength=num_classes)


def _listing(subset: Subset) -> dict[str, Any]:
    return {
        "images": len(subset),
        "content": subset.images.fingerprint(),
        "names": list(subset.names),
        "labels": subset.labels.tolist(),
    }
