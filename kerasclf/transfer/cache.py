"""The cache of activations on disk: the output of the frozen part of a network for each image."""

import contextlib
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypedDict

import ml_dtypes  # noqa: F401 - adds bfloat16 to numpy
import numpy as np
from numpy.typing import NDArray

from kerasclf.errors import FolderError
from kerasclf.files.cache_folders import CacheEntry, read_about
from kerasclf.files.locks import hold, unshared
from kerasclf.files.writing import sync_folder, write_json
from kerasclf.machine.resources import disk_of
from kerasclf.transfer.activations import Activations, RowFile, checksum_of, row_bytes, vanished
from kerasclf.values import digest_of
from kerasclf.wording import counted, format_bytes

# Increase it whenever older caches can no longer be used. 2: a checksum for each row.
FORMAT = 2
_ABOUT, _KEYS, _ROWS = "about.json", "keys.txt", "rows.bin"
# A line of keys.txt: a key of `Subset.keys`, and the checksum of its row.
_LINE = re.compile(rb"([0-9a-f]{32}) ([0-9a-f]{8})\n")
_LINE_BYTES = 42
# Replaces the line of a damaged row, which is no longer used.
_NO_LINE = b"-" * (_LINE_BYTES - 1) + b"\n"


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
        return row_bytes(self.dtype, self.shape)

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
        lines = "".join(f"{key} {checksum_of(key, row):08x}\n" for key, row in zip(keys, values, strict=True))
        try:
            _append(self.folder / _ROWS, values.tobytes())
            _append(self.folder / _KEYS, lines.encode())
        except OSError as error:
            if not self.folder.exists():
                raise vanished(self.folder) from error
            raise FolderError(
                f"The activations cannot be written to {self.folder}: {error.strerror}. Complete rows stay in the "
                f"cache. {MAKE_ROOM}"
            ) from error

    def damaged(self, keys: Sequence[str]) -> list[str]:
        """Returns the keys whose rows are damaged. It reads and checks each row; keys that are not cached are left out.

        The time is that of reading: the checksums of a gigabyte take half a second to one second.
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
            raise vanished(self.folder) from error
        with contextlib.suppress(OSError):  # removed meanwhile, or written by another user
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
        return disk_of(self.folder).free

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


MAKE_ROOM = "Make room with `kerasclf cache clear`, or set KERASCLF_CACHE to a folder on another disk."


class _About(TypedDict):
    """What `kerasclf cache list` shows of about.json."""

    name: str
    dtype: str
    engine: str


def cached(root: Path) -> Iterator[CacheEntry]:
    """Yields the caches below a root, the last used one first."""
    found = []
    for path in (root / "activations").glob(f"*/{_ABOUT}"):
        folder = path.parent
        keys = folder / _KEYS
        images = keys.stat().st_size // _LINE_BYTES if keys.exists() else 0
        size = sum(file.stat().st_size for file in folder.iterdir() if file.is_file())
        found.append(CacheEntry(folder, read_about(path, _About), images, size, path.stat().st_mtime))
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


def _append(path: Path, content: bytes) -> None:
    new = not path.exists()
    with path.open("ab") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    if new:
        sync_folder(path.parent)
