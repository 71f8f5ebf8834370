"""The cache of activations on disk: the output of the frozen part of a network for each image."""

import contextlib
import os
import re
import shutil
import threading
import weakref
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import ml_dtypes  # noqa: F401 - adds bfloat16 to numpy
import numpy as np
from numpy.typing import NDArray

from kerasclf.errors import FolderError
from kerasclf.files import read_json, sync_folder, write_json
from kerasclf.locks import hold, share, unshared
from kerasclf.machine import format_bytes
from kerasclf.values import digest_of
from kerasclf.wording import counted

# Increase it whenever older caches can no longer be used. 2: a checksum for each row.
FORMAT = 2
_ABOUT, _KEYS, _ROWS = "about.json", "keys.txt", "rows.bin"
# A line of keys.txt: a key of `Subset.keys`, and the checksum of its row.
_LINE = re.compile(rb"([0-9a-f]{32}) ([0-9a-f]{8})\n")
_LINE_BYTES = 42
# Replaces the line of a damaged row, which is no longer used.
_NO_LINE = b"-" * (_LINE_BYTES - 1) + b"\n"
# Maximum size of rows that are read into memory: enough for the features of any study, too little for activations
# at lower cuts.
_IN_MEMORY_BYTES = 1 << 28


def cache_root() -> Path:
    """Returns the folder of all caches: $KERASCLF_CACHE, or kerasclf in the user's cache folder."""
    if folder := os.environ.get("KERASCLF_CACHE"):
        return Path(folder).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "kerasclf"


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
            raise _vanished(path.parent) from error
        self._position = threading.Lock()  # the threads of tf.data share one position in the file

    def read(self, row: int, key: str, checksum: int) -> NDArray[Any] | None:
        """Returns a row, or None if it is damaged: if its key and its values do not fit the checksum."""
        values = np.empty(self.shape, self.dtype)
        with self._position:
            self._file.seek(row * values.nbytes)
            count = self._file.readinto(_bytes_of(values))
        return values if count == values.nbytes and _checksum(key, values) == checksum else None


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
        fits = len(self.rows) * _row_bytes(self.dtype, self.shape) <= _IN_MEMORY_BYTES
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


class ActivationCache:
    """The activations of images at one cut of one network. Rows are only appended, and never half of one.

    Args:
        root: Folder of all caches.
        about: Everything that decides the values: network, weights, cut, preprocessing, precision, engine. A
            difference in any of them leads to another cache.
        shape: Shape of a row.
        dtype: Type of a value, such as `"float32"` or `"bfloat16"`.
    """

    def __init__(self, root: Path, about: dict[str, Any], shape: tuple[int, ...], dtype: str) -> None:
        self.about = {**about, "shape": list(shape), "dtype": dtype, "format": FORMAT}
        self.folder = root / "activations" / digest_of(self.about)[:16]
        self.shape, self.dtype = shape, np.dtype(dtype)

    @property
    def row_bytes(self) -> int:
        return _row_bytes(self.dtype, self.shape)

    def known(self) -> dict[str, int]:
        """Returns the row of each cached image by its key."""
        return {key: row for key, (row, _) in self._entries().items()}

    def missing(self, keys: Sequence[str]) -> list[int]:
        """Returns the indices of the keys that are not cached, one index per image."""
        known = self.known()
        first = {key: index for index, key in reversed(list(enumerate(keys)))}
        return sorted(index for key, index in first.items() if key not in known)

    def open(self) -> None:
        """Creates the folder, and removes incomplete rows of killed processes. Hold the folder while you call it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if not (self.folder / _ABOUT).exists():
            write_json(self.folder / _ABOUT, self.about)
        rows, keys = self.folder / _ROWS, self.folder / _KEYS
        rows.touch()
        whole = self._complete_rows()
        os.truncate(rows, whole * self.row_bytes)
        if keys.exists():
            os.truncate(keys, whole * _LINE_BYTES)

    def append(self, keys: Sequence[str], rows: NDArray[Any]) -> None:
        """Appends rows. It writes the keys after the values are safely on the disk.

        Raises:
            FolderError: If the disk is full.
        """
        values = np.ascontiguousarray(rows.astype(self.dtype, copy=False))
        lines = "".join(f"{key} {_checksum(key, row):08x}\n" for key, row in zip(keys, values, strict=True))
        try:
            _append(self.folder / _ROWS, values.tobytes())
            _append(self.folder / _KEYS, lines.encode())
        except OSError as error:
            if not self.folder.exists():
                raise _vanished(self.folder) from error
            raise FolderError(
                f"The activations cannot be written to {self.folder}: {error.strerror}. Complete rows stay in the "
                f"cache. {MAKE_ROOM}"
            ) from error

    def damaged(self, keys: Sequence[str]) -> list[str]:
        """Returns the keys whose rows are damaged. It reads and checks each row; keys that are not cached are left out.

        The time is that of reading: the checksums of a gigabyte take half a second.
        """
        known = self.known()
        cached = [key for key in dict.fromkeys(keys) if key in known]
        if not cached:
            return []
        source = self.source(cached)
        return [cached[index] for index in source.damaged()]

    def forget(self, keys: Sequence[str]) -> None:
        """Removes damaged rows from the known ones. Hold the folder while you call it."""
        known = self.known()
        with (self.folder / _KEYS).open("r+b") as file:
            for key in keys:
                file.seek(known[key] * _LINE_BYTES)
                file.write(_NO_LINE)

    def source(self, keys: Sequence[str]) -> Activations:
        """Returns the activations of images that are all cached.

        Raises:
            FolderError: If some are not: the cache was removed meanwhile.
        """
        file = RowFile(self.folder / _ROWS, self.dtype, self.shape)
        try:
            entries = self._entries()
            found = np.array([entries[key] for key in keys], np.int64).reshape(-1, 2)
        except (KeyError, FileNotFoundError) as error:
            raise _vanished(self.folder) from error
        with contextlib.suppress(FileNotFoundError):
            os.utime(self.folder / _ABOUT)  # the time of last use in `kerasclf cache list`
        return Activations(file, tuple(keys), found[:, 0], found[:, 1])

    def check_room(self, missing: int) -> None:
        """Checks that the disk has room for the missing rows, before any of them is computed.

        Raises:
            FolderError: If the disk has too little room.
        """
        free, needed = self.free_bytes(), missing * self.row_bytes
        if needed > free:
            raise FolderError(
                f"The activations of {counted(missing, 'image')} need {format_bytes(needed)}. Free space for "
                f"{self.folder}: {format_bytes(free)}. {MAKE_ROOM}"
            )

    def free_bytes(self) -> int:
        """Returns the free bytes on the disk of the cache."""
        existing = next(folder for folder in (self.folder, *self.folder.parents) if folder.exists())
        return shutil.disk_usage(existing).free

    def _complete_rows(self) -> int:
        """Returns the number of rows that are complete, with their line of keys.txt."""
        rows, keys = self.folder / _ROWS, self.folder / _KEYS
        if not (rows.exists() and keys.exists()):
            return 0
        return min(keys.stat().st_size // _LINE_BYTES, rows.stat().st_size // self.row_bytes)

    def _entries(self) -> dict[str, tuple[int, int]]:
        """Returns row and checksum of each cached image by its key. A line that is no line has no image."""
        count = self._complete_rows()
        text = (self.folder / _KEYS).read_bytes() if count else b""
        lines = (_LINE.fullmatch(text, i * _LINE_BYTES, (i + 1) * _LINE_BYTES) for i in range(count))
        return {line[1].decode(): (row, int(line[2], 16)) for row, line in enumerate(lines) if line}


MAKE_ROOM = (
    "Make room with `kerasclf cache clear`, set KERASCLF_CACHE to a folder on another disk, or turn the cache off with "
    "`cache`."
)


@dataclass(frozen=True)
class CacheEntry:
    """One cache on disk.

    Args:
        folder: Folder of the cache.
        about: Everything that identifies it.
        images: Number of images.
        size: Size in bytes.
        used: Time of its last use, in seconds since 1970.
    """

    folder: Path
    about: dict[str, Any]
    images: int
    size: int
    used: float


def cached(root: Path) -> Iterator[CacheEntry]:
    """Yields the caches below a root, the last used one first."""
    found = []
    for path in (root / "activations").glob(f"*/{_ABOUT}"):
        folder = path.parent
        keys = folder / _KEYS
        images = keys.stat().st_size // _LINE_BYTES if keys.exists() else 0
        size = sum(file.stat().st_size for file in folder.iterdir())
        found.append(CacheEntry(folder, read_json(path), images, size, path.stat().st_mtime))
    yield from sorted(found, key=lambda entry: -entry.used)


def clear(entry: CacheEntry) -> str | None:
    """Removes a cache, unless a run uses it.

    Returns:
        Why the cache stays; None if it was removed.
    """
    rows = entry.folder / _ROWS
    try:
        with hold(entry.folder), unshared(rows) as free:
            if not free:
                return "a run reads it. Clear it after the end of the run."
            for name in (_ABOUT, _KEYS, _ROWS):
                (entry.folder / name).unlink(missing_ok=True)
            shutil.rmtree(entry.folder, ignore_errors=True)  # Windows keeps the lock that is held
    except FolderError as error:
        return str(error)
    except OSError as error:
        return f"{error.filename} cannot be removed: {error.strerror}."
    return None


def _row_bytes(dtype: np.dtype[Any], shape: tuple[int, ...]) -> int:
    return dtype.itemsize * int(np.prod(shape))


def _bytes_of(values: NDArray[Any]) -> memoryview:
    return values.reshape(-1).view(np.uint8).data


def _checksum(key: str, values: NDArray[Any]) -> int:
    """Returns a CRC of a key and its row. Two rows with exchanged keys do not fit, either."""
    return zlib.crc32(_bytes_of(values), zlib.crc32(key.encode()))


def _vanished(folder: Path) -> FolderError:
    return FolderError(
        f"The cache {folder} was removed while a run used it. Start the run again, which computes the activations anew."
    )


def _append(path: Path, content: bytes) -> None:
    new = not path.exists()
    with path.open("ab") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    if new:
        sync_folder(path.parent)
