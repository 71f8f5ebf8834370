"""The user's folders: Keras' downloads, and own copies of data sets."""

import os
from pathlib import Path

from kerasclf.errors import DataError


def keras_home() -> Path:
    """Returns the folder in which Keras caches downloads: $KERAS_HOME, or ~/.keras."""
    return Path(os.environ.get("KERAS_HOME", "~/.keras")).expanduser()


def data_home() -> Path | None:
    """Returns the folder of the user's own copies of data sets, $KERASCLF_DATA; None if it is not set.

    Raises:
        DataError: If there is no such folder: a mistyped name must not start a download.
    """
    name = os.environ.get("KERASCLF_DATA")
    if not name:
        return None
    folder = Path(name).expanduser()
    if not folder.is_dir():
        raise DataError(f"KERASCLF_DATA: expected the folder of your own copies of data sets. Received: {name!r}.")
    return folder
