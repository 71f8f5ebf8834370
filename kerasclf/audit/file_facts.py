"""Facts of image files that are known without their pixels: length, size, and the camera that took them."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from kerasclf.data.pixels.decode import read_header
from kerasclf.errors import DataError
from kerasclf.log import Track, untracked

_MAKER, _MODEL = 0x010F, 0x0110  # EXIF tags of the camera
_MAX_CAMERA = 80  # characters


@dataclass(frozen=True)
class FileFacts:
    """Facts of the files of all images.

    Args:
        sizes: Height and width after EXIF rotation, in pixels, shape (n, 2).
        bytes: Length of each file, shape (n,).
        cameras: Maker and model of the camera, from EXIF; empty where it is unknown.
    """

    sizes: NDArray[np.int64]
    bytes: NDArray[np.int64]
    cameras: tuple[str, ...]


def read_file_facts(paths: Sequence[Path], track: Track = untracked) -> FileFacts:
    """Reads the headers of image files, which were read before.

    Args:
        paths: The files.
        track: Shows the progress.
    """
    sizes, lengths, cameras = [], [], []
    with ThreadPoolExecutor() as pool, track("reading facts of the files", len(paths), "files") as advance:
        for size, length, camera in pool.map(_facts, paths):
            sizes.append(size)
            lengths.append(length)
            cameras.append(camera)
            advance(1)
    return FileFacts(np.array(sizes, np.int64).reshape(-1, 2), np.array(lengths, np.int64), tuple(cameras))


def size_of_all(paths: Sequence[Path]) -> tuple[int, int] | None:
    """Returns the size that all readable image files share; None if they differ."""
    found = None
    for path in paths:
        try:
            size, _ = read_header(path)
        except DataError:
            continue
        if found not in (None, size):
            return None
        found = size
    return found


def _facts(path: Path) -> tuple[tuple[int, int], int, str]:
    """Returns the size, the length and the camera of a file."""
    return read_header(path)[0], path.stat().st_size, _camera(path)


def _camera(path: Path) -> str:
    try:
        with Image.open(path) as file:
            if file.format not in ("JPEG", "TIFF", "WEBP"):  # EXIF of a PNG would decode the picture
                return ""
            exif = file.getexif()
            words = (str(exif.get(tag, "")).strip("\0 ") for tag in (_MAKER, _MODEL))
            return " ".join(filter(None, words))[:_MAX_CAMERA]
    except Exception:  # a broken description is no broken picture
        return ""
