"""A user's own images: class folders, ready-made parts, or file lists."""

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

# Images are read in chunks of so many bytes: enough to keep all threads busy, little enough for any laptop.
_CHUNK_BYTES = 64 << 20

_PART_FOLDERS = {
    "train": ("train", "training"),
    "validation": ("valid", "validation", "val"),
    "test": ("test", "testing"),
}


@dataclass(frozen=True)
class Listing:
    """Image files with their labels, before any pixel is read."""

    root: Path
    files: tuple[Path, ...]
    labels: NDArray[np.int64]

    def take(self, indices: NDArray[np.int64]) -> "Listing":
        """Returns the listing of only the files at `indices`."""
        return replace(self, files=tuple(self.files[int(i)] for i in indices), labels=self.labels[indices])


def list_folder(root: Path) -> tuple[tuple[str, ...], dict[str, Listing]]:
    """Finds the images below `root`: ROOT/CLASS/image, or ROOT/{train,valid,test}/CLASS/image.

    Returns:
        The class names in alphabetical order, and a listing by part; a folder without parts is all "train".

    Raises:
        DataError: The folder is missing, holds no class folders, or a class folder holds no image.
    """
    if not root.is_dir():
        near = did_you_mean(root.name, _subfolders(root.parent)) if root.parent.is_dir() else ""
        raise DataError(f"The folder {root} does not exist.{near}")
    sets = _find_parts(root)
    if not sets:
        names = _subfolders(root)
        return names, {"train": _list_classes(root, names)}
    names = _subfolders(sets["train"])
    for subset, folder in sets.items():
        if _subfolders(folder) != names:
            odd = sorted(set(_subfolders(folder)) ^ set(names))
            raise DataError(f"{sets['train']} and {folder} ({subset}) differ in the class folder {odd[0]!r}.")
    return names, {subset: _list_classes(folder, names) for subset, folder in sets.items()}


def list_files(root: Path, train: Path, test: Path) -> tuple[tuple[str, ...], dict[str, Listing]]:
    """Reads two lists of images below `root`, one CLASS/file a line, as the birds of Caltech-UCSD have them.

    Raises:
        DataError: A list or an image is missing, a line is no CLASS/file, an image stands twice, or a class
            is in only one list.
    """
    if not root.is_dir():
        raise DataError(f"The folder {root} does not exist.")
    entries = {subset: _read_list(root, path) for subset, path in (("train", train), ("test", test))}
    shared = set(entries["train"]) & set(entries["test"])
    if shared:
        raise DataError(f"{min(shared)} stands in both {train} and {test}.")
    classes = {subset: {line.split("/")[0] for line in lines} for subset, lines in entries.items()}
    odd = sorted(classes["train"] ^ classes["test"])
    if odd:
        raise DataError(f"Class {odd[0]!r} is in only one of {train} and {test}.")
    names = tuple(sorted(classes["train"]))
    if len(names) < 2:
        raise DataError(f"{train} names images of one class, {names[0]!r}; at least 2 are needed.")
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
    """Reads every listed image once, and keeps the pixels where they fit in `IN_MEMORY_LIMIT`.

    Images are grey (one channel) where all of them are, RGB else.

    Raises:
        DataError: An image cannot be read, or sizes differ and no `image_size` was asked for.
    """
    files = [file for listing in listings.values() for file in listing.files]
    with ThreadPoolExecutor() as pool:
        headers = list(pool.map(read_header, files))
    size = image_size or _common_size(files, [shape for shape, _ in headers])
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
    """Leaves out what systems and editors hide beside images, such as ._photo.jpg and .ipynb_checkpoints."""
    hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
    return path.suffix.lower() in SUFFIXES and not hidden and path.is_file()


def _find_parts(root: Path) -> dict[str, Path]:
    """Returns the part folders; one without folders of its own is a class that happens to be called so."""
    found = {
        subset: root / name
        for subset, names in _PART_FOLDERS.items()
        for name in names
        if (root / name).is_dir() and _subfolders(root / name)
    }
    others = sorted(set(_subfolders(root)) - {folder.name for folder in found.values()})
    if found and others:
        raise DataError(f"{root} has parts and beside them the folder {others[0]!r}. Move it elsewhere.")
    if found and "train" not in found:
        present = ", ".join(sorted(p.name for p in found.values()))
        raise DataError(f"{root} has the folder {present} but no folder 'train'.")
    return found


def _list_classes(folder: Path, names: Sequence[str]) -> Listing:
    if len(names) < 2:
        raise DataError(
            f"{folder} holds {len(names)} class folders; at least 2 are needed. "
            "Expected FOLDER/CLASS/image.jpg, or FOLDER/{train,valid,test}/CLASS/image.jpg."
        )
    files: list[Path] = []
    labels: list[int] = []
    for label, name in enumerate(names):
        found = sorted(p for p in (folder / name).rglob("*") if _is_image(p, folder))
        if not found:
            raise DataError(f"The class folder {folder / name} holds no image ({', '.join(SUFFIXES)}).")
        files += found
        labels += [label] * len(found)
    # The order of CIFAR's files, no class after the other, so that "the first tenth" means the same here.
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
            raise DataError(f"{path}, line {number}: {line} stands there twice.")
        seen.add(line)
    missing = [line for line in lines if not (root / line).is_file()]
    if missing:
        raise DataError(
            f"{path} names {len(missing)} missing file{'s' * (len(missing) > 1)}, first {root / missing[0]}."
        )
    return lines


def _common_size(files: Sequence[Path], sizes: Sequence[tuple[int, int]]) -> tuple[int, int]:
    for file, size in zip(files, sizes, strict=True):
        if size != sizes[0]:
            first, other = (f"{height}x{width}" for height, width in (sizes[0], size))
            raise DataError(
                f"Images differ in size: {files[0]} is {first}, {file} is {other} (height x width). "
                f"Ask for one size, such as --image-size {first}."
            )
    return sizes[0]


def _read_all(files: tuple[Path, ...], size: tuple[int, int], channels: int, in_memory: bool, log: Log) -> ImageSource:
    """Decodes every file, so that a truncated one is found before training, and keeps what fits."""
    source = FileImages(files, size, channels)
    kept = np.empty((len(files) if in_memory else 0, *source.shape), np.uint8)
    chunk = max(1, _CHUNK_BYTES // (size[0] * size[1] * channels))
    for start in range(0, len(files), chunk):
        indices = np.arange(start, min(start + chunk, len(files)))
        images = source.read(indices)
        if in_memory:
            kept[indices] = images
        if len(files) > chunk:
            log(f"read {indices[-1] + 1:,} of {len(files):,} images")
    return ArrayImages(kept) if in_memory else source
