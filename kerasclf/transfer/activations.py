"""Activations of images: rows of a cache's file, each of which is checked when it is read."""

import threading
import weakref
import zlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kerasclf.errors import FolderError
from kerasclf.files.locks import share
from kerasclf.values import digest_of

# Maximum size of rows that are read into memory: enough for the features of any study, too little for activations
# at lower cuts.
_IN_MEMORY_BYTES = 1 << 28


class RowFile:
    """The file of a cache's rows, open for reading. `kerasclf cache clear` keeps a cache whose file is open.

    Args:
        path: The file.
        dtype: Type of a value.
        shape: Shape of a row.

    Raises:
        FolderError: If the file is missing.
    """

    def __init__(self, path: Path, dtype: np.dtype[Any], shape: tuple[int, ...]) -> None:
        self.path, self.dtype, self.shape = path, dtype, shape
        try:
            self._file = path.open("rb", buffering=0)
            weakref.finalize(self, self._file.close)
            share(self._file)
        except OSError as error:
            raise vanished(path.parent) from error
        self._position = threading.Lock()  # the threads of tf.data share one position in the file

    def read(self, row: int, key: str, checksum: int) -> NDArray[Any] | None:
        """Returns a row, or None if it is damaged: if its key and its values do not fit the checksum."""
        values = np.empty(self.shape, self.dtype)
        with self._position:
            self._file.seek(row * values.nbytes)
            count = self._file.readinto(_bytes_of(values))
        return values if count == values.nbytes and checksum_of(key, values) == checksum else None


@dataclass(frozen=True)
class Activations:
    """Activations of some images: an `ImageSource` whose "images" are rows of a cache. Each row is checked when read.

    Args:
        file: The rows.
        keys: Key of each image.
        rows: Row of each image.
        checksums: Checksum of each image's row.
    """

    file: RowFile
    keys: tuple[str, ...]
    rows: NDArray[np.int64]
    checksums: NDArray[np.int64]

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.file.dtype

    @property
    def shape(self) -> tuple[int, ...]:
        return self.file.shape

    def __len__(self) -> int:
        return len(self.rows)

    @cached_property
    def array(self) -> NDArray[Any] | None:
        """All rows if they fit into memory, otherwise None."""
        fits = len(self.rows) * row_bytes(self.dtype, self.shape) <= _IN_MEMORY_BYTES
        return self.read(np.arange(len(self.rows))) if fits else None

    def read(self, indices: NDArray[np.integer]) -> NDArray[Any]:
        """Returns the rows of some images.

        Raises:
            FolderError: If a row was damaged after the start of the run.
        """
        found = np.empty((len(indices), *self.shape), self.dtype)
        for position, index in enumerate(indices):
            if (row := self._row(int(index))) is None:
                raise FolderError(
                    f"{self.file.path} was damaged while a run read it. Start the run again, which computes the "
                    "damaged activations anew."
                )
            found[position] = row
        return found

    def damaged(self) -> list[int]:
        """Returns the indices of the images whose rows are damaged. It reads every row once."""
        return [index for index in range(len(self)) if self._row(index) is None]

    def take(self, indices: NDArray[np.integer]) -> "Activations":
        keys = tuple(self.keys[int(i)] for i in indices)
        return Activations(self.file, keys, self.rows[indices], self.checksums[indices])

    def fingerprint(self) -> str:
        return digest_of([str(self.file.path), self.rows.tolist()])

    def _row(self, index: int) -> NDArray[Any] | None:
        return self.file.read(int(self.rows[index]), self.keys[index], int(self.checksums[index]))


def row_bytes(dtype: np.dtype[Any], shape: tuple[int, ...]) -> int:
    """Returns the size of a row in bytes."""
    return dtype.itemsize * int(np.prod(shape))


def _bytes_of(values: NDArray[Any]) -> memoryview:
    return values.reshape(-1).view(np.uint8).data


def checksum_of(key: str, values: NDArray[Any]) -> int:
    """Returns a CRC of a key and its row. Two rows with exchanged keys do not fit, either."""
    return zlib.crc32(_bytes_of(values), zlib.crc32(key.encode()))


def vanished(folder: Path) -> FolderError:
    """Returns the error of a cache that is missing although it was found before."""
    return FolderError(
        f"The cache {folder} was removed while a run used it. Start the run again, which computes the activations anew."
    )
