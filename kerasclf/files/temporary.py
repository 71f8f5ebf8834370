"""Temporary files and folders, which other processes remove if their own process was killed.

A process locks what it uses. The system releases the lock when the process ends, however it ends. A file that nobody
locks is therefore abandoned.
"""

import contextlib
import os
import shutil
import tempfile
import time
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows, which itself refuses to remove a file that is open.
    fcntl = None  # type: ignore[assignment]

_PREFIX, _LOCK = "kerasclf-temporary-", ".lock"
# A folder without a lock is either so new that its owner has not locked it yet, or partly removed.
_NEW_S = 60.0


def lock_file(handle: int) -> None:
    """Locks an open file until it is closed or this process ends. Some network file systems have no locks."""
    if fcntl is not None:
        with contextlib.suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX)


def remove_abandoned_file(path: Path) -> None:
    """Removes a file, unless a running process has locked it."""
    with contextlib.suppress(OSError), _free(path):
        path.unlink()


class TemporaryFolder:
    """A folder for the temporary files of this process and of the processes that it starts.

    The folder is removed with this object, at the latest when the process ends. If the process is killed, its child
    processes remove the folder, or the next process that makes one.
    """

    def __init__(self) -> None:
        for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
            remove_abandoned_folder(folder)
        self.path, handle = make_locked_folder(_PREFIX)
        self._finalizer = weakref.finalize(self, _remove, self.path, handle)

    @property
    def environment(self) -> dict[str, str]:
        """The environment variable by which another process uses this folder."""
        return {"TMPDIR": str(self.path)}

    def use(self) -> None:
        """Makes the temporary files of this process, such as TensorFlow's generated code, part of this folder."""
        tempfile.tempdir = str(self.path)

    def remove(self) -> None:
        """Removes the folder now."""
        self._finalizer()


def remove_after_parent() -> None:
    """Removes the temporary folder of a parent process that has ended."""
    path = Path(tempfile.gettempdir())
    for folder in (path, *path.parents):
        if folder.name.startswith(_PREFIX):
            remove_abandoned_folder(folder)


def make_locked_file(prefix: str, suffix: str, parent: Path) -> tuple[Path, int]:
    """Makes a file with a name of its own, and locks it until the handle is closed or this process ends.

    Args:
        prefix: Start of its name.
        suffix: End of its name.
        parent: Where to make it.

    Returns:
        The file, and the handle of its lock.
    """
    while True:
        handle, name = tempfile.mkstemp(suffix, prefix, parent)
        lock_file(handle)
        if Path(name).exists():  # Otherwise another process has removed it as abandoned, before it was locked.
            return Path(name), handle
        os.close(handle)


def make_locked_folder(prefix: str, suffix: str = "", parent: Path | None = None) -> tuple[Path, int]:
    """Makes a folder with a name of its own, and locks it until the handle is closed or this process ends.

    Args:
        prefix: Start of its name.
        suffix: End of its name.
        parent: Where to make it; None for the system's folder of temporary files.

    Returns:
        The folder, and the handle of its lock.
    """
    while True:
        path = Path(tempfile.mkdtemp(suffix, prefix, parent))
        handle = os.open(path / _LOCK, os.O_RDWR | os.O_CREAT)
        lock_file(handle)
        if (path / _LOCK).exists():  # Otherwise another process has removed it as abandoned, before it was locked.
            return path, handle
        os.close(handle)


def _remove(path: Path, handle: int) -> None:
    os.close(handle)
    remove_abandoned_folder(path)


def remove_abandoned_folder(folder: Path, rescue: Callable[[], None] = lambda: None) -> None:
    """Removes a folder of `make_locked_folder`, unless a running process has locked it.

    Args:
        folder: The folder.
        rescue: Called before its files are removed.
    """
    with contextlib.suppress(OSError):
        lock = folder / _LOCK
        if lock.exists():
            with _free(lock):
                rescue()
                lock.unlink()
                # Renamed first: a process that is about to end cannot add files to it.
                folder = folder.rename(folder.with_name(f"{folder.name}.removed"))
                shutil.rmtree(folder, ignore_errors=True)
        elif time.time() - folder.stat().st_mtime > _NEW_S:
            shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _free(path: Path) -> Iterator[None]:
    """Locks a file for the block. Raises OSError if a process has locked it."""
    if fcntl is None:
        path.replace(path)  # fails while a process has it open
        yield
        return
    with path.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
