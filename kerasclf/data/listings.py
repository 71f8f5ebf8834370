"""Lists of image files with their labels: checked as a whole, then read."""

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kerasclf.data.dataset import ArrayImages, FileImages, ImageSource, Subset, key_of
from kerasclf.data.decode import read_header
from kerasclf.errors import DataError, listed
from kerasclf.log import Log
from kerasclf.wording import counted

# Decoded images up to this many bytes are kept in memory; a larger set is read on demand, batch by batch.
IN_MEMORY_LIMIT = 1 << 30

# Bytes of pixels read at once: enough to keep all threads busy, and few enough for any laptop.
_CHUNK_BYTES = 64 << 20

# An error lists this many files, and counts the others.
_MAX_LISTED = 20


@dataclass(frozen=True)
class Listing:
    """Image files with their labels, before any pixel is read.

    Args:
        root: Folder below which the files lie.
        files: Paths of the images.
        labels: Class indices, int64 of shape (n,).
        left_out: Other files below the folder, which are not read as images.
    """

    root: Path
    files: tuple[Path, ...]
    labels: NDArray[np.int64]
    left_out: tuple[Path, ...] = ()

    def take(self, indices: NDArray[np.int64]) -> "Listing":
        """Returns a listing of only the files at `indices`."""
        return replace(self, files=tuple(self.files[int(i)] for i in indices), labels=self.labels[indices])


def read_listings(listings: dict[str, Listing], image_size: tuple[int, int] | None, log: Log) -> dict[str, Subset]:
    """Reads every listed image once, and keeps the pixels if all of them fit in `IN_MEMORY_LIMIT`.

    The images are grey (one channel) if every file is grey, and RGB otherwise.

    Args:
        listings: The files of each set.
        image_size: Height and width to resize to, in pixels; None keeps the size that all files share.
        log: Receives progress messages, one line each.

    Raises:
        DataError: If an image cannot be read, or if sizes differ and `image_size` is None.
    """
    files = [file for listing in listings.values() for file in listing.files]
    left_out = sorted({path for listing in listings.values() for path in listing.left_out})
    if left_out:
        log(describe_left_out(left_out))
    headers = _read_headers(files)
    size = _common_size(files, [shape for shape, _ in headers]) if image_size is None else image_size
    channels = 1 if all(grey for _, grey in headers) else 3
    in_memory = len(files) * size[0] * size[1] * channels <= IN_MEMORY_LIMIT
    return {
        name: Subset(
            _read_all(listing.files, size, channels, in_memory, log),
            listing.labels,
            tuple(file.relative_to(listing.root).as_posix() for file in listing.files),
        )
        for name, listing in listings.items()
    }


def describe_left_out(left_out: Sequence[Path]) -> str:
    """Returns a line that counts and names the files that are not read as images."""
    kinds = Counter(path.suffix.lower() or "no suffix" for path in left_out)
    counts = ", ".join(f"{count:,} {kind}" for kind, count in kinds.most_common())
    files = counted(len(left_out), "file")
    return f"left out {files} without a known image suffix ({counts}), such as {left_out[0]}"


def _read_headers(files: Sequence[Path]) -> list[tuple[tuple[int, int], bool]]:
    """Returns the size of each image, and whether it is grey; refuses all unreadable files at once."""

    def read(file: Path) -> tuple[tuple[int, int], bool] | DataError:
        try:
            return read_header(file)
        except DataError as error:
            return error

    with ThreadPoolExecutor() as pool:
        headers = list(pool.map(read, files))
    _refuse([header for header in headers if isinstance(header, DataError)], len(files))
    return [header for header in headers if not isinstance(header, DataError)]


def _refuse(errors: Sequence[DataError], count: int) -> None:
    """Raises one error that lists the broken files; does nothing without any."""
    if len(errors) == 1:
        raise errors[0]
    if errors:
        shown = sorted(map(str, errors))[:_MAX_LISTED]
        more = [f"and {len(errors) - _MAX_LISTED:,} more"] if len(errors) > _MAX_LISTED else []
        raise DataError(listed(f"{len(errors):,} of {count:,} images cannot be read", [*shown, *more]))


def _common_size(files: Sequence[Path], sizes: Sequence[tuple[int, int]]) -> tuple[int, int]:
    for file, size in zip(files, sizes, strict=True):
        if size != sizes[0]:
            first, other = (f"{height}x{width}" for height, width in (sizes[0], size))
            raise DataError(
                f"Expected images of one size. Received: {files[0]} of {first} and {file} of {other} (height x width). "
                "Give one size to resize them to as `image_size`."
            )
    return sizes[0]


def _read_all(files: tuple[Path, ...], size: tuple[int, int], channels: int, in_memory: bool, log: Log) -> ImageSource:
    """Decodes every file, to find a truncated one before training; keeps its pixels if `in_memory`, or their hash."""
    source = FileImages(files, size, channels)
    errors: list[DataError] = []
    keys: list[str] = []
    pixels = np.empty((len(files) if in_memory else 0, *source.shape), np.uint8)
    chunk = max(1, _CHUNK_BYTES // (size[0] * size[1] * channels))
    for start in range(0, len(files), chunk):
        indices = np.arange(start, min(start + chunk, len(files)))
        try:
            images = source.read(indices)
        except DataError:
            errors += _errors_of(source, indices)
            continue
        if in_memory:
            pixels[indices] = images
        else:
            keys += [key_of(image.tobytes()) for image in images]
        if len(files) > chunk:
            log(f"read {indices[-1] + 1:,} of {len(files):,} images")
    _refuse(errors, len(files))
    return ArrayImages(pixels) if in_memory else replace(source, keys=tuple(keys))


def _errors_of(source: FileImages, indices: NDArray[np.int64]) -> list[DataError]:
    """Returns the error of each image that cannot be decoded."""
    found = []
    for index in indices:
        try:
            source.read(np.array([index]))
        except DataError as error:
            found.append(error)
    return found
