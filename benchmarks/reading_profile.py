"""The time of reading an image on demand, under Python's lock and outside it, and the most that 16 threads make of it.

    python -m benchmarks.reading_profile FOLDER

One thread reads the JPEGs of a folder as training does after its first epoch: decode, resize to 224×224, compare with
the known checksum. Reading, decoding, resizing and the checksum release the lock. Everything else counts as under it,
the wrappers that measure included. N threads make at most N images in the time of one, and at most one image in the
time under the lock.
"""

import argparse
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
from PIL import Image, JpegImagePlugin

from benchmarks.measure import print_table
from kerasclf.data import FileImages

SIDE, ROUNDS, MOST = 224, 3, 200
THREADS = (2, 4, 8, 16)
STEPS = ("read", "decode", "resize", "checksum")


class Clock:
    """Adds up the seconds of calls by name."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = dict.fromkeys((*STEPS, "total"), 0.0)

    def wrap(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Returns a function whose calls are timed."""

        def timed(*args: Any, **kwargs: Any) -> Any:
            began = time.perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                self.seconds[name] += time.perf_counter() - began

        return timed


class TimedDecoder:
    """A decoder of Pillow whose work is timed."""

    def __init__(self, decoder: Any, clock: Clock) -> None:
        self._decoder, self.decode = decoder, clock.wrap("decode", decoder.decode)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._decoder, name)


def profile(source: FileImages) -> dict[str, float]:
    """Returns the seconds of one image by step. The rest of `total` is under the lock."""
    checksums, clock = [zlib.crc32(source.read_file(path).data) for path in source.paths], Clock()
    get_decoder = Image._getdecoder
    with (
        mock.patch.object(Image, "_getdecoder", lambda *args: TimedDecoder(get_decoder(*args), clock)),
        mock.patch.object(Image.Image, "resize", clock.wrap("resize", Image.Image.resize)),
        mock.patch.object(
            JpegImagePlugin.JpegImageFile, "load_read", clock.wrap("read", JpegImagePlugin.JpegImageFile.load_read)
        ),
    ):
        check, began = clock.wrap("checksum", zlib.crc32), time.perf_counter()
        for path, checksum in zip(source.paths, checksums, strict=True):
            image = np.empty(source.shape, np.uint8)
            image[...] = source.read_file(path, compared=True)
            assert check(image.data) == checksum
        clock.seconds["total"] = time.perf_counter() - began
    return {name: seconds / len(source) for name, seconds in clock.seconds.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path, help="folder of JPEGs, with subfolders")
    given = parser.parse_args()
    files = sorted(given.folder.rglob("*.jpg"))[:MOST]
    found = min(
        (profile(FileImages(tuple(files), (SIDE, SIDE), 3)) for _ in range(ROUNDS)), key=lambda one: one["total"]
    )
    locked = found["total"] - sum(found[step] for step in STEPS)
    print_table(
        [*STEPS, "under the lock", "total, ms per image"],
        [[f"{1000 * seconds:.2f}" for seconds in (*(found[step] for step in STEPS), locked, found["total"])]],
    )
    print_table(
        ["threads", "images/s at most", "times one thread"],
        [
            [str(count), f"{rate:,.0f}", f"{rate * found['total']:.1f}"]
            for count in THREADS
            for rate in [min(count / found["total"], 1 / locked)]
        ],
    )


if __name__ == "__main__":
    main()
