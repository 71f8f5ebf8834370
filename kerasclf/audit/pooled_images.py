"""All images of a data set as one list, each with its set, and what one pass over their pixels measures."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from kerasclf.data.dataset import SETS, ImageDataset, Subset
from kerasclf.log import Track, untracked

# Near-duplicates are compared at this size: large enough for the parts of a photograph, small enough for thousands.
SMALL = 32
_READ_AT_ONCE = 256


@dataclass(frozen=True)
class PooledImages:
    """The images of all sets of a data set, one set after the other.

    Args:
        dataset: The data set.
        files: File of each image; empty for images without files.
    """

    dataset: ImageDataset
    files: tuple[Path, ...] = ()

    def __len__(self) -> int:
        return len(self.labels)

    @cached_property
    def subsets(self) -> tuple[Subset, ...]:
        """The sets, in the order of `SETS`."""
        return tuple(self.dataset.subset(name) for name in SETS)

    @cached_property
    def sets(self) -> NDArray[np.int64]:
        """The set of each image, as an index in `SETS`."""
        return np.repeat(np.arange(len(SETS)), [len(subset) for subset in self.subsets])

    @cached_property
    def labels(self) -> NDArray[np.int64]:
        """The class of each image, as an index in the class names."""
        return np.concatenate([subset.labels for subset in self.subsets])

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The name of each image."""
        return tuple(name for subset in self.subsets for name in subset.names)

    @cached_property
    def keys(self) -> tuple[str, ...]:
        """A hash of each image's pixels."""
        return tuple(key for subset in self.subsets for key in subset.keys)

    @cached_property
    def groups(self) -> tuple[str, ...]:
        """The group of each image; empty without groups."""
        return tuple(group for subset in self.subsets for group in subset.groups)

    def class_of(self, index: int) -> str:
        """Returns the name of an image's class."""
        return self.dataset.class_names[self.labels[index]]

    def read(self, indices: NDArray[np.integer]) -> NDArray[np.uint8]:
        """Returns some images, uint8 of shape (n, height, width, channels), pixels 0–255."""
        images = np.empty((len(indices), *self.dataset.image_shape), np.uint8)
        start = 0
        for subset in self.subsets:
            inside = (indices >= start) & (indices < start + len(subset))
            if inside.any():
                images[inside] = subset.images.read(indices[inside] - start)
            start += len(subset)
        return images


@dataclass(frozen=True)
class Measurements:
    """Measurements of each image's pixels, made in one pass.

    Args:
        small: The images resized to `SMALL`, uint8 of shape (n, 32, 32, channels).
        brightness: Grey levels below which 1 %, 50 % and 99 % of the pixels lie, 0–255, shape (n, 3).
        sharpness: Standard deviation of the Laplacian, in grey levels, shape (n,).
        color: Mean of each channel, 0–255, shape (n, channels).
    """

    small: NDArray[np.uint8]
    brightness: NDArray[np.float32]
    sharpness: NDArray[np.float32]
    color: NDArray[np.float32]


def measure(images: PooledImages, track: Track = untracked) -> Measurements:
    """Reads every image once and measures it.

    Args:
        images: The images.
        track: Shows the progress.
    """
    count, channels = len(images), images.dataset.image_shape[2]
    small = np.empty((count, SMALL, SMALL, channels), np.uint8)
    brightness, color = np.empty((count, 3), np.float32), np.empty((count, channels), np.float32)
    sharpness = np.empty(count, np.float32)
    with track("measuring the images", count) as advance:
        for start in range(0, count, _READ_AT_ONCE):
            indices = np.arange(start, min(start + _READ_AT_ONCE, count))
            for index, image in zip(indices.tolist(), images.read(indices), strict=True):
                small[index] = resize(image, SMALL)
                grey = image.mean(axis=2, dtype=np.float32)
                brightness[index] = np.percentile(grey, (1, 50, 99))
                sharpness[index] = _sharpness(grey)
                color[index] = image.mean(axis=(0, 1))
            advance(len(indices))
    return Measurements(small, brightness, sharpness, color)


def resize(image: NDArray[np.uint8], side: int, box: tuple[float, float, float, float] | None = None) -> NDArray:
    """Returns an image, or a box of it, resized to a square, bilinear and antialiased.

    Args:
        image: uint8 of shape (height, width, channels), pixels 0–255.
        side: Height and width of the result, in pixels.
        box: Left, upper, right and lower edge of the part; None for the whole image.
    """
    pixels = np.ascontiguousarray(image[..., 0] if image.shape[2] == 1 else image)
    resized = Image.fromarray(pixels).resize((side, side), Image.Resampling.BILINEAR, box)
    return np.asarray(resized, np.uint8).reshape(side, side, image.shape[2])


def _sharpness(grey: NDArray[np.float32]) -> float:
    """Returns the standard deviation of the Laplacian, which is small in a blurred image; 0 for tiny images."""
    if min(grey.shape) < 3:
        return 0.0
    inner = grey[1:-1, 1:-1]
    laplacian = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:] - 4 * inner
    return float(laplacian.std())
