"""Locks a folder, to keep two processes from writing it at the same time; and marks files that are read."""

import contextlib
import importlib
import os
import platform
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import filelock

from kerasclf.errors import FolderError, FolderInUseError
from kerasclf.files.reading import read_json
from kerasclf.files.writing import is_partial, write_json

_LOCK, _HOLDER = ".lock", ".lock.json"
# Windows allows paths of this many characters. The files of a study add about as many as the second number.
_WINDOWS_PATH, _INSIDE = 260, 110


@contextlib.contextmanager
def hold(path: Path, timeout: float = 0, remedy: str = "Give another folder as `out`.") -> Iterator[None]:
    """Holds a folder for this process. The system releases it when the process ends, even if it is killed.

    Args:
        path: The folder, created if needed. The lock is its file `.lock`.
        timeout: Seconds to wait for another process to release it.
        remedy: For the message, what to do if the folder cannot be written to.

    Raises:
        FolderInUseError: If another process holds the folder; the message says which.
        FolderError: If it cannot be written to.
    """
    _check_length(path)
    lock, holder = filelock.FileLock(path / _LOCK), path / _HOLDER
    try:
        path.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=timeout)
    except filelock.Timeout:
        raise FolderInUseError(
            f"{path} is in use by {_describe(holder)}. Wait for it to end, or give another folder."
        ) from None
    except OSError as error:
        raise FolderError(f"{path} cannot be written to: {error}. {remedy}") from error
    try:
        _write_holder(holder)
        yield
    finally:
        holder.unlink(missing_ok=True)
        lock.release()


def check_writable(path: Path) -> None:
    """Checks that a folder can be made or written to. Creates no files.

    Raises:
        FolderError: If it cannot.
    """
    _check_length(path)
    check_permission(path, path)


def check_permission(path: Path, folder: Path, argument: str = "out") -> None:
    """Checks that this user may write to a folder, or make it. Creates no files.

    Args:
        path: What is to be written, for the message.
        folder: The folder.
        argument: The name of the argument that gives the path, for the message.

    Raises:
        FolderError: If the permission is missing, or a file is in the way.
    """
    if reason := obstacle_to(folder):
        raise FolderError(f"{path} cannot be written: {reason}. Give another `{argument}`.")


def obstacle_to(folder: Path) -> str | None:
    """Returns why this user cannot write to a folder, or make it; None if nothing prevents it. Creates no files."""
    folder = folder.absolute()
    # Not Path.exists, which raises an error below a folder without permission.
    existing = next(one for one in (folder, *folder.parents) if os.path.exists(one))  # noqa: PTH110
    if not existing.is_dir():
        return f"{existing} is no folder"
    return None if os.access(existing, os.W_OK) else f"you have no permission to write to {existing}"


def check_free(path: Path) -> None:
    """Checks that a folder can be written to, and that no other process holds it now. Creates no files.

    Raises:
        FolderError: If it cannot, or another process holds it.
    """
    check_writable(path)
    if (path / _LOCK).exists():
        with hold(path):
            pass


def is_unused(path: Path) -> bool:
    """Returns whether a folder is missing, or holds only locks and the partial files of killed processes."""
    return not path.exists() or all(map(is_leftover, path.iterdir()))


def is_leftover(file: Path) -> bool:
    """Returns whether a file is a lock, or one that a killed process may have left."""
    return file.name in (_LOCK, _HOLDER) or is_partial(file)


def share(file: IO[Any]) -> None:
    """Marks an open file as read by this process, until it is closed. Several processes can read a file at once.

    Windows needs no mark: it removes no file that is open.

    Args:
        file: The file, open for reading.

    Raises:
        OSError: If another process is about to remove it.
    """
    if sys.platform != "win32":
        import fcntl

        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)


@contextlib.contextmanager
def unshared(path: Path) -> Iterator[bool]:
    """Tells whether no process reads a file, as `share` marks it. Nobody can start to read it meanwhile.

    Args:
        path: The file. A file that does not exist is read by nobody.
    """
    with contextlib.ExitStack() as stack:
        try:
            if sys.platform == "win32":
                path.replace(path)  # fails while the file is open
            else:
                import fcntl

                file = stack.enter_context(path.open("rb"))
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except FileNotFoundError:
            free = True
        except OSError:
            free = False
        else:
            free = True
        yield free


def _check_length(path: Path, windows: bool = sys.platform == "win32") -> None:
    """Checks that the files of a folder have paths that Windows allows, before a run fails in the middle."""
    length = len(str(path.absolute()))
    if windows and length + _INSIDE > _WINDOWS_PATH and not _has_long_paths():
        raise FolderError(
            f"{path} cannot be written to: expected a path of at most {_WINDOWS_PATH - _INSIDE} characters, as Windows "
            f"limits those of the files in it. Received: {length}. Give a shorter `out`, or turn on long paths."
        )


def _has_long_paths() -> bool:
    """Returns whether long paths are turned on in Windows' registry."""
    try:
        winreg: Any = importlib.import_module("winreg")
        with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, r"SYSTEM\CurrentControlSet\Control\FileSystem") as key:
            return bool(winreg.QueryValueEx(key, "LongPathsEnabled")[0])
    except (ImportError, OSError):
        return False


def _write_holder(holder: Path) -> None:
    write_json(
        holder,
        {
            "process": os.getpid(),
            "host": platform.node(),
            "command": " ".join(sys.argv)[:200],
            "since": time.strftime("%Y-%m-%d %H:%M:%S"),
        },
    )


def _describe(holder: Path) -> str:
    try:
        held = read_json(holder)
        return f"process {held['process']} on {held['host']} since {held['since']} ({held['command']})"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"
