"""Writing of files: a reader finds the whole file or none. Does not use TensorFlow."""

import contextlib
import glob
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kerasclf.files.temporary import make_locked_file, remove_abandoned_file

# Start of the name of a file or folder that is not complete yet.
PARTIAL = ".partial-"
_IS_WINDOWS = os.name == "nt"


def write_text(path: Path, text: str) -> None:
    """Writes a text file atomically, as UTF-8 with Unix line ends. Creates its folder if needed."""
    write_bytes(path, text.encode())


def write_bytes(path: Path, raw: bytes) -> None:
    """Writes a file atomically. Creates its folder if needed."""
    with replaced(path) as partial:
        partial.write_bytes(raw)


def write_json(path: Path, value: Any) -> None:
    """Writes plain JSON types atomically, indented."""
    write_text(path, json.dumps(value, indent=2) + "\n")


@contextlib.contextmanager
def replaced(path: Path) -> Iterator[Path]:
    """Yields the path of a temporary file, which gets the given path when the block succeeds. Creates its folder.

    It also removes the temporary files of earlier processes that were killed while they wrote the same file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    for abandoned in path.parent.glob(f"{PARTIAL}????????-{glob.escape(path.name)}"):
        remove_abandoned_file(abandoned)
    partial, handle = make_locked_file(PARTIAL, f"-{path.name}", path.parent)
    try:
        with os.fdopen(handle, "rb"):
            yield partial
            os.fsync(handle)
            if not _IS_WINDOWS:  # under the lock: other writers of the path would remove a file without one
                _put_in_place(partial, path)
        if _IS_WINDOWS:  # which renames no open file
            _put_in_place(partial, path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def _put_in_place(partial: Path, path: Path) -> None:
    partial.chmod(0o644)
    partial.replace(path)


def is_partial(path: Path) -> bool:
    """Returns whether a path is one of the temporary files of `replaced`."""
    return path.name.startswith(PARTIAL)


def sync_folder(path: Path) -> None:
    """Makes renames inside a folder survive a power cut. Windows needs no such call."""
    if _IS_WINDOWS:
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_file(path: Path) -> None:
    """Makes the contents of a file survive a power cut."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())
