"""New folders that appear whole or not at all."""

import contextlib
import functools
import glob
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from kerasclf.errors import FolderError
from kerasclf.files.locks import check_permission, is_unused
from kerasclf.files.temporary import make_locked_folder, remove_abandoned_folder
from kerasclf.files.writing import PARTIAL, sync_folder

# Inside the temporary folder: the files that are written, and the folder that they replace.
_NEW, _OLD = "new", "old"


def already_exists(path: Path, remedy: str = "or delete it") -> str:
    """Returns the message for a file or folder `out` that is not overwritten."""
    return f"{path} already exists and is not overwritten. Give another `out`, {remedy}."


def check_new_folder(path: Path, argument: str) -> None:
    """Checks that a folder is missing or empty, and may be written: nothing is overwritten, and nothing is mixed.

    Args:
        path: The folder.
        argument: The name of the argument that gives it, for the message.

    Raises:
        FolderError: If it is not.
    """
    if path.exists() and (not path.is_dir() or not is_unused(path)):
        raise FolderError(f"{argument}: expected a new or empty folder. Received: {path}.")
    check_permission(path, path.absolute().parent, argument)  # the folder is made beside its place, and then renamed


@contextlib.contextmanager
def new_folder(path: Path, overwrite: bool = False, left: str = "Nothing is left of it.") -> Iterator[Path]:
    """Yields a temporary folder, which becomes `path` when the block succeeds. After an error nothing is left of it.

    It also removes what earlier processes left that were killed while they wrote the same folder.

    Args:
        path: The folder: missing or empty, unless it is overwritten.
        overwrite: Whether to replace a folder with files.
        left: What an error says of the files, after the reason.

    Raises:
        FolderError: If it cannot be written.
    """
    try:
        with working_folder(path) as work:
            new = work / _NEW
            new.mkdir()
            yield new
            if path.exists():
                if not overwrite:
                    path.rmdir()
                else:
                    path.rename(work / _OLD)
            _rename(new, path, work / _OLD)
            sync_folder(path.parent)
    except OSError as error:
        raise FolderError(f"{path} cannot be written: {error.strerror or error}. {left}") from error


@contextlib.contextmanager
def working_folder(path: Path) -> Iterator[Path]:
    """Yields a folder beside a path for the files that become it, and removes it at the end.

    If this process is killed, the next one that writes the same path removes the folder. If it was killed while it
    replaced an earlier folder, this one is put back.

    Args:
        path: The file or folder to write. Its parent folder is created if needed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    for abandoned in path.parent.glob(f"{PARTIAL}????????-{glob.escape(path.name)}"):
        if abandoned.is_dir():
            remove_abandoned_folder(abandoned, functools.partial(_put_back, abandoned / _OLD, path))
    work, lock = make_locked_folder(PARTIAL, f"-{path.name}", path.parent)
    try:
        yield work
    finally:
        os.close(lock)
        shutil.rmtree(work, ignore_errors=True)


def _rename(new: Path, path: Path, old: Path) -> None:
    """Renames a folder to `path`, or puts back the earlier folder if that fails."""
    try:
        new.rename(path)
    except OSError:
        _put_back(old, path)
        raise


def _put_back(old: Path, path: Path) -> None:
    if old.exists() and not path.exists():
        old.rename(path)
