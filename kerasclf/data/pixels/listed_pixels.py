"""Reads the headers and the pixels of many image files in threads, or takes them from the store."""

import math
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from kerasclf.data.image_sources import ArrayImages, FileImages, ImageSource, key_of
from kerasclf.data.pixels.decode import read_header
from kerasclf.data.pixels.image_store import Header, ImageStore
from kerasclf.errors import DataError
from kerasclf.log import Log

# Bytes of pixels read at once: enough to keep all threads busy, and few enough for any laptop.
_CHUNK_BYTES = 64 << 20
# Headers that are read between two messages, and remembered together.
_HEADERS_AT_ONCE = 50_000
# Files that a thread reads in one go: a call per file would cost as much as the header of a small one.
_AT_ONCE = 16

T = TypeVar("T")


def read_headers(
    files: Sequence[Path], store: ImageStore | None, log: Log
) -> tuple[dict[Path, Header], dict[Path, DataError]]:
    """Returns the size of each image, and whether it is grey; and the errors of those that are unreadable."""
    known = store.headers(files) if store else {}
    missing = [file for file in files if file not in known]
    read, errors = dict[Path, Header](), dict[Path, DataError]()
    for start in range(0, len(missing), _HEADERS_AT_ONCE):
        found = _each(read_header, missing[start : start + _HEADERS_AT_ONCE])
        errors |= {file: result for file, result in found.items() if isinstance(result, DataError)}
        new = {file: result for file, result in found.items() if not isinstance(result, DataError)}
        if store:
            store.remember_headers(new)
        read |= new
        if (left := len(missing) - start - _HEADERS_AT_ONCE) > 0:
            log(f"read the headers of {len(files) - left:,} of {len(files):,} images")
    # In the order of the files, as messages name the first.
    headers = {file: known[file] if file in known else read[file] for file in files if file not in errors}
    return headers, errors


def read_pixels(
    source: FileImages, in_memory: bool, store: ImageStore | None, log: Log
) -> tuple[ImageSource, dict[Path, DataError]]:
    """Decodes every file that is not prepared yet, to find a truncated one before training, and prepares it.

    Args:
        source: The files.
        in_memory: Whether the pixels are kept; otherwise only their hashes are.
        store: The prepared images; None for no store.
        log: Receives the progress.

    Returns:
        The images, and the error of each file that cannot be decoded.
    """
    files = source.paths
    pixels = np.empty((len(files) if in_memory else 0, *source.shape), np.uint8)
    keys, missing, room = _take_prepared(source, pixels, store) if store else ([""] * len(files), range(len(files)), 0)
    done, errors = len(files) - len(missing), dict[Path, DataError]()
    with_keys = {files[index] for index in missing if keys[index]}
    with store.filling(source.shape, room, with_keys) if store and missing else nullcontext(_forget) as append:
        for part in _chunks(missing, source):
            found = _each(lambda file: _decoded(source, file), [files[index] for index in part])
            whole = {file: result for file, result in found.items() if not isinstance(result, DataError)}
            errors |= {file: result for file, result in found.items() if isinstance(result, DataError)}
            for index in part:
                if files[index] in whole:  # otherwise it is refused, or left out by its position
                    image, keys[index] = whole[files[index]]
                    if in_memory:
                        pixels[index] = image
            append(list(whole), [key for _, key in whole.values()], [image for image, _ in whole.values()])
            done += len(part)
            if len(part) < len(missing):
                log(f"read {done:,} of {len(files):,} images")
    if in_memory:
        return ArrayImages(pixels, tuple(keys), store.fingerprints if store else None), errors
    return replace(source, keys=tuple(keys)), errors


def _take_prepared(
    source: FileImages, pixels: NDArray[np.uint8], store: ImageStore
) -> tuple[list[str], Sequence[int], int]:
    """Fills in the pixels that are prepared, if there is memory for them.

    Returns:
        The key of each image, or an empty one; the indices of the images to decode; and how many of these have room in
        the store.
    """
    keys, lacking = store.find(source.shape, source.paths)
    if len(pixels):
        chosen = set(lacking)
        prepared = ["" if index in chosen else key for index, key in enumerate(keys)]
        lacking = sorted([*lacking, *store.pixels(source.shape).read_all(prepared, pixels)])
        return keys, lacking, store.make_room(source.shape, len(lacking))
    room = store.make_room(source.shape, len(lacking))
    # Images on demand with a key are known to be whole. They are decoded only to prepare them.
    unknown = [index for index in lacking if not keys[index]]
    known = [index for index in lacking if keys[index]]
    return keys, sorted(unknown + known[: max(0, room - len(unknown))]), room


def _chunks(indices: Sequence[int], source: FileImages) -> Iterator[Sequence[int]]:
    size = max(1, _CHUNK_BYTES // math.prod(source.shape))
    for start in range(0, len(indices), size):
        yield indices[start : start + size]


def _decoded(source: FileImages, file: Path) -> tuple[NDArray[np.uint8], str]:
    image = source.read_file(file)
    return image, key_of(image)


def _forget(files: object, keys: object, images: object) -> None:
    """Stores nothing."""


def _each(read: Callable[[Path], T], files: Sequence[Path]) -> dict[Path, T | DataError]:
    """Returns the result or the error of a function for each file. Threads help: Pillow decodes outside the lock."""

    def attempt(file: Path) -> T | DataError:
        try:
            return read(file)
        except DataError as error:
            return DataError(str(error))  # the error itself holds its frames, and they hold the decoded picture

    def attempt_all(some: Sequence[Path]) -> list[T | DataError]:
        return [attempt(file) for file in some]

    size = min(_AT_ONCE, 1 + len(files) // 64)  # few large photographs go to all threads
    parts = [files[start : start + size] for start in range(0, len(files), size)]
    with ThreadPoolExecutor() as pool:
        results = [result for part in pool.map(attempt_all, parts) for result in part]
    return dict(zip(files, results, strict=True))
