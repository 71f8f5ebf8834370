"""The store of prepared images: files are decoded and resized once, and every later start reads the pixels.

A store is a cache of one folder of images at one size. Nothing depends on it: images without it are the same, to the
bit. Its files are below `images` in the folder of all caches.
"""

import contextlib
import os
import shutil
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypedDict

import numpy as np
import PIL
from numpy.typing import NDArray
from PIL import features

from kerasclf.data.pixels.file_records import FileTable, append_records, look_at, make_records
from kerasclf.data.pixels.image_fit import Fit
from kerasclf.data.pixels.known_fingerprints import KnownFingerprints
from kerasclf.data.pixels.prepared_pixels import PreparedPixels, append_keys, append_pixels, open_for_appending
from kerasclf.errors import FolderError, FolderInUseError
from kerasclf.files.cache_folders import IMAGE_CACHE_GB, CacheEntry, cache_root, image_cache_bytes, read_about
from kerasclf.files.locks import hold
from kerasclf.files.writing import write_json
from kerasclf.log import Log
from kerasclf.machine.resources import disk_of
from kerasclf.values import digest_of
from kerasclf.wording import format_bytes

# Increase it whenever `kerasclf.data.pixels.decode` gives other pixels, or the files here have another form.
FORMAT = 1
# Fewer and smaller files are decoded in about a second, and are not stored.
MIN_FILES, MIN_BYTES = 1000, 32 << 20
# The share of the free disk that a store may take.
_SHARE_OF_FREE = 0.8
_ABOUT, _HEADERS = "about.json", "headers.index"
# Those that decide pixels. Lossless ones do not, and the version of zlib depends on what else is loaded.
_LIBRARIES = ("jpg", "libjpeg_turbo", "jpg_2000", "webp", "avif")

Header = tuple[tuple[int, int], bool]
# Stores images: their files, keys and pixels.
Append = Callable[[Sequence[Path], Sequence[str], Sequence[NDArray[np.uint8]]], None]


@dataclass
class ImageStore:
    """The prepared images of some files.

    Args:
        folder: Where they are.
        about: Everything that decides the pixels, besides the files.
        identities: What identifies each file as it is now.
        log: Receives one warning if the store cannot be written.
    """

    folder: Path
    about: dict[str, Any]
    identities: Mapping[Path, bytes]
    log: Log
    _closed: bool = field(default=False, init=False)
    _found: int = field(default=0, init=False)
    _added: int = field(default=0, init=False)
    _unprepared: int = field(default=0, init=False)
    _most: str = field(default="", init=False)
    _pixels: PreparedPixels | None = field(default=None, init=False)

    @property
    def fingerprints(self) -> KnownFingerprints:
        """The fingerprints of sets of these images."""
        return KnownFingerprints(self.folder / "fingerprints.json")

    def headers(self, files: Sequence[Path]) -> dict[Path, Header]:
        """Returns the (height, width) of known files, and whether each is grey."""
        table = FileTable(self.folder / _HEADERS)
        rows = table.rows([self.identities[file] for file in files]).tolist()
        fields = (table.records[name].tolist() for name in ("height", "width", "grey"))
        known = [((height, width), bool(grey)) for height, width, grey in zip(*fields, strict=True)]
        return {file: known[row] for file, row in zip(files, rows, strict=True) if row >= 0}

    def remember_headers(self, headers: Mapping[Path, Header]) -> None:
        """Stores the headers of files."""
        headers = {file: header for file, header in headers.items() if self.identities[file]}
        if not headers:
            return
        records = make_records([self.identities[file] for file in headers])
        records["height"], records["width"] = np.array([size for size, _ in headers.values()]).T
        records["grey"] = [grey for _, grey in headers.values()]
        with self._held() as held, self._unless_full():
            if held:
                append_records(self.folder / _HEADERS, records)

    def pixels(self, shape: tuple[int, ...]) -> PreparedPixels:
        """Returns the images of a shape (height, width, channels) that are stored. Only a change makes it read anew."""
        if self._pixels is None or self._pixels.shape != shape:
            self._pixels = PreparedPixels(self.folder, shape)
        return self._pixels

    def find(self, shape: tuple[int, ...], files: Sequence[Path]) -> tuple[list[str], list[int]]:
        """Returns the key of each file's pixels, or an empty one, and the indices of those that are not prepared."""
        keys, lacking = self.pixels(shape).find([self.identities[file] for file in files])
        self._found += len(files) - len(lacking)
        return keys, lacking

    @contextlib.contextmanager
    def filling(self, shape: tuple[int, ...], room: int, with_keys: Container[Path] = ()) -> Iterator[Append]:
        """Yields a function that stores images. It does nothing if the store is in use, full or read-only.

        Args:
            shape: Height, width and channels.
            room: Number of images whose pixels are stored; of the others, only the keys are.
            with_keys: Files whose keys are stored already.
        """

        def append(files: Sequence[Path], keys: Sequence[str], images: Sequence[NDArray[np.uint8]]) -> None:
            nonlocal room
            known = [index for index, file in enumerate(files) if self.identities[file]]
            if self._closed or not known:
                return
            chosen, self._pixels = known[:room], None
            others = [index for index in known[room:] if files[index] not in with_keys]
            with self._unless_full():
                if chosen:
                    append_pixels(self.folder, *self._named(files, keys, chosen), [images[index] for index in chosen])
                    room -= len(chosen)
                    self._added += len(chosen)
                if others:
                    append_keys(self.folder, shape, *self._named(files, keys, others))

        with self._held() as held:
            with self._unless_full():
                if held:
                    open_for_appending(self.folder, shape)
            yield append

    def _named(
        self, files: Sequence[Path], keys: Sequence[str], chosen: Sequence[int]
    ) -> tuple[list[bytes], list[str]]:
        return [self.identities[files[index]] for index in chosen], [keys[index] for index in chosen]

    @contextlib.contextmanager
    def _held(self) -> Iterator[bool]:
        """Holds the folder, and tells whether that was possible."""
        with contextlib.ExitStack() as stack:
            if not self._closed:
                try:
                    stack.enter_context(hold(self.folder))
                    if not (self.folder / _ABOUT).exists():
                        write_json(self.folder / _ABOUT, self.about)
                except (FolderError, OSError) as error:
                    self._close(error)
            yield not self._closed

    @contextlib.contextmanager
    def _unless_full(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self._close(error)

    def _close(self, error: Exception) -> None:
        """Stores nothing more, and says why once. What another process has stored meanwhile can still be read."""
        self._closed, self._pixels = True, None
        if isinstance(error, FolderInUseError):
            self.log("another process prepares these images now; this one reads their files")
            return
        cause = error.__cause__ or error
        reason = (cause.strerror if isinstance(cause, OSError) else "") or str(cause).rstrip(".")
        self.log(
            f"warning: prepared images cannot be stored in {self.folder}: {reason}. They are read from their files."
        )

    def make_room(self, shape: tuple[int, ...], count: int) -> int:
        """Returns how many of some images can be prepared within the limit and the free disk.

        It removes the stores that were used longest ago, until the others and this one are within the limit.
        """
        if self._closed or not count:
            return 0
        limit, entries = image_cache_bytes(), list(stored(cache_root()))
        own = sum(entry.size for entry in entries if entry.folder == self.folder)
        others = [entry for entry in entries if entry.folder != self.folder]
        # Of the disk without this store: a second start must not take a part of the rest.
        on_disk = _SHARE_OF_FREE * (disk_of(self.folder).free + own)
        size = int(np.prod(shape))
        room = max(0, min(count, int((min(limit, on_disk) - own) // size)))
        if room < count:
            self._unprepared += count - room
            self._most = (
                f"{format_bytes(limit)} ({IMAGE_CACHE_GB})"
                if limit < on_disk
                else f"{format_bytes(on_disk)} of this disk"
            )
        while room and others and own + room * size + sum(entry.size for entry in others) > limit:
            oldest = others.pop()
            if clear_images(oldest) is None:
                self.log(f"removed the prepared images {oldest.folder.name}, to stay within {format_bytes(limit)}")
        return room

    def note_use(self) -> None:
        """Says how many images are prepared. Records that the store was used now."""
        if self._unprepared:
            self.log(f"{self._unprepared:,} images are not prepared: the store takes at most {self._most}")
        if self._found or self._added:
            self.log(f"prepared images: {self._found:,} found, {self._added:,} added, in {self.folder}")
        with contextlib.suppress(OSError):
            os.utime(self.folder / _ABOUT)


def open_store(
    roots: Sequence[Path], files: Sequence[Path], image_size: tuple[int, int] | None, fit: Fit, log: Log
) -> ImageStore | None:
    """Returns the store of some files; None if they are few and small, or `KERASCLF_IMAGE_CACHE_GB` is 0.

    Args:
        roots: Folders below which the files lie.
        files: The files. A missing one has no prepared image.
        image_size: Height and width that the images are resized to, in pixels; None for their own.
        fit: How an image fills this size.
        log: Receives messages.

    Raises:
        DataError: If `KERASCLF_IMAGE_CACHE_GB` is no number.
    """
    if not image_cache_bytes():
        return None
    known = look_at(files)
    if len(files) < MIN_FILES and sum(file.size for file in known) < MIN_BYTES:
        return None
    about = {
        "name": _common(roots),
        "image_size": None if image_size is None else list(image_size),
        "fit": fit,
        "format": FORMAT,
        "decoder": [f"Pillow {PIL.__version__}", *(f"{name} {features.version(name)}" for name in _LIBRARIES)],
    }
    return ImageStore(
        cache_root() / "images" / digest_of(about)[:16],
        about,
        {path: file.identity for path, file in zip(files, known, strict=True)},
        log,
    )


class _About(TypedDict):
    """What `kerasclf cache list` shows of about.json."""

    name: str
    image_size: list[int] | None
    fit: str


def stored(root: Path) -> Iterator[CacheEntry]:
    """Yields the stores below the folder of all caches, the last used one first."""
    found = []
    for path in (root / "images").glob(f"*/{_ABOUT}"):
        with contextlib.suppress(OSError):  # removed meanwhile
            sizes = {file.name: file.stat().st_size for file in path.parent.iterdir() if file.is_file()}
            tables = [size for name, size in sizes.items() if name.endswith(".index") and name != _HEADERS]
            count = max(tables, default=0) // make_records([]).itemsize
            found.append(
                CacheEntry(path.parent, read_about(path, _About), count, sum(sizes.values()), path.stat().st_mtime)
            )
    yield from sorted(found, key=lambda entry: -entry.used)


def clear_images(entry: CacheEntry) -> str | None:
    """Removes a store, unless a process fills it. A process that reads it has its file open, and goes on.

    Returns:
        Why the store stays; None if it was removed.
    """
    try:
        with hold(entry.folder):
            # The pixels first: Windows keeps a file that is open.
            for file in sorted(entry.folder.iterdir(), key=lambda file: file.suffix != ".pixels"):
                if not file.name.startswith(".lock"):
                    file.unlink()
            shutil.rmtree(entry.folder, ignore_errors=True)
    except FolderError as error:
        return str(error)
    except OSError as error:
        return f"{error.filename} cannot be removed: {error.strerror}. A process may still read it."
    return None


def _common(roots: Sequence[Path]) -> str:
    try:
        return os.path.commonpath([root.absolute() for root in roots])
    except ValueError:  # two drives of Windows
        return str(roots[0].absolute())
