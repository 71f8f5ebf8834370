"""Reads the user's own images: class folders, ready-made sets, or file lists."""

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from kerasclf.data.listings import Listing, describe_left_out
from kerasclf.data.names import check_names, describe_difference
from kerasclf.data.pixels.decode import SUFFIXES, is_image
from kerasclf.data.set_words import SET_FORMS, set_named
from kerasclf.errors import DataError, did_you_mean, listed, shortened
from kerasclf.wording import counted

# Words for sets in other folder names, such as "trn" or "seg_train". If most class names have one, they are no classes.
_SET_WORDS = {word for words in SET_FORMS.values() for word in words} | {
    "eval", "evaluation", "holdout", "testset", "trainset", "trn", "tst", "valset",
}  # fmt: skip
# Files of a study and of a search, which no class has.
_RESULTS = ("study.json", "search.json")

# Files that operating systems leave in folders of images.
_SYSTEM_FILES = {"thumbs.db", "desktop.ini"}
_SYSTEM_FOLDERS = {"__MACOSX"}


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
        _check_classes(root, names)
        return _checked(names, {"train": _list_classes(root, names)})
    names = _subfolders(sets["train"])
    for folder in sets.values():
        if _subfolders(folder) != names:
            difference = describe_difference(names, _subfolders(folder))
            raise DataError(f"Expected the same class folders in {sets['train']} and {folder}. {difference}")
    return _checked(names, {subset: _list_classes(folder, names) for subset, folder in sets.items()})


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
    found = {subset: _read_list(root, path) for subset, path in (("train", train), ("test", test))}
    entries = {subset: lines for subset, (lines, _) in found.items()}
    problems = [problem for _, problems in found.values() for problem in problems]
    problems += [
        f"{line} is in both {train} and {test}. Remove it from one of them."
        for line in sorted(set(entries["train"]) & set(entries["test"]))
    ]
    if len(problems) == 1:
        raise DataError(problems[0])
    if problems:
        raise DataError(listed("The image lists cannot be used", shortened(problems)))
    classes = {subset: {line.split("/")[0] for line in lines} for subset, lines in entries.items()}
    if classes["train"] != classes["test"]:
        difference = describe_difference(sorted(classes["train"]), sorted(classes["test"]))
        raise DataError(f"Expected the same classes in {train} and {test}. {difference}")
    names = tuple(sorted(classes["train"]))
    if len(names) < 2:
        raise DataError(f"Expected images of at least 2 classes in {train}. Received: 1, {names[0]!r}.")
    index = {name: i for i, name in enumerate(names)}
    listings = {
        subset: Listing(
            root,
            tuple(root / line for line in lines),
            np.array([index[line.split("/")[0]] for line in lines], np.int64),
        )
        for subset, lines in entries.items()
    }
    return _checked(names, listings)


def _checked(names: tuple[str, ...], listings: dict[str, Listing]) -> tuple[tuple[str, ...], dict[str, Listing]]:
    """Returns classes and listings after a check of all their names."""
    check_names(names, (path for listing in listings.values() for path in listing.files))
    return names, listings


def _subfolders(folder: Path) -> tuple[str, ...]:
    try:
        return tuple(sorted(p.name for p in folder.iterdir() if p.is_dir() and not _is_hidden(p.name)))
    except PermissionError as error:
        raise DataError(f"The folder {error.filename} cannot be read: permission denied.") from error


def _is_hidden(name: str) -> bool:
    """Returns whether a system or an editor made a file or folder, such as ._photo.jpg or Thumbs.db."""
    return name.startswith(".") or name.lower() in _SYSTEM_FILES or name in _SYSTEM_FOLDERS


def walk_files(folder: Path) -> Iterator[Path]:
    """Yields all visible files below a folder, each folder in alphabetical order; links to folders are followed.

    A subfolder that is named as an image is among them.

    Raises:
        DataError: If a folder cannot be read.
    """
    return (path for path, _ in _walk(folder))


def _walk(folder: Path) -> Iterator[tuple[Path, bool]]:
    """Yields as `walk_files`, and whether each path is a file. A listing says so: a million files are not looked at."""
    visited, folders = set[Path](), [folder]
    while folders:
        where = folders.pop()
        real = where.resolve()
        if real in visited:  # a link to a folder above it
            continue
        visited.add(real)
        try:
            with os.scandir(where) as found:
                entries = sorted((entry for entry in found if not _is_hidden(entry.name)), key=lambda entry: entry.name)
        except OSError as error:
            raise DataError(f"The folder {error.filename} cannot be read: {error.strerror}.") from error
        below = [entry for entry in entries if _is_folder(entry)]
        names = {entry.name for entry in below}
        # A folder that is called photo.jpg is named among the files that are left out.
        yield from ((Path(entry), False) for entry in below if Path(entry.name).suffix.lower() in SUFFIXES)
        for entry in entries:
            if entry.name not in names:
                path = Path(entry)
                yield path, _is_file(path) if _may_be_a_link(entry) else True
        folders += [Path(entry) for entry in reversed(below)]


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself
        return False


def _may_be_a_link(entry: os.DirEntry[str]) -> bool:
    """Returns whether the listing does not say that an entry is a file. On some network disks it says nothing."""
    try:
        return not entry.is_file(follow_symlinks=False)
    except OSError:
        return True


def _in_order(found: tuple[Path, bool]) -> str:
    """Returns a key that sorts as paths do, name by name, in less time. The separator comes before all letters."""
    return os.path.normcase(found[0]).replace(os.sep, "\0")


def _is_file(path: Path) -> bool:
    """Returns whether a path is a file or a link to one.

    Raises:
        DataError: If the permission to know is missing.
    """
    try:
        return path.is_file()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}.") from error


def _check_classes(root: Path, names: Sequence[str]) -> None:
    """Refuses class names of which most differ in a word for a set alone: they are sets, not classes."""
    words = {name: re.split("[^a-z]+", name.lower()) for name in names}
    sets = [name for name in names if _SET_WORDS & set(words[name])]
    others = {tuple(word for word in words[name] if word not in _SET_WORDS) for name in sets}
    if len(sets) > len(names) / 2 and len(others) == 1:  # not so for "test_positive" and "test_negative"
        raise DataError(
            f"Expected class folders in {root}. Received names of sets: {_quoted(sets)}. Arrange the images as "
            "FOLDER/CLASS/image.jpg, or as FOLDER/{train,valid,test}/CLASS/image.jpg."
        )


def _find_sets(root: Path) -> dict[str, Path]:
    """Returns the folders of the sets. A folder "train" without subfolders is a class of that name."""
    found: dict[str, Path] = {}
    for name in _subfolders(root):
        subset = set_named(name)
        if subset is None or not _subfolders(root / name):
            continue
        if subset in found:
            raise DataError(f"{root} has two folders for one set: {found[subset].name!r} and {name!r}. Merge them.")
        found[subset] = root / name
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
    left_out: list[Path] = []
    problems: list[str] = []
    for label, name in enumerate(names):
        below, found = list[Path](), list[Path]()
        for path, is_file in sorted(_walk(folder / name), key=_in_order):
            below.append(path)
            (found if is_file and is_image(path) else left_out).append(path)
        if any(path.name in _RESULTS for path in below):
            raise DataError(f"{folder / name} holds results of kerasclf, and no class. Move it elsewhere.")
        if not found:
            others = f" ({describe_left_out(below)})" if below else ""
            problems.append(f"{folder / name}. Received: none{others}.")
        files += found
        labels += [label] * len(found)
    if problems:
        title = f"Expected images ({', '.join(SUFFIXES)}) in the class folder"
        raise DataError(f"{title} {problems[0]}" if len(problems) == 1 else listed(f"{title}s", shortened(problems)))
    # Shuffled, as CIFAR's files are: the first tenth then holds images of every class.
    order = np.random.default_rng(0).permutation(len(files))
    return Listing(folder, tuple(files[i] for i in order), np.array(labels, np.int64)[order], tuple(left_out))


def _read_list(root: Path, path: Path) -> tuple[list[str], list[str]]:
    """Returns the lines of an image list, and the problem of each line that cannot be used."""
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
    problems: list[str] = []
    missing: list[str] = []
    for number, line in enumerate(lines, 1):
        if "/" not in line or line.startswith("/") or ".." in Path(line).parts or "\0" in line:
            problems.append(f"{path}, line {number}: expected CLASS/file. Received: {line!r}.")
        elif line in seen:
            problems.append(f"{path}, line {number}: {line} is listed twice.")
        elif not _is_file(root / line):
            missing.append(str(root / line))
        seen.add(line)
    if missing:
        problems.append(f"{path} lists {counted(len(missing), 'missing file')}, first {', '.join(shortened(missing))}.")
    return lines, problems


def _quoted(names: Sequence[str]) -> str:
    return ", ".join(shortened([repr(name) for name in names]))
