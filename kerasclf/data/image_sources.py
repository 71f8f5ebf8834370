"""Where images are read from: arrays in memory, or files on demand."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from kerasclf.data.decode import read_image
from kerasclf.data.fit import Fit
from kerasclf.data.prepared_pixels import PreparedPixels
from kerasclf.data.short_reprs import ImagesRepr
from kerasclf.errors import DataError
from kerasclf.values import digest_of

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
        keys: A hash of the pixels of each image, if it is known already, as `Subset.keys` has it.
    """

    array: NDArray[np.uint8]
    keys: tuple[str, ...] = ()

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
        return replace(self, array=self.array[indices], keys=_at(self.keys, indices))

    def fingerprint(self) -> str:
        return hashlib.sha256(np.ascontiguousarray(self.array).reshape(-1).data).hexdigest()


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
    """Image files, decoded and resized each time they are read, unless their pixels are prepared.

    Args:
        paths: One file per image.
        size: Height and width to resize to, in pixels.
        channels: 3 for RGB, 1 for grey.
        keys: A hash of the pixels of each image, as `Subset.keys` has it: an image must have the same pixels whenever
            it is read. Without hashes, images are not compared.
        fit: How an image fills `size`.
        prepared: Stored pixels, by key. A file without them is decoded.
    """

    paths: tuple[Path, ...]
    size: tuple[int, int]
    channels: int
    keys: tuple[str, ...] = ()
    fit: Fit = "squash"
    prepared: PreparedPixels | None = None

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
        """Returns the images at `indices`.

        Raises:
            DataError: If a file cannot be read, or has changed since its hash was taken.
        """
        images = np.empty((len(indices), *self.shape), np.uint8)

        def fill(position: int) -> None:
            index = int(indices[position])
            if self.keys and self.prepared is not None and self.prepared.read(self.keys[index], images[position]):
                return
            images[position] = self.read_file(self.paths[index])
            if self.keys and key_of(images[position]) != self.keys[index]:
                raise DataError(f"{self.paths[index]} has changed since it was first read. Start again.")

        # Threads help: Pillow decodes and resizes outside the interpreter lock.
        with ThreadPoolExecutor() as pool:
            list(pool.map(fill, range(len(indices))))
        return images

    def read_file(self, path: Path) -> NDArray[np.uint8]:
        """Returns a file as one of these images.

        Raises:
            DataError: If it cannot be read.
        """
        return read_image(path, self.size, self.channels, self.fit)

    def take(self, indices: NDArray[np.integer]) -> "FileImages":
        paths = tuple(self.paths[int(i)] for i in indices)
        return replace(self, paths=paths, keys=_at(self.keys, indices))

    def fingerprint(self) -> str:
        return digest_of(list(self.keys or keys_of(self)))


def _at(keys: tuple[str, ...], indices: NDArray[np.integer]) -> tuple[str, ...]:
    return tuple(keys[int(i)] for i in indices) if keys else ()


def in_memory(array: NDArray[Any]) -> ArrayImages:
    """Returns images (uint8) as `ArrayImages`, or rows of a table (float32) as `ArrayRows`."""
    return ArrayImages(array) if array.dtype == np.uint8 else ArrayRows(array)


def key_of(content: bytes | NDArray[Any]) -> str:
    """Returns a hash of 32 hexadecimal digits, quick enough for gigabytes of pixels."""
    raw = content if isinstance(content, bytes) else np.ascontiguousarray(content).reshape(-1).data
    return hashlib.blake2b(raw, digest_size=16).hexdigest()


def keys_of(images: ImageSource) -> tuple[str, ...]:
    """Returns a hash of each image's pixels."""
    return tuple(
        key_of(image)
        for start in range(0, len(images), _READ_AT_ONCE)
        for image in images.read(np.arange(start, min(start + _READ_AT_ONCE, len(images))))
    )
