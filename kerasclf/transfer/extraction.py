"""One pass of images through the frozen part of a network. It fills the caches of one or several cuts."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kerasclf.data import Subset
from kerasclf.data.image_sources import key_of
from kerasclf.log import Log
from kerasclf.transfer.cache import ActivationCache
from kerasclf.transfer.shared_extraction import ALONE, Workers

# Images per batch: enough for every engine, and few enough for the memory of a laptop.
BATCH = 16
# Rows are written when they reach this many bytes.
_WRITE_BYTES = 32 << 20
# Minimum seconds between two progress messages.
_LOG_EVERY_S = 5.0

# From batches of uint8 images, pixels 0–255, to the activations of each batch in the same order, one array per cut.
Compute = Callable[[Iterator[NDArray[np.uint8]]], Iterator[Sequence[NDArray[Any]]]]
# From (images, their seeds, number of the view) to that view of the images.
Change = Callable[[NDArray[np.uint8], NDArray[np.int64], int], NDArray[np.uint8]]


@dataclass(frozen=True)
class CachePoint:
    """A cut of a network with the cache of its activations.

    Args:
        cut: Position in the network.
        name: Name of the layer whose output is cached.
        cache: The cache.
    """

    cut: int
    name: str
    cache: ActivationCache


@dataclass(frozen=True)
class Views:
    """Images in several versions: all images in the first version, then all in the second, and so on.

    Args:
        subset: The images.
        numbers: Numbers of the versions; 0 is the image itself.
        change: Makes the other versions; None if there are none.
    """

    subset: Subset
    numbers: range
    change: Change | None = None

    @cached_property
    def keys(self) -> list[str]:
        """The keys of all versions of all images in a cache."""
        return [key for number in self.numbers for key in self._keys(number)]

    def read(self, indices: Sequence[int]) -> NDArray[np.uint8]:
        """Returns the versions with these indices in `keys`."""
        images = self.subset.images.read(np.array([index % len(self.subset) for index in indices]))
        if self.change is None or self.numbers.start == 0:
            return images
        changed = np.empty_like(images)
        numbers = np.array([self.numbers[index // len(self.subset)] for index in indices])
        # The seed of an image depends on its content alone, so its views do not depend on the order of the images.
        seeds = np.array([int(self.keys[index][:15], 16) for index in indices], np.int64)
        for number in np.unique(numbers):
            chosen = numbers == number
            changed[chosen] = self.change(images[chosen], seeds[chosen], int(number))
        return changed

    def _keys(self, number: int) -> list[str]:
        if number == 0:
            return list(self.subset.keys)
        return [key_of(f"{key} {number}".encode()) for key in self.subset.keys]


def extract(
    points: Sequence[CachePoint],
    compute: Compute,
    views: Views,
    missing: list[int],
    log: Log,
    workers: Workers = ALONE,
    writes: bool = True,
) -> None:
    """Computes the images that the first cache lacks, and adds their activations to all caches that lack them.

    The first cache is written last: the others then contain its images even if the process is killed.

    Args:
        points: The cuts. If this process writes their caches, it holds them and has opened them.
        compute: Computes the activations of the cuts, in the same order.
        views: The images.
        missing: Indices of the images that the first cache lacks, on any worker.
        log: Receives progress messages, one line each.
        workers: The workers that compute them together.
        writes: Whether this worker writes the caches.

    Raises:
        FolderError: If the disk is full.
    """
    chunks = [missing[i : i + BATCH] for i in range(0, len(missing), BATCH)]
    # Batches of one size: an image's activations must not depend on how many others are computed with it.
    batches = (_padded(views.read(indices)) for indices in workers.share(chunks))
    writers = [_Writer(one.cache) for one in points] if writes else []
    progress = _Progress(len(missing), log)
    for indices, results in zip(chunks, _of_all(compute(batches), len(chunks), points, workers), strict=True):
        for writer, rows in zip(writers, results, strict=bool(writers)):
            writer.add([views.keys[index] for index in indices], rows[: len(indices)])
        progress.done += len(indices)
        if sum(writer.size for writer in writers) >= _WRITE_BYTES or progress.complete:
            for writer in reversed(writers):
                writer.write()
        progress.log()


def _of_all(
    own: Iterator[Sequence[NDArray[Any]]], batches: int, points: Sequence[CachePoint], workers: Workers
) -> Iterator[Sequence[NDArray[Any]]]:
    """Yields the activations of all batches in their order, from those that this worker computes."""
    caches = [one.cache for one in points]
    for first in range(0, batches, workers.count):
        if first + workers.index < batches:
            results = next(own)
        else:  # It has none of the last batches, but the others wait for it.
            results = [np.zeros((BATCH, *cache.shape), cache.dtype) for cache in caches]
        found = [
            workers.gather(rows.astype(cache.dtype, copy=False)) for rows, cache in zip(results, caches, strict=True)
        ]
        for number in range(min(workers.count, batches - first)):
            yield [rows[number] for rows in found]


def _padded(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Returns a full batch, in which black images follow the given ones."""
    missing = BATCH - len(images)
    return np.concatenate([images, np.zeros((missing, *images.shape[1:]), images.dtype)]) if missing else images


class _Writer:
    """Collects the rows that one cache lacks."""

    def __init__(self, cache: ActivationCache) -> None:
        self._cache, self._known = cache, set(cache.known())
        self._keys: list[str] = []
        self._rows: list[NDArray[Any]] = []

    @property
    def size(self) -> int:
        """Bytes that are still to be written."""
        return len(self._keys) * self._cache.row_bytes

    def add(self, keys: list[str], rows: NDArray[Any]) -> None:
        new = [i for i, key in enumerate(keys) if key not in self._known]
        self._keys += [keys[i] for i in new]
        self._rows.append(rows if len(new) == len(keys) else rows[new])

    def write(self) -> None:
        if self._keys:
            self._cache.append(self._keys, np.concatenate(self._rows))
        self._keys, self._rows = [], []


class _Progress:
    """Logs the progress of an extraction."""

    def __init__(self, count: int, log: Log) -> None:
        self.done = 0
        self._count, self._log = count, log
        self._start = self._last_log = time.perf_counter()

    @property
    def complete(self) -> bool:
        return self.done == self._count

    def log(self) -> None:
        now = time.perf_counter()
        if now - self._last_log <= _LOG_EVERY_S and not self.complete:
            return
        self._last_log, rate = now, self.done / (now - self._start)
        left = "" if self.complete else f", {(self._count - self.done) / rate:,.0f} s left"
        self._log(f"computed {self.done:,} of {self._count:,}, {rate:,.0f} images/s{left}")
