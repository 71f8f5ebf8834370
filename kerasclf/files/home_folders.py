"""The user's folders: Keras' downloads, and own copies of data sets."""

import os
from pathlib import Path

from kerasclf.errors import DataError, FolderError


def expanded(path: str | Path) -> Path:
    """Returns a path with the folder of a user for ~ or ~USER at its start; as it is if there is no such user.

    `Path.expanduser` would raise an error then, instead of that of a path that does not exist.
    """
    return Path(os.path.expanduser(path))  # noqa: PTH111


def folder_of_variable(name: str, value: str) -> Path:
    """Returns the folder that an environment variable names.

    Args:
        name: The variable.
        value: Its value, or its default.

    Raises:
        FolderError: If it is in the folder of an unknown user. Nothing must be written to a folder named ~USER.
    """
    folder = expanded(value)
    if folder.parts[:1] and folder.parts[0].startswith("~"):
        raise FolderError(f"{name}: expected a folder of a known user. Received: {value!r}.")
    return folder


def keras_home() -> Path:
    """Returns the folder in which Keras caches downloads: $KERAS_HOME, or ~/.keras."""
    return folder_of_variable("KERAS_HOME", os.environ.get("KERAS_HOME", "~/.keras"))


def data_home() -> Path | None:
    """Returns the folder of the user's own copies of data sets, $KERASCLF_DATA; None if it is not set.

    Raises:
        DataError: If there is no such folder: a mistyped name must not start a download.
    """
    name = os.environ.get("KERASCLF_DATA")
    if not name:
        return None
    folder = expanded(name)
    if not folder.is_dir():
        raise DataError(f"KERASCLF_DATA: expected the folder of your own copies of data sets. Received: {name!r}.")
    return folder
