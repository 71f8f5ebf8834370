"""The folder of all caches on this machine, and the entries that `kerasclf cache list` shows."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kerasclf.errors import FolderError
from kerasclf.files import read_json
from kerasclf.schema import check_schema


def cache_root() -> Path:
    """Returns the folder of all caches: $KERASCLF_CACHE, or kerasclf in the user's cache folder."""
    if folder := os.environ.get("KERASCLF_CACHE"):
        return Path(folder).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "kerasclf"


@dataclass(frozen=True)
class CacheEntry:
    """One cache on disk.

    Args:
        folder: Folder of the cache.
        about: Everything that identifies it; None if the file that says so is damaged.
        images: Number of images.
        size: Size in bytes.
        used: Time of its last use, in seconds since 1970.
    """

    folder: Path
    about: dict[str, Any] | None
    images: int
    size: int
    used: float


def read_about(path: Path, schema: type) -> dict[str, Any] | None:
    """Returns the file that says what a cache holds; None if it is damaged.

    Args:
        path: The file.
        schema: A TypedDict of the values that it must have.
    """
    try:
        about: dict[str, Any] = read_json(path)
        check_schema(about, schema, path)
    except FolderError:
        return None
    return about
