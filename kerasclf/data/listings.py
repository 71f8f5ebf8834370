"""Lists of image files with their labels: checked as a whole, then read."""

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kerasclf.data.dataset import Subset
from kerasclf.data.groups import groups_of, pattern_problem
from kerasclf.data.image_sources import FileImages
from kerasclf.data.pixels.decode import SUFFIXES, is_broken
from kerasclf.data.pixels.image_fit import Fit
from kerasclf.data.pixels.image_store import open_store
from kerasclf.data.pixels.listed_pixels import read_headers, read_pixels
from kerasclf.errors import DataError, listed, shortened
from kerasclf.log import Log
from kerasclf.wording import counted

# Decoded images up to this many bytes are kept in memory; a larger set is read on demand, batch by batch.
IN_MEMORY_LIMIT = 1 << 30


class ReadImages(NamedTuple):
    """The images of listings, read.

    Args:
        sets: The images of each set.
        files: The file of each image, by set.
        broken: The error of each file that was left out.
    """

    sets: dict[str, Subset]
    files: dict[str, tuple[Path, ...]]
    broken: Mapping[Path, DataError]


@dataclass(frozen=True)
class Listing:
    """Image files with their labels, before any pixel is read.

    Args:
        root: Folder below which the files lie.
        files: Paths of the images.
        labels: Class indices, int64 of shape (n,).
        left_out: Other files below the folder, which are not read as images.
        groups: Group of each image; empty without groups.
    """

    root: Path
    files: tuple[Path, ...]
    labels: NDArray[np.int64]
    left_out: tuple[Path, ...] = ()
    groups: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Path of each image below the folder; an image elsewhere has its whole path."""
        root = str(self.root)
        above = root if root.endswith(os.sep) else f"{root}{os.sep}"
        return tuple(_name(file, self.root, above) for file in self.files)

    def take(self, indices: NDArray[np.int64]) -> "Listing":
        """Returns a listing of only the files at `indices`."""
        return replace(
            self,
            files=tuple(self.files[i] for i in indices.tolist()),
            labels=self.labels[indices],
            groups=tuple(self.groups[i] for i in indices.tolist()) if self.groups else (),
        )


def _name(file: Path, root: Path, above: str) -> str:
    text = str(file)
    if text.startswith(above):  # 20 times faster than `relative_to`
        return text.removeprefix(above).replace(os.sep, "/")
    return (file.relative_to(root) if file.is_relative_to(root) else file).as_posix()


def with_groups(listing: Listing, pattern: str, skip_broken: bool = False) -> Listing:
    """Returns a listing with the groups that a pattern finds in the names of its images.

    Args:
        listing: The images.
        pattern: As for `Split`.
        skip_broken: Whether broken files are left out later. They need no group.

    Raises:
        DataError: If it has groups already, or the pattern finds none for an image.
    """
    if problem := pattern_problem(pattern):
        raise DataError(f"group: {problem}")
    if listing.groups:
        raise DataError(f"group: expected None, as the table names the groups. Received: {pattern!r}.")

    def is_left_out(index: int) -> bool:
        return skip_broken and is_broken(listing.files[index])

    return replace(listing, groups=groups_of(listing.names, pattern, is_left_out))


def read_listings(
    listings: dict[str, Listing],
    image_size: tuple[int, int] | None,
    log: Log,
    skip_broken: bool = False,
    fit: Fit = "squash",
) -> ReadImages:
    """Reads every listed image once, and keeps the pixels if all of them fit in `IN_MEMORY_LIMIT`.

    The images are grey (one channel) if every file is grey, and RGB otherwise.

    Args:
        listings: The files of each set.
        image_size: Height and width to resize to, in pixels; None keeps the size that all files share.
        log: Receives progress messages, one line each.
        skip_broken: Whether to leave out images that cannot be read.
        fit: How an image fills `image_size`, see `kerasclf.data.pixels.image_fit`.

    Raises:
        DataError: If an image cannot be read and is not left out, or if sizes differ and `image_size` is None.
    """
    files = [file for listing in listings.values() for file in listing.files]
    left_out = sorted({path for listing in listings.values() for path in listing.left_out})
    if left_out:
        log(describe_left_out(left_out))
    store = open_store([listing.root for listing in listings.values()], files, image_size, fit, log)
    headers, errors = read_headers(files, store, log)
    problems: list[str] = []
    if image_size is None and (other := _other_size(headers)):
        problems.append(other)
        image_size, store = (1, 1), None  # only to find all broken files
    size = image_size or next(iter(headers.values()), ((1, 1), False))[0]
    channels = 1 if all(grey for _, grey in headers.values()) else 3
    in_memory = len(files) * size[0] * size[1] * channels <= IN_MEMORY_LIMIT
    sources = {}
    for name, listing in listings.items():
        sources[name], broken = read_pixels(FileImages(listing.files, size, channels, fit=fit), in_memory, store, log)
        errors |= broken
    if store and not in_memory:  # one table for all sets
        prepared = store.pixels((*size, channels))
        sources = {
            name: replace(source, prepared=prepared) if isinstance(source, FileImages) else source
            for name, source in sources.items()
        }
    _refuse({} if skip_broken else errors, len(files), problems)
    if store:
        store.note_use()
    found = {
        name: Subset(sources[name], listing.labels, listing.names, listing.groups) for name, listing in listings.items()
    }
    files_of = {name: listing.files for name, listing in listings.items()}
    return _without_broken(ReadImages(found, files_of, errors), log) if errors else ReadImages(found, files_of, errors)


def _without_broken(read: ReadImages, log: Log) -> ReadImages:
    """Leaves out the images that cannot be read, and says which.

    Raises:
        DataError: If all images of a class in a set are broken.
    """
    found, files, broken = read
    log(listed(f"left out {counted(len(broken), 'broken image')}", shortened(sorted(map(str, broken.values())))))
    whole = {
        name: subset.take(np.flatnonzero([file not in broken for file in files[name]]))
        for name, subset in found.items()
    }
    for name, subset in whole.items():
        lost = sorted(set(found[name].labels.tolist()) - set(subset.labels.tolist()))
        if lost:
            first = found[name].names[int(np.flatnonzero(found[name].labels == lost[0])[0])]
            raise DataError(
                f"Every image of a class in the {name} set is broken, such as {first}. Replace the files, or remove "
                "the class."
            )
    whole_files = {name: tuple(file for file in of_set if file not in broken) for name, of_set in files.items()}
    return ReadImages(whole, whole_files, broken)


def describe_left_out(left_out: Sequence[Path]) -> str:
    """Returns a line that counts and names the files that are not read as images."""
    foreign = [path for path in left_out if path.suffix.lower() not in SUFFIXES]
    special = [path for path in left_out if path.suffix.lower() in SUFFIXES]
    found = []
    if foreign:
        kinds = Counter(path.suffix.lower() or "no suffix" for path in foreign)
        counts = ", ".join(f"{count:,} {kind}" for kind, count in kinds.most_common())
        files, what_is = counted(len(foreign), "file"), "is no image" if len(foreign) == 1 else "are no images"
        remedy = " (convert .heic to JPEG to use it)" if ".heic" in kinds else ""
        found.append(f"{files} that {what_is} ({counts}), such as {foreign[0]}{remedy}")
    if special:
        paths, what = counted(len(special), "path"), "is no file" if len(special) == 1 else "are no files"
        names = ", ".join(shortened([str(path) for path in special]))
        found.append(f"{paths} with an image suffix that {what}: {names}")
    return f"left out {'; and '.join(found)}"


def _refuse(errors: Mapping[Path, DataError], count: int, problems: Sequence[str]) -> None:
    """Raises one error that lists the broken files and the other problems; does nothing without any."""
    lines = sorted(map(str, errors.values()))
    if len(lines) + len(problems) == 1:
        raise DataError([*lines, *problems][0])
    if lines:
        title = f"{len(lines):,} of {count:,} images cannot be read"
        raise DataError(listed(title, [*shortened(lines), *problems]))


def _other_size(headers: Mapping[Path, tuple[tuple[int, int], bool]]) -> str | None:
    """Returns the problem with images of different sizes, or None if all have one size."""
    first, size = next(((file, size) for file, (size, _) in headers.items()), (None, None))
    for file, (other, _) in headers.items():
        if size is not None and other != size:
            sizes = [f"{height}x{width}" for height, width in (size, other)]
            return (
                f"Expected images of one size. Received: {first} of {sizes[0]} and {file} of {sizes[1]} (height x "
                "width). Give one size to resize them to as `image_size`."
            )
    return None
