"""One pass of images through the frozen part of a network, which fills the caches of one or of several cuts."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kerasclf.data import Subset
from kerasclf.data.dataset import key_of
from kerasclf.log import Log
from kerasclf.transfer.cache import ActivationCache

# Images that are computed at once: many enough for every engine, few enough for the memory of a laptop.
BATCH = 16
# Rows are written when so many bytes of them have come together, and progress is told at most so often.
_WRITE_BYTES, _TELL_S = 32 << 20, 5.0

# Takes batches of uint8 images, pixels 0–255, gives each batch's activations in the same order, an array a point.
Compute = Callable[[Iterator[NDArray[np.uint8]]], Iterator[Sequence[NDArray[Any]]]]
# Turns (images, their own random numbers' keys, number of the view) into the view that is computed.
Change = Callable[[NDArray[np.uint8], NDArray[np.int64], int], NDArray[np.uint8]]


@dataclass(frozen=True)
class CachePoint:
    """What is kept of a network at one point.

    Args:
        cut: The place in the network.
        name: The layer whose output it is.
        cache: Where it is kept.
    """

    cut: int
    name: str
    cache: ActivationCache


@dataclass(frozen=True)
class Views:
    """Images in some versions, one version of all after the other.

    Args:
        subset: The images.
        numbers: Of the versions; 0 is the image as it is.
        change: Makes the others.
    """

    subset: Subset
    numbers: range
    change: Change | None = None

    @cached_property
    def keys(self) -> list[str]:
        """By which a cache knows each version of each image."""
        return [key for number in self.numbers for key in self._keys(number)]

    def read(self, places: Sequence[int]) -> NDArray[np.uint8]:
        """Returns the versions that stand at these places of the keys."""
        images = self.subset.images.read(np.array([place % len(self.subset) for place in places]))
        if self.change is None or self.numbers.start == 0:
            return images
        changed = np.empty_like(images)
        numbers = np.array([self.numbers[place // len(self.subset)] for place in places])
        own = np.array([int(self.keys[place][:15], 16) for place in places], np.int64)
        for number in np.unique(numbers):
            chosen = numbers == number
            changed[chosen] = self.change(images[chosen], own[chosen], int(number))
        return changed

    def _keys(self, number: int) -> list[str]:
        if number == 0:
            return list(self.subset.keys)
        return [key_of(f"{key} {number}".encode()) for key in self.subset.keys]


def extract(points: Sequence[CachePoint], compute: Compute, views: Views, missing: list[int], log: Log) -> None:
    """Computes what the first cache lacks, and gives the others what they lack of the same images.

    Each cache grows by itself. The first is written last, so that what it knows after a kill the others know too.

    Args:
        points: The points, of caches that are held by this process and open.
        compute: Gives their activations, in the same order.
        views: The images.
        missing: Which of them the first cache lacks.
        log: Is told of the progress.

    Raises:
        FolderError: The disk is full.
    """
    chunks = [missing[i : i + BATCH] for i in range(0, len(missing), BATCH)]
    batches = (views.read(places) for places in chunks)
    writers = [_Writer(one.cache) for one in points]
    progress = _Progress(len(missing), log)
    for places, results in zip(chunks, compute(batches), strict=True):
        for writer, rows in zip(writers, results, strict=True):
            writer.take([views.keys[place] for place in places], rows)
        progress.done += len(places)
        if sum(writer.size for writer in writers) >= _WRITE_BYTES or progress.complete:
            for writer in reversed(writers):
                writer.write()
        progress.tell()


class _Writer:
    """Collects the rows that one cache lacks."""

    def __init__(self, cache: ActivationCache) -> None:
        self._cache, self._known = cache, set(cache.known())
        self._keys: list[str] = []
        self._rows: list[NDArray[Any]] = []

    @property
    def size(self) -> int:
        """Bytes that are not written yet."""
        return len(self._keys) * self._cache.row_bytes

    def take(self, keys: list[str], rows: NDArray[Any]) -> None:
        new = [i for i, key in enumerate(keys) if key not in self._known]
        self._keys += [keys[i] for i in new]
        self._rows.append(rows if len(new) == len(keys) else rows[new])

    def write(self) -> None:
        if self._keys:
            self._cache.append(self._keys, np.concatenate(self._rows))
        self._keys, self._rows = [], []


class _Progress:
    """Tells how far an extraction is."""

    def __init__(self, count: int, log: Log) -> None:
        self.done = 0
        self._count, self._log = count, log
        self._began = self._told = time.perf_counter()

    @property
    def complete(self) -> bool:
        return self.done == self._count

    def tell(self) -> None:
        now = time.perf_counter()
        if now - self._told <= _TELL_S and not self.complete:
            return
        self._told, pace = now, self.done / (now - self._began)
        left = (self._count - self.done) / pace
        self._log(f"computed {self.done:,} of {self._count:,}, {pace:,.0f} images/s, {left:,.0f} s left")
