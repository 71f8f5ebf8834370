"""The cache of activations on disk: the output of the frozen part of a network for each image."""

import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypedDict

import ml_dtypes  # noqa: F401 - adds bfloat16 to numpy
import numpy as np
from numpy.typing import NDArray

from kerasclf.errors import FolderError
from kerasclf.files import read_json, sync_folder, write_json
from kerasclf.machine import format_bytes
from kerasclf.schema import check_schema
from kerasclf.values import digest_of
from kerasclf.wording import counted

# Increase it whenever older caches can no longer be used.
FORMAT = 1
_ABOUT, _KEYS, _ROWS = "about.json", "keys.txt", "rows.bin"
# A key of `Subset.keys`, 32 hexadecimal digits, and the line end.
_LINE_BYTES = 33
# Maximum size of rows that are read into memory: enough for the features of any study, too little for activations
# at lower cuts.
_IN_MEMORY_BYTES = 1 << 28


def cache_root() -> Path:
    """Returns the folder of all caches: $KERASCLF_CACHE, or kerasclf in the user's cache folder."""
    if folder := os.environ.get("KERASCLF_CACHE"):
        return Path(folder).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "kerasclf"


@dataclass(frozen=True)
class Activations:
    """Activations of some images: an `ImageSource` whose "images" are rows of a cache.

    Args:
        path: File of the rows. It is memory-mapped and read on demand.
        dtype: Type of a value.
        shape: Shape of a row.
        rows: Row of each image.
    """

    path: Path
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    rows: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.rows)

    @cached_property
    def array(self) -> NDArray[Any] | None:
        """All rows if they fit into memory, otherwise None."""
        fits = len(self.rows) * _row_bytes(self.dtype, self.shape) <= _IN_MEMORY_BYTES
        return self.read(np.arange(len(self.rows))) if fits else None

    def read(self, indices: NDArray[np.integer]) -> NDArray[Any]:
        return np.asarray(self._mapped[self.rows[indices]])

    def take(self, indices: NDArray[np.integer]) -> "Activations":
        return Activations(self.path, self.dtype, self.shape, self.rows[indices])

    def fingerprint(self) -> str:
        return digest_of([str(self.path), self.rows.tolist()])

    @cached_property
    def _mapped(self) -> NDArray[Any]:
        count = self.path.stat().st_size // _row_bytes(self.dtype, self.shape)
        return np.memmap(self.path, self.dtype, "r", shape=(count, *self.shape))


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
        rows, keys = self.folder / _ROWS, self.folder / _KEYS
        if not (rows.exists() and keys.exists()):
            return {}
        text = keys.read_bytes()
        whole = min(len(text) // _LINE_BYTES, rows.stat().st_size // self.row_bytes)
        return {text[i * _LINE_BYTES : (i + 1) * _LINE_BYTES - 1].decode(): i for i in range(whole)}

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
        whole = len(self.known())
        os.truncate(rows, whole * self.row_bytes)
        if keys.exists():
            os.truncate(keys, whole * _LINE_BYTES)

    def append(self, keys: Sequence[str], rows: NDArray[Any]) -> None:
        """Appends rows. It writes the keys after the values are safely on the disk.

        Raises:
            FolderError: If the disk is full.
        """
        values = np.ascontiguousarray(rows.astype(self.dtype, copy=False)).tobytes()
        lines = "".join(f"{key}\n" for key in keys).encode()
        try:
            _append(self.folder / _ROWS, values)
            _append(self.folder / _KEYS, lines)
        except OSError as error:
            raise FolderError(
                f"The activations cannot be written to {self.folder}: {error.strerror}. Complete rows stay in the "
                f"cache. {MAKE_ROOM}"
            ) from error

    def source(self, keys: Sequence[str]) -> Activations:
        """Returns the activations of images that are all cached."""
        known = self.known()
        os.utime(self.folder / _ABOUT)  # the time of last use in `kerasclf cache list`
        rows = np.array([known[key] for key in keys], np.int64)
        return Activations(self.folder / _ROWS, self.dtype, self.shape, rows)

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


MAKE_ROOM = (
    "Make room with `kerasclf cache clear`, set KERASCLF_CACHE to a folder on another disk, or turn the cache off with "
    "`cache`."
)


class _About(TypedDict):
    """What `kerasclf cache list` shows of about.json."""

    name: str
    dtype: str
    engine: str


@dataclass(frozen=True)
class CacheEntry:
    """One cache on disk.

    Args:
        folder: Folder of the cache.
        about: Everything that identifies it; None if the file that says so is damaged.
        images: Number of images.
        size: Size in bytes.
        used: Time of its last use, in seconds since 1970.
    """

    folder: Path
    about: dict[str, Any] | None
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
        size = sum(file.stat().st_size for file in folder.iterdir() if file.is_file())
        found.append(CacheEntry(folder, _read_about(path), images, size, path.stat().st_mtime))
    yield from sorted(found, key=lambda entry: -entry.used)


def _read_about(path: Path) -> dict[str, Any] | None:
    try:
        about: dict[str, Any] = read_json(path)
        check_schema(about, _About, path)
    except FolderError:
        return None
    return about


def _row_bytes(dtype: np.dtype[Any], shape: tuple[int, ...]) -> int:
    return dtype.itemsize * int(np.prod(shape))


def _append(path: Path, content: bytes) -> None:
    new = not path.exists()
    with path.open("ab") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    if new:
        sync_folder(path.parent)
