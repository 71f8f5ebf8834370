"""New folders that appear whole or not at all.

A folder that exists already stays, and its files are exchanged: it may be a mount point or the current folder, which
cannot be renamed.
"""

import contextlib
import functools
import glob
import os
import shutil
from collections.abc import Collection, Iterator
from pathlib import Path

from kerasclf.errors import FolderError, shortened
from kerasclf.files.locks import check_free, check_permission, is_leftover, is_unused
from kerasclf.files.temporary import make_locked_folder, remove_abandoned_folder
from kerasclf.files.writing import PARTIAL, sync_folder
from kerasclf.wording import in_words

# Inside the temporary folder: the files that are written, the same when only moves are left, and those they replace.
_NEW, _COMPLETE, _OLD = "new", "complete", "old"
# Systems leave these in every folder that somebody looks at, in any case.
_OF_THE_SYSTEM = (".ds_store", "thumbs.db", "desktop.ini")


def already_exists(path: Path, remedy: str = "or delete it") -> str:
    """Returns the message for a file or folder `out` that is not overwritten."""
    return f"{path} already exists and is not overwritten. Give another `out`, {remedy}."


def check_new_folder(path: Path, argument: str) -> None:
    """Checks that a folder is missing or empty, and may be written: nothing is overwritten, and nothing is mixed.

    Locks and partial files of killed processes may lie in it. A link leads to the folder that is written.

    Args:
        path: The folder.
        argument: The name of the argument that gives it, for the message.

    Raises:
        FolderError: If it is not.
    """
    if path.exists() and (not path.is_dir() or not is_unused(path)):
        raise FolderError(f"{argument}: expected a new or empty folder. Received: {path}.")
    check_place(path, argument)


def check_place(path: Path, argument: str = "out") -> None:
    """Checks that a folder, or the one that a link leads to, may be made or written. Creates no files.

    Raises:
        FolderError: If the permission is missing, a process holds the folder, or a link leads to itself.
    """
    place = _without_links(path)
    if place.is_symlink():
        raise FolderError(f"{path} cannot be written: it is a link to itself. Give another `{argument}`.")
    if place.is_dir():
        check_permission(path, place, argument)
        check_free(place)
    else:
        check_permission(path, place.parent, argument)  # the folder is made beside its place, and then renamed


def _without_links(path: Path) -> Path:
    return Path(os.path.realpath(path))  # Path.resolve raises an error for a link to itself


def check_replaceable(path: Path, own: Collection[str], argument: str) -> None:
    """Checks that a folder holds nothing but what a command writes itself: the others would be lost with it.

    Args:
        path: The folder.
        own: The names of the files and folders that the command writes.
        argument: The name of the argument that gives the folder, for the message.

    Raises:
        FolderError: If it holds others, which the message names, or may not be written.
    """
    if foreign := _foreign(path, own):
        raise FolderError(f"{argument}: {path} cannot be overwritten. {_described(foreign)}, or give another folder.")
    check_place(path, argument)


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
        path: The folder, or a link to it: missing or empty, unless it is overwritten.
        replaces: The names of files and folders that may be replaced in it; none to overwrite nothing.
        left: What an error says of the files, after the reason.

    Raises:
        FolderError: If it cannot be written.
    """
    try:
        place = _without_links(path)
        exists = place.is_dir()
        with working_folder(place, place if exists else place.parent) as work:
            new = work / _NEW
            new.mkdir()
            yield new
            if not exists:
                new.rename(place)
            elif foreign := _foreign(place, replaces):
                reason = f"cannot be overwritten. {_described(foreign)}" if replaces else "is not empty any more"
                raise FolderError(f"{path} {reason}. {left}")
            else:
                _exchange(place, work, replaces)
            sync_folder(place if exists else place.parent)
    except OSError as error:
        raise FolderError(f"{path} cannot be written: {error.strerror or error}. {left}") from error


@contextlib.contextmanager
def working_folder(path: Path, parent: Path | None = None) -> Iterator[Path]:
    """Yields a folder for the files that become a path, and removes it at the end.

    If this process is killed, the next one that writes the same path removes the folder. If it was killed while it
    exchanged the files of an existing folder, they are put back, or the exchange is completed.

    Args:
        path: The file or folder to write. Its parent folder is created if needed.
        parent: Where to make the folder; None for beside the path.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    parent = parent or path.parent
    for where in {path.parent, parent}:
        for abandoned in where.glob(f"{PARTIAL}????????-{glob.escape(path.name)}"):
            if abandoned.is_dir():
                remove_abandoned_folder(abandoned, functools.partial(_recover, path, abandoned))
    work, lock = make_locked_folder(PARTIAL, f"-{path.name}", parent)
    try:
        yield work
    finally:
        os.close(lock)
        shutil.rmtree(work, ignore_errors=True)


def _exchange(path: Path, work: Path, replaces: Collection[str]) -> None:
    """Moves the new files into an existing folder, and the earlier ones out of it. An error undoes all moves."""
    new, complete, old = (work / name for name in (_NEW, _COMPLETE, _OLD))
    old.mkdir()
    moves = [(file, old / file.name) for file in sorted(path.iterdir()) if file.name in replaces]
    moves += [(new, complete)]  # from here on the exchange is completed, even if this process is killed
    moves += [(complete / file.name, path / file.name) for file in sorted(new.iterdir())]
    with contextlib.ExitStack() as undo:
        for source, target in moves:
            _move(source, target)
            undo.callback(target.rename, source)
        undo.pop_all()


def _recover(path: Path, work: Path) -> None:
    """Completes the exchange that a killed process had begun, or undoes it."""
    complete, old = work / _COMPLETE, work / _OLD
    source = complete if complete.exists() else old
    if source.exists():
        for file in sorted(source.iterdir()):
            _move(file, path / file.name)


def _move(source: Path, target: Path) -> None:
    source.rename(target)
