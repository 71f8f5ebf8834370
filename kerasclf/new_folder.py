"""New folders that appear whole or not at all."""

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from kerasclf.errors import FolderError
from kerasclf.files import sync_folder
from kerasclf.locks import is_unused


def check_new_folder(path: Path, argument: str) -> None:
    """Checks that a folder is missing or empty: nothing is overwritten, and nothing is mixed.

    Args:
        path: The folder.
        argument: The name of the argument that gives it, for the message.

    Raises:
        FolderError: If it is not.
    """
    if path.exists() and (not path.is_dir() or not is_unused(path)):
        raise FolderError(f"{argument}: expected a new or empty folder. Received: {path}.")


@contextlib.contextmanager
def new_folder(path: Path, overwrite: bool = False, left: str = "Nothing is left of it.") -> Iterator[Path]:
    """Yields a temporary folder, which becomes `path` when the block succeeds. After an error nothing is left of it.

    Args:
        path: The folder: missing or empty, unless it is overwritten.
        overwrite: Whether to replace a folder with files.
        left: What an error says of the files, after the reason.

    Raises:
        FolderError: If it cannot be written.
    """
    partial = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(dir=path.parent, prefix=".partial-"))
        yield partial
        partial.chmod(0o755)
        if overwrite and path.exists():
            _replace(partial, path)
        else:
            if path.exists():
                path.rmdir()
            partial.rename(path)
        sync_folder(path.parent)
    except OSError as error:
        raise FolderError(f"{path} cannot be written: {error.strerror or error}. {left}") from error
    finally:
        if partial is not None:
            shutil.rmtree(partial, ignore_errors=True)


def _replace(new: Path, path: Path) -> None:
    """Renames a folder to `path`. The folder that was there is removed, or stays if that fails."""
    old = new.with_name(f"{new.name}-replaced")
    path.rename(old)
    try:
        new.rename(path)
    except OSError:
        old.rename(path)
        raise
    shutil.rmtree(old, ignore_errors=True)
