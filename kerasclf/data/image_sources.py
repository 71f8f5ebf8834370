"""Where images are read from: arrays in memory, or files on demand."""

import functools
import hashlib
import os
import zlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from kerasclf.data.pixels.decode import read_image
from kerasclf.data.pixels.image_fit import Fit
from kerasclf.data.pixels.known_fingerprints import KnownFingerprints
from kerasclf.data.pixels.prepared_pixels import PreparedPixels
from kerasclf.data.short_reprs import ImagesRepr
from kerasclf.errors import DataError
from kerasclf.values import digest_of

_READ_AT_ONCE = 64  # images
# Images that a thread reads in one go: a call costs Python's lock about 30 µs.
_IN_A_ROW = 4


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
        fingerprints: Those that are remembered for sets with keys.
    """

    array: NDArray[np.uint8]
    keys: tuple[str, ...] = ()
    fingerprints: KnownFingerprints | None = None

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
        if self.fingerprints is not None and self.keys:
            return self.fingerprints.find(self.keys, lambda: digest_of_pixels(self.array))
        return digest_of_pixels(self.array)


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
    # A checksum of the pixels of each image that was compared with its hash; -1 before. It takes a sixth of the time.
    _checksums: NDArray[np.int64] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_checksums", np.full(len(self.keys), -1))

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
        numbers = indices.tolist()
        prepared = self.prepared if self.keys else None
        rows = prepared.rows([self.keys[number] for number in numbers]) if prepared is not None else [-1] * len(numbers)

        def fill(start: int) -> None:
            for position in range(start, min(start + _IN_A_ROW, len(numbers))):
                image, row = images[position], rows[position]
                if prepared is None or row < 0 or not prepared.read(row, image):
                    self._decode(numbers[position], image)

        # Threads help: Pillow decodes and resizes outside the interpreter lock.
        list(_threads(os.getpid()).map(fill, range(0, len(numbers), _IN_A_ROW)))
        return images

    def _decode(self, index: int, image: NDArray[np.uint8]) -> None:
        key = self.keys[index] if self.keys else ""
        image[...] = self.read_file(self.paths[index], compared=bool(key))
        if key and (checksum := zlib.crc32(image.data)) != self._checksums[index]:
            if key_of(image) != key:
                raise DataError(f"{self.paths[index]} has changed since it was first read. Start again.")
            self._checksums[index] = checksum

    def read_file(self, path: Path, compared: bool = False) -> NDArray[np.uint8]:
        """Returns a file as one of these images.

        Args:
            path: The file.
            compared: As for `read_image`.

        Raises:
            DataError: If it cannot be read.
        """
        return read_image(path, self.size, self.channels, self.fit, compared)

    def take(self, indices: NDArray[np.integer]) -> "FileImages":
        paths = tuple(self.paths[int(i)] for i in indices)
        return replace(self, paths=paths, keys=_at(self.keys, indices))

    def fingerprint(self) -> str:
        return digest_of(list(self.keys or keys_of(self)))


@functools.cache
def _threads(process: int) -> ThreadPoolExecutor:
    """Returns the threads of a process, which read all its batches: starting them takes longer than a small image.

    A fork has the pool of its parent without the threads, so the pool belongs to the number of a process.
    """
    return ThreadPoolExecutor(thread_name_prefix="kerasclf-images")


def _at(keys: tuple[str, ...], indices: NDArray[np.integer]) -> tuple[str, ...]:
    return tuple(keys[int(i)] for i in indices) if keys else ()


def in_memory(array: NDArray[Any]) -> ArrayImages:
    """Returns images (uint8) as `ArrayImages`, or rows of a table (float32) as `ArrayRows`."""
    return ArrayImages(array) if array.dtype == np.uint8 else ArrayRows(array)


def digest_of_pixels(array: NDArray[Any]) -> str:
    """Returns the SHA-256 of all pixels."""
    return hashlib.sha256(np.ascontiguousarray(array).reshape(-1).data).hexdigest()


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
