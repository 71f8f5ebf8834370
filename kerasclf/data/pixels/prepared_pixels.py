"""Prepared pixels of image files on disk: decoded and resized once, and checked whenever they are read."""

import os
import threading
import weakref
import zlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kerasclf.data.pixels.file_records import FileTable, RowIndex, append_records, make_records

_BLOCK_BYTES = 8 << 20


class PreparedPixels:
    """The pixels of files at one size: a table of records, and a file with as many rows of pixels.

    A second table has the keys of further files, whose pixels are not stored.

    Args:
        folder: Where they are. Missing or unreadable files hold no pixels.
        shape: Height, width and channels of each image.
    """

    def __init__(self, folder: Path, shape: tuple[int, ...]) -> None:
        self.path, self.shape = pixels_path(folder, shape), shape
        self._table = FileTable(self.path.with_suffix(".index"))
        self._others = FileTable(self.path.with_suffix(".keys"))
        self._row_bytes = int(np.prod(shape))
        try:
            self._file = self.path.open("rb", buffering=0)
            weakref.finalize(self, self._file.close)
            self._count = min(len(self._table), os.fstat(self._file.fileno()).st_size // self._row_bytes)
        except OSError:
            self._count = 0
        own = self._table.undamaged
        self._keys = RowIndex(self._table.records["key"], own[own < self._count])
        self._position = threading.Lock()

    def __len__(self) -> int:
        return self._count

    def find(self, identities: Sequence[bytes]) -> tuple[list[str], list[int]]:
        """Finds files by their identities.

        Returns:
            The key of each file's pixels, as `Subset.keys` has it; empty for an unknown file. And the indices of the
            files whose pixels are not stored.
        """
        rows = self._table.rows(identities)
        rows[rows >= self._count] = -1
        keys, lacking = self._table.keys(rows), np.flatnonzero(rows < 0).tolist()
        others = self._others.rows([identities[index] for index in lacking])
        for index, key in zip(lacking, self._others.keys(others), strict=True):
            keys[index] = key
        return keys, lacking

    def rows(self, keys: Sequence[str]) -> list[int]:
        """Returns the row of each key's pixels; -1 if they are not stored."""
        return self._keys.find([bytes.fromhex(key) for key in keys]).tolist()

    def read_all(self, keys: Sequence[str], images: NDArray[np.uint8]) -> list[int]:
        """Reads many images in threads.

        Args:
            keys: Key of each image; an image with an empty one is left as it is.
            images: Receives the pixels, shape (len(keys), height, width, channels).

        Returns:
            The indices of the damaged ones.
        """
        rows = np.array(self.rows(keys), np.int64)
        # In the order of the disk.
        order = np.argsort(rows, kind="stable")[np.count_nonzero(rows < 0) :]
        blocks = np.array_split(order, 1 + len(order) * self._row_bytes // _BLOCK_BYTES)

        def fill(block: NDArray[np.int64]) -> list[int]:
            return [index for index in block.tolist() if not self.read(int(rows[index]), images[index])]

        with ThreadPoolExecutor() as pool:
            return [index for damaged in pool.map(fill, blocks) for index in damaged]

    def read(self, row: int, image: NDArray[np.uint8]) -> bool:
        """Reads an image.

        Returns:
            Whether `image` holds it: False if it is damaged.
        """
        content = image.reshape(-1).data
        try:
            count = self._read_at(row * self._row_bytes, content)
        except OSError:
            return False
        return count == self._row_bytes and zlib.crc32(content) == self._table.records["crc"][row]

    def _read_at(self, position: int, content: memoryview) -> int:
        if hasattr(os, "preadv"):
            return os.preadv(self._file.fileno(), [content], position)
        with self._position:  # Windows has one position for all threads
            self._file.seek(position)
            return self._file.readinto(content) or 0


def pixels_path(folder: Path, shape: tuple[int, ...]) -> Path:
    """Returns the file of the pixels of a shape."""
    return folder / f"{'x'.join(map(str, shape))}.pixels"


def open_for_appending(folder: Path, shape: tuple[int, ...]) -> None:
    """Removes incomplete rows of killed processes. Hold the folder while you call it, and while you append.

    Raises:
        OSError: If the disk is full or read-only.
    """
    path = pixels_path(folder, shape)
    path.touch()
    table, row_bytes = FileTable(path.with_suffix(".index")), int(np.prod(shape))
    rows = min(len(table), path.stat().st_size // row_bytes)
    os.truncate(path, rows * row_bytes)
    if table.path.exists():
        os.truncate(table.path, rows * table.records.itemsize)


def append_pixels(
    folder: Path, identities: Sequence[bytes], keys: Sequence[str], images: Sequence[NDArray[np.uint8]]
) -> None:
    """Appends images. Their records follow the pixels, so that a kill leaves no record without its row.

    Args:
        folder: The folder.
        identities: Identity of each file.
        keys: Key of each image.
        images: The images, of one shape.

    Raises:
        OSError: If the disk is full or read-only.
    """
    records = _with_keys(identities, keys)
    records["crc"] = [zlib.crc32(np.ascontiguousarray(image).data) for image in images]
    path = pixels_path(folder, images[0].shape)
    with path.open("ab") as file:
        for image in images:
            file.write(np.ascontiguousarray(image).data)
    append_records(path.with_suffix(".index"), records)


def append_keys(folder: Path, shape: tuple[int, ...], identities: Sequence[bytes], keys: Sequence[str]) -> None:
    """Appends the keys of images whose pixels are not stored, likewise.

    Raises:
        OSError: If the disk is full or read-only.
    """
    append_records(pixels_path(folder, shape).with_suffix(".keys"), _with_keys(identities, keys))


def _with_keys(identities: Sequence[bytes], keys: Sequence[str]) -> NDArray[np.void]:
    records = make_records(identities)
    records["key"] = np.frombuffer(bytes.fromhex("".join(keys)), "V16")
    return records
