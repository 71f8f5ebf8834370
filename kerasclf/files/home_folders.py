"""The user's folders: Keras' downloads, and own copies of data sets."""

import os
from pathlib import Path


def keras_home() -> Path:
    """Returns the folder in which Keras caches downloads: $KERAS_HOME, or ~/.keras."""
    return Path(os.environ.get("KERAS_HOME", "~/.keras")).expanduser()


def data_home() -> Path | None:
    """Returns the folder of the user's own copies of data sets, $KERASCLF_DATA; None if it is not set."""
    path = os.environ.get("KERASCLF_DATA")
    return Path(path).expanduser() if path else None
