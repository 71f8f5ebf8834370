"""New folders that appear whole or not at all."""

import contextlib
import functools
import glob
import os
import shutil
from collections.abc import Collection, Iterator
from pathlib import Path

from kerasclf.errors import FolderError, shortened
from kerasclf.files.locks import check_permission, is_leftover, is_unused
from kerasclf.files.temporary import make_locked_folder, remove_abandoned_folder
from kerasclf.files.writing import PARTIAL, sync_folder
from kerasclf.wording import in_words

# Inside the temporary folder: the files that are written, and the folder that they replace.
_NEW, _OLD = "new", "old"
# Systems leave these in every folder that somebody looks at, in any case.
_OF_THE_SYSTEM = (".ds_store", "thumbs.db", "desktop.ini")


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


def check_replaceable(path: Path, own: Collection[str], argument: str) -> None:
    """Checks that a folder holds nothing but what a command writes itself: the others would be lost with it.

    Args:
        path: The folder.
        own: The names of the files and folders that the command writes.
        argument: The name of the argument that gives the folder, for the message.

    Raises:
        FolderError: If it holds others; the message names them.
    """
    if foreign := _foreign(path, own):
        raise FolderError(f"{argument}: {path} cannot be overwritten. {_described(foreign)}, or give another folder.")


def _foreign(path: Path, own: Collection[str]) -> list[str]:
    """Returns the names in a folder that are neither in `own` nor left by a system or a killed process."""
    return sorted(
        file.name
        for file in path.iterdir()
        if file.name not in own and file.name.lower() not in _OF_THE_SYSTEM and not is_leftover(file)
    )


def _described(foreign: list[str]) -> str:
    """Returns which files are in the way, and what to do with them."""
    named = in_words(shortened([repr(name) for name in foreign], 5))
    return f"It also holds {named}, which would be deleted. Move {'it' if len(foreign) == 1 else 'them'} elsewhere"


@contextlib.contextmanager
def new_folder(path: Path, replaces: Collection[str] = (), left: str = "Nothing is left of it.") -> Iterator[Path]:
    """Yields a temporary folder, which becomes `path` when the block succeeds. After an error nothing is left of it.

    It also removes what earlier processes left that were killed while they wrote the same folder.

    Args:
        path: The folder: missing or empty, unless it is overwritten.
        replaces: The names of files and folders that may be replaced in it; none to overwrite nothing.
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
                if not replaces:
                    path.rmdir()
                elif foreign := _foreign(path, replaces):
                    raise FolderError(f"{path} cannot be overwritten. {_described(foreign)}. {left}")
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
