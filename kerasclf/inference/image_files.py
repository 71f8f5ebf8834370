"""`ImageFiles`: the image files that some words name: files, folders, globs, a column of a table, or standard input."""

import glob
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from kerasclf.data import table_files
from kerasclf.data.folders import walk_files
from kerasclf.data.listings import describe_left_out
from kerasclf.data.pixels.decode import SUFFIXES, is_image
from kerasclf.errors import DataError, Problems, did_you_mean

STDIN = "-"
_WILD = "*?["
_Kind = Literal["stdin", "folder", "file", "column", "table", "glob", "missing"]


@dataclass(frozen=True)
class ImageFiles:
    """Image files, found as they are needed. Hidden files, and files of a folder that are no images, are left out.

    Args:
        words: Each one is an image file; a folder, with all folders below it; a glob such as `photos/**/*.jpg`;
            `photos.csv:column`, whose paths are relative to the folder of the table; or `-` for standard input, one
            path a line.
    """

    words: tuple[str, ...]

    def __iter__(self) -> Iterator[str]:
        for word in self.words:
            yield from _files(word)

    def check(self) -> int | None:
        """Checks that every word names something, without opening an image.

        Returns:
            The number of images; None with standard input, which is not read ahead.

        Raises:
            KerasclfError: If a word names nothing; the message lists all such words.
        """
        problems, count = Problems(), 0
        for word in self.words:
            with problems.collect():
                count += _count(word)
        if self.words.count(STDIN) > 1:
            problems.add("Expected - for standard input once. Received it twice.")
        problems.raise_all("Some images cannot be found")
        return None if STDIN in self.words else count


def _kind_of(word: str) -> _Kind:
    path = Path(word)
    if word == STDIN:
        return "stdin"
    if word and path.is_dir():
        return "folder"
    if word and path.exists():
        return "table" if path.suffix.lower() in table_files.SUFFIXES else "file"
    if Path(word.rpartition(":")[0]).suffix.lower() in table_files.SUFFIXES:
        return "column"
    return "glob" if set(word) & set(_WILD) else "missing"


def _files(word: str) -> Iterator[str]:
    kind = _kind_of(word)
    if kind == "stdin":
        yield from _lines()
    elif kind == "folder":
        yield from (str(path) for path in walk_files(Path(word)) if _is_image(path))
    elif kind == "column":
        yield from _column(word)
    elif kind == "glob":
        # "**/*" also matches the folders of the files that it matches.
        walks = not ("**" in word and set(Path(word).name) & set(_WILD))
        for found in sorted(glob.glob(word, recursive=True)):  # noqa: PTH207 - Path.glob takes no absolute pattern
            if Path(found).is_dir():
                yield from _files(found) if walks else ()
            elif _is_image(Path(found)):
                yield found
    else:
        yield word


def _count(word: str) -> int:
    """Returns the number of images that a word names.

    Raises:
        DataError: If it names none.
    """
    kind = _kind_of(word)
    if kind == "stdin":
        return 0
    if not word:
        raise DataError("Expected the paths of images. Received an empty path.")
    if kind == "missing":
        path = Path(word)
        near = did_you_mean(path.name, (other.name for other in path.parent.iterdir())) if path.parent.is_dir() else ""
        raise DataError(f"{word} does not exist.{near}")
    if kind == "table":
        columns = ", ".join(table_files.columns_of(Path(word)))
        raise DataError(f"Expected {word}:COLUMN, the column with the paths of the images. Its columns: {columns}.")
    if count := sum(1 for _ in _files(word)):
        return count
    if kind == "folder":
        others = list(walk_files(Path(word)))
        left_out = f" ({describe_left_out(others)})" if others else ""
        raise DataError(f"Expected images ({', '.join(SUFFIXES)}) in the folder {word}. Received: none{left_out}.")
    what = "names no image" if kind == "column" else "matches no image"
    raise DataError(f"Expected at least one image. Received: {word}, which {what}.")


def _is_image(path: Path) -> bool:
    return path.is_file() and is_image(path)


def _lines() -> Iterator[str]:
    """Yields the lines of standard input. A name need not be UTF-8."""
    for line in sys.stdin.buffer:
        if text := os.fsdecode(line.rstrip(b"\r\n")):
            yield text


def _column(word: str) -> Iterator[str]:
    name, _, column = word.rpartition(":")
    yield from map(str, table_files.files_in_column(Path(name), column))
