"""The folder of all caches on this machine, its checks, and the entries that `kerasclf cache list` shows."""

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kerasclf.errors import DataError, FolderError
from kerasclf.files.home_folders import folder_of_variable
from kerasclf.files.locks import obstacle_to
from kerasclf.files.reading import read_json
from kerasclf.schema import check_schema

ANOTHER_CACHE = "Set KERASCLF_CACHE to another folder."
IMAGE_CACHE_GB, _DEFAULT_GB = "KERASCLF_IMAGE_CACHE_GB", 20.0


def cache_root() -> Path:
    """Returns the folder of all caches: $KERASCLF_CACHE, or kerasclf in the user's cache folder."""
    caches = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return folder_of_variable("KERASCLF_CACHE", os.environ.get("KERASCLF_CACHE") or f"{caches}/kerasclf")


def image_cache_bytes() -> float:
    """Returns the most bytes that all prepared images may take: $KERASCLF_IMAGE_CACHE_GB, or 20 GB.

    Raises:
        DataError: If the variable is no number of at least 0.
    """
    text = os.environ.get(IMAGE_CACHE_GB) or str(_DEFAULT_GB)
    with contextlib.suppress(ValueError):
        if (limit := float(text)) >= 0:
            return limit * 1e9
    raise DataError(
        f"{IMAGE_CACHE_GB}: expected a number of GB, such as 20, or 0 to prepare no images. Received: {text!r}."
    )


def check_activations_folder() -> None:
    """Checks that there is a folder for activations of frozen layers, or that it can be made. Creates no files.

    A folder that others may write to is enough: the activations may all be there.

    Raises:
        FolderError: If there is none, and none can be made.
    """
    folder = cache_root() / "activations"
    if not os.path.isdir(folder) and (reason := obstacle_to(folder)):  # noqa: PTH112 - see obstacle_to
        raise FolderError(
            f"The activations of the frozen layers cannot be cached in {folder}: {reason}. {ANOTHER_CACHE}"
        )


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
