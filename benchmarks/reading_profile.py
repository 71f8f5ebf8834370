"""The CPU time of reading an image on demand, under Python's lock and outside it, and the most that threads make of it.

    python -m benchmarks.reading_profile FOLDER

One thread reads the JPEGs of a folder as training does after its first epoch, at 224×224. The first table is of files
that Pillow decodes and resizes: reading, decoding, resizing and the checksum release the lock, and everything else
counts as under it, the wrappers that measure included. The second table is of files of this size, which TensorFlow
decodes; all that Python does counts as under the lock, reading included. Augmentation is a flip and a rotation.

N threads make at most N images in the time of one, and at most one image in the time under the lock.
"""

import argparse
import time
import zlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
from PIL import Image, JpegImagePlugin

from benchmarks.measure import print_table
from kerasclf.data import FileImages
from kerasclf.data.image_sources import keys_of
from kerasclf.data.pixels.encoded_files import EncodedFiles

SIDE, BATCH, DEGREES, ROUNDS, MOST = 224, 32, 15, 3, 192
THREADS = (2, 4, 8, 16)
STEPS = ("read", "decode", "resize", "checksum")


class Clock:
    """Adds up the CPU seconds of calls by name."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = dict.fromkeys((*STEPS, "python", "total"), 0.0)

    def wrap(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Returns a function whose calls are timed."""

        def timed(*args: Any, **kwargs: Any) -> Any:
            began = time.thread_time()
            try:
                return function(*args, **kwargs)
            finally:
                self.seconds[name] += time.thread_time() - began

        return timed


class TimedDecoder:
    """A decoder of Pillow whose work is timed."""

    def __init__(self, decoder: Any, clock: Clock) -> None:
        self._decoder, self.decode = decoder, clock.wrap("decode", decoder.decode)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._decoder, name)


def profile(source: FileImages) -> dict[str, float]:
    """Returns the CPU seconds of one image by step, with Pillow. The rest of `total` is under the lock."""
    checksums, clock = [zlib.crc32(source.read_file(path).data) for path in source.paths], Clock()
    get_decoder = Image._getdecoder
    with (
        mock.patch.object(Image, "_getdecoder", lambda *args: TimedDecoder(get_decoder(*args), clock)),
        mock.patch.object(Image.Image, "resize", clock.wrap("resize", Image.Image.resize)),
        mock.patch.object(
            JpegImagePlugin.JpegImageFile, "load_read", clock.wrap("read", JpegImagePlugin.JpegImageFile.load_read)
        ),
    ):
        check, began = clock.wrap("checksum", zlib.crc32), time.thread_time()
        for path, checksum in zip(source.paths, checksums, strict=True):
            image = np.empty(source.shape, np.uint8)
            image[...] = source.read_file(path, compared=True)
            assert check(image.data) == checksum
        clock.seconds["total"] = time.thread_time() - began
    return {name: seconds / len(source) for name, seconds in clock.seconds.items()}


def profile_tensorflow(source: FileImages) -> dict[str, float]:
    """Returns the CPU seconds of one image that Python takes, with TensorFlow; all of them, and those to augment it."""
    import tensorflow as tf

    from kerasclf import Augmentation
    from kerasclf.pipeline.apply_augmentation import make_augment
    from kerasclf.pipeline.file_reader import make_file_reader

    read = make_file_reader(replace(source, keys=keys_of(source)))
    augment = make_augment(Augmentation(rotation_range=DEGREES, horizontal_flip=True), 0, source.shape)
    assert read is not None
    assert augment is not None
    read, clock, epoch = tf.function(read), Clock(), tf.constant(0, tf.int64)
    batches = [tf.range(start, start + BATCH, dtype=tf.int64) for start in range(0, len(source) - BATCH + 1, BATCH)]
    images = [read(batch) for batch in batches]  # the first epoch
    augment(images[0], epoch, batches[0])
    with mock.patch.object(EncodedFiles, "read", clock.wrap("python", EncodedFiles.read)):
        began = time.process_time()
        for batch in batches:
            read(batch)
        decoded = time.process_time()
    for batch, batch_images in zip(batches, images, strict=True):
        augment(batch_images, epoch, batch)
    count = BATCH * len(batches)
    return {
        "python": clock.seconds["python"] / count,
        "total": (decoded - began) / count,
        "augment": (time.process_time() - decoded) / count,
    }


def print_rates(locked: float, total: float) -> None:
    """Prints what threads make at most of the seconds of an image."""
    rates = [min(count / total, 1 / locked) for count in THREADS]
    rows = [[str(count), f"{rate:,.0f}", f"{rate * total:.1f}"] for count, rate in zip(THREADS, rates, strict=True)]
    print_table(["threads", "images/s at most", "times one thread"], rows)


def _milliseconds(seconds: Sequence[float]) -> list[str]:
    return [f"{1000 * value:.3f}" for value in seconds]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path, help="folder of JPEGs, with subfolders")
    source = FileImages(tuple(sorted(parser.parse_args().folder.rglob("*.jpg"))[:MOST]), (SIDE, SIDE), 3)
    found = min((profile(source) for _ in range(ROUNDS)), key=lambda one: one["total"])
    locked = found["total"] - sum(found[step] for step in STEPS)
    print_table(
        [*STEPS, "under the lock", "total with Pillow, ms per image"],
        [_milliseconds([*(found[step] for step in STEPS), locked, found["total"]])],
    )
    print_rates(locked, found["total"])
    found = min((profile_tensorflow(source) for _ in range(ROUNDS)), key=lambda one: one["total"])
    decode = found["total"] - found["python"]
    print_table(
        ["under the lock", "decode", "total with TensorFlow", "augment, ms per image"],
        [_milliseconds([found["python"], decode, found["total"], found["augment"]])],
    )
    print_rates(found["python"], found["total"] + found["augment"])


if __name__ == "__main__":
    main()
