"""Reads the user's own images: class folders, ready-made sets, or file lists."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kerasclf.data.dataset import ArrayImages, FileImages, ImageSource, Subset
from kerasclf.data.decode import SUFFIXES, read_header
from kerasclf.errors import DataError, did_you_mean
from kerasclf.log import Log

# Decoded images up to this many bytes are kept in memory; a larger set is read on demand, batch by batch.
IN_MEMORY_LIMIT = 1 << 30

# Bytes of pixels read at once: enough to keep all threads busy, and few enough for any laptop.
_CHUNK_BYTES = 64 << 20

_SET_FOLDERS = {
    "train": ("train", "training"),
    "validation": ("valid", "validation", "val"),
    "test": ("test", "testing"),
}


@dataclass(frozen=True)
class Listing:
    """Image files with their labels, before any pixel is read.

    Args:
        root: Folder below which the files lie.
        files: Paths of the images.
        labels: Class indices, int64 of shape (n,).
    """

    root: Path
    files: tuple[Path, ...]
    labels: NDArray[np.int64]

    def take(self, indices: NDArray[np.int64]) -> "Listing":
        """Returns a listing of only the files at `indices`."""
        return replace(self, files=tuple(self.files[int(i)] for i in indices), labels=self.labels[indices])


def list_folder(root: Path) -> tuple[tuple[str, ...], dict[str, Listing]]:
    """Lists the images of ROOT/CLASS/image, or of ROOT/{train,valid,test}/CLASS/image.

    Args:
        root: The folder.

    Returns:
        The class names in alphabetical order, and a listing by set. A folder without sets is all "train".

    Raises:
        DataError: If the folder is missing or has no class folders, or if a class folder has no image.
    """
    if not root.is_dir():
        near = did_you_mean(root.name, _subfolders(root.parent)) if root.parent.is_dir() else ""
        raise DataError(f"The folder {root} does not exist.{near}")
    sets = _find_sets(root)
    if not sets:
        names = _subfolders(root)
        return names, {"train": _list_classes(root, names)}
    names = _subfolders(sets["train"])
    for folder in sets.values():
        if _subfolders(folder) != names:
            extra = sorted(set(_subfolders(folder)) ^ set(names))
            raise DataError(
                f"Expected the same class folders in {sets['train']} and {folder}. Only one of them has {extra[0]!r}."
            )
    return names, {subset: _list_classes(folder, names) for subset, folder in sets.items()}


def list_files(root: Path, train: Path, test: Path) -> tuple[tuple[str, ...], dict[str, Listing]]:
    """Reads two lists of images, one CLASS/file per line, in the form of Caltech-UCSD Birds.

    Args:
        root: Folder below which the images lie.
        train: List of the training images.
        test: List of the test images.

    Returns:
        The class names in alphabetical order, and the listings "train" and "test".

    Raises:
        DataError: If a list or an image is missing, a line is not CLASS/file, an image is listed twice, or a class
            is in only one list.
    """
    if not root.is_dir():
        raise DataError(f"The folder {root} does not exist.")
    entries = {subset: _read_list(root, path) for subset, path in (("train", train), ("test", test))}
    shared = set(entries["train"]) & set(entries["test"])
    if shared:
        raise DataError(f"{min(shared)} is in both {train} and {test}. Remove it from one of them.")
    classes = {subset: {line.split("/")[0] for line in lines} for subset, lines in entries.items()}
    unmatched = sorted(classes["train"] ^ classes["test"])
    if unmatched:
        raise DataError(f"Expected the same classes in {train} and {test}. Only one of them has {unmatched[0]!r}.")
    names = tuple(sorted(classes["train"]))
    if len(names) < 2:
        raise DataError(f"Expected images of at least 2 classes in {train}. Received: 1, {names[0]!r}.")
    index = {name: i for i, name in enumerate(names)}
    return names, {
        subset: Listing(
            root,
            tuple(root / line for line in lines),
            np.array([index[line.split("/")[0]] for line in lines], np.int64),
        )
        for subset, lines in entries.items()
    }


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
    with ThreadPoolExecutor() as pool:
        headers = list(pool.map(read_header, files))
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


def _subfolders(folder: Path) -> tuple[str, ...]:
    return tuple(sorted(p.name for p in folder.iterdir() if p.is_dir() and not p.name.startswith(".")))


def _is_image(path: Path, folder: Path) -> bool:
    """Returns whether a file is a visible image. Systems and editors hide files such as ._photo.jpg."""
    hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
    return path.suffix.lower() in SUFFIXES and not hidden and path.is_file()


def _find_sets(root: Path) -> dict[str, Path]:
    """Returns the folders of the sets. A folder "train" without subfolders is a class of that name."""
    found = {
        subset: root / name
        for subset, names in _SET_FOLDERS.items()
        for name in names
        if (root / name).is_dir() and _subfolders(root / name)
    }
    others = sorted(set(_subfolders(root)) - {folder.name for folder in found.values()})
    if found and others:
        raise DataError(
            f"{root} has a folder for each set and also the folder {others[0]!r}. Move {others[0]!r} elsewhere."
        )
    if found and "train" not in found:
        present = ", ".join(sorted(p.name for p in found.values()))
        raise DataError(f"Expected a folder 'train' in {root}. Received: {present}.")
    return found


def _list_classes(folder: Path, names: Sequence[str]) -> Listing:
    if len(names) < 2:
        raise DataError(
            f"Expected at least 2 class folders in {folder}. Received: {len(names)}. "
            "Arrange the images as FOLDER/CLASS/image.jpg, or as FOLDER/{train,valid,test}/CLASS/image.jpg."
        )
    files: list[Path] = []
    labels: list[int] = []
    for label, name in enumerate(names):
        found = sorted(p for p in (folder / name).rglob("*") if _is_image(p, folder))
        if not found:
            raise DataError(
                f"Expected images ({', '.join(SUFFIXES)}) in the class folder {folder / name}. Received: none."
            )
        files += found
        labels += [label] * len(found)
    # Shuffled, as CIFAR's files are: the first tenth then holds images of every class.
    order = np.random.default_rng(0).permutation(len(files))
    return Listing(folder, tuple(files[i] for i in order), np.array(labels, np.int64)[order])


def _read_list(root: Path, path: Path) -> list[str]:
    if not path.is_file():
        raise DataError(f"The image list {path} does not exist.")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"The image list {path} is not UTF-8 ({error}). Save it as UTF-8.") from error
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not lines:
        raise DataError(f"The image list {path} is empty.")
    seen: set[str] = set()
    for number, line in enumerate(lines, 1):
        if "/" not in line or line.startswith("/") or ".." in Path(line).parts:
            raise DataError(f"{path}, line {number}: expected CLASS/file. Received: {line!r}.")
        if line in seen:
            raise DataError(f"{path}, line {number}: {line} is listed twice.")
        seen.add(line)
    missing = [line for line in lines if not (root / line).is_file()]
    if missing:
        raise DataError(
            f"{path} lists {len(missing)} missing file{'s' * (len(missing) > 1)}, first {root / missing[0]}."
        )
    return lines


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
    """Decodes every file, to find a truncated one before training, and keeps the pixels if `in_memory`."""
    source = FileImages(files, size, channels)
    pixels = np.empty((len(files) if in_memory else 0, *source.shape), np.uint8)
    chunk = max(1, _CHUNK_BYTES // (size[0] * size[1] * channels))
    for start in range(0, len(files), chunk):
        indices = np.arange(start, min(start + chunk, len(files)))
        images = source.read(indices)
        if in_memory:
            pixels[indices] = images
        if len(files) > chunk:
            log(f"read {indices[-1] + 1:,} of {len(files):,} images")
    return ArrayImages(pixels) if in_memory else source
