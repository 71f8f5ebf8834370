"""The frozen part of a network: computes the activations of images that are not cached yet."""

import contextlib
import hashlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from kerasclf.data import Subset
from kerasclf.errors import FolderError
from kerasclf.locks import hold
from kerasclf.log import Log
from kerasclf.machine import format_bytes
from kerasclf.transfer.extraction import BATCH, CachePoint, Change, Compute, Views, extract
from kerasclf.wording import counted

# Maximum time to wait for another process that computes the same activations.
_PATIENCE_S = 24 * 3600


class Source(Protocol):
    """A network that computes activations at its cuts, and names their caches."""

    @property
    def name(self) -> str:
        """The name of the network."""

    def cache_point(self, cut: int) -> CachePoint:
        """Returns the cache of a cut for the current weights of the network."""

    def compute(self, cuts: Sequence[int]) -> Compute:
        """Returns a function from batches of images to their activations at some cuts."""


@dataclass(frozen=True)
class Frozen:
    """The frozen part of a network, below a cut.

    Args:
        source: The network. It compiles nothing until an activation is missing in the cache.
        point: The cut where the frozen part ends, and its cache.
        views: Cached versions of each training image; 0 for the image itself.
        change: Makes a version; None without views.
        also_cache: Other cuts of the network. If an image is computed anyway, their activations are cached too.
    """

    source: Source
    point: CachePoint
    views: int = 0
    change: Change | None = None
    also_cache: tuple[int, ...] = ()

    @property
    def name(self) -> str:
        """Name of the network and of the layer at the cut."""
        return f"{self.source.name} up to {self.point.name}"

    def after_training(self) -> "Frozen":
        """Returns the frozen part without the cuts above its own. Training has changed the weights there."""
        return replace(self, also_cache=tuple(cut for cut in self.also_cache if cut < self.point.cut))

    def training_set(self, subset: Subset, log: Log) -> Subset:
        """Returns the activations of the training images: all views one after the other, or one per image."""
        if not self.views:
            return self.subset(subset, log)
        keys = self._extract(self._versions(subset, self.views), log)
        return Subset(self.point.cache.source(keys), np.tile(subset.labels, self.views), subset.names * self.views)

    def subset(self, subset: Subset, log: Log) -> Subset:
        """Returns a set whose "images" are the activations of the images. Missing activations are computed.

        Raises:
            FolderError: If the disk has too little room.
        """
        return Subset(self.point.cache.source(self._extract(self._versions(subset), log)), subset.labels, subset.names)

    def missing(self, subset: Subset, views: int = 0) -> int:
        """Returns the number of activations that are not cached yet."""
        known = self.point.cache.known()
        return sum(key not in known for key in self._versions(subset, views).keys)

    def sample(self, sets: Sequence[Subset], count: int) -> tuple[list[Subset], float]:
        """Computes the activations of a few images of the first set, and caches nothing.

        Returns:
            Sets of the same sizes that repeat these activations, and the seconds per image.
        """
        subset = sets[0]
        images = subset.images.read(np.arange(min(count, len(subset))))
        compute = self.source.compute([self.point.cut])
        chunks = [images[i : i + BATCH] for i in range(0, len(images), BATCH)]
        list(compute(iter(chunks[:1])))  # traces or compiles
        began = time.perf_counter()
        rows = np.concatenate([rows for (rows,) in compute(iter(chunks))]).astype(self.point.cache.dtype)
        seconds = (time.perf_counter() - began) / len(images)
        return [Subset(Repeated(rows, len(subset)), subset.labels, subset.names) for subset in sets], seconds

    def _versions(self, subset: Subset, views: int = 0) -> Views:
        """Returns the images of a set, or a number of views of them."""
        return Views(subset, range(1, views + 1) if views else range(1), self.change)

    def _extract(self, views: Views, log: Log) -> list[str]:
        """Computes the missing and the damaged activations of some images, and returns the keys of all."""
        cache, keys = self.point.cache, views.keys
        damaged, missing = cache.damaged(keys), cache.missing(keys)
        if not (damaged or missing):
            return keys
        cache.check_room(len(damaged) + len(missing))
        with self._hold_cache(log):
            cache.open()
            if damaged:
                self._forget(damaged, log)
            missing = cache.missing(keys)  # another process may have computed them meanwhile
            if missing:
                with self._hold_others([keys[i] for i in missing]) as others:
                    points = [self.point, *others]
                    log(self._announcement(points, [keys[i] for i in missing]))
                    extract(points, self.source.compute([one.cut for one in points]), views, missing, log)
        return keys

    def _forget(self, damaged: list[str], log: Log) -> None:
        """Removes damaged activations, except for those that another process has computed anew meanwhile."""
        cache = self.point.cache
        still = cache.damaged(damaged)
        cache.forget(still)
        log(f"{len(still):,} damaged activations in {cache.folder}; computing them anew")

    def _announcement(self, points: list[CachePoint], keys: list[str]) -> str:
        size = sum(len(one.cache.missing(keys)) * one.cache.row_bytes for one in points)
        images, disk = counted(len(keys), "image"), format_bytes(size)
        if len(points) == 1:
            return f"computing {self.name} of {images}, once: {disk} in {self.point.cache.folder}"
        names = ", ".join(one.name for one in points)
        return (
            f"computing {self.source.name} up to {names} of {images}, in one pass: {disk} in "
            f"{self.point.cache.folder.parent}"
        )

    @contextlib.contextmanager
    def _hold_cache(self, log: Log) -> Iterator[None]:
        """Holds the cache. Logs a message before it waits for another process."""
        folder = self.point.cache.folder
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(hold(folder))
            except FolderError as error:
                log(f"another run computes {self.name}; waiting for it ({str(error).partition('. ')[0]})")
                stack.enter_context(hold(folder, _PATIENCE_S))
            yield

    @contextlib.contextmanager
    def _hold_others(self, keys: list[str]) -> Iterator[list[CachePoint]]:
        """Holds the caches of other cuts that lack some of these images.

        It skips a cache that another process holds: waiting here could block processes that wait for this one. If the
        disk has no room for all caches, it holds none, and later runs compute these activations.
        """
        others = [self.source.cache_point(cut) for cut in self.also_cache if cut != self.point.cut]
        lacking = [one for one in others if one.cache.missing(keys)]
        needed = sum(len(one.cache.missing(keys)) * one.cache.row_bytes for one in [self.point, *lacking])
        with contextlib.ExitStack() as stack:
            held = []
            for one in lacking if needed <= self.point.cache.free_bytes() else ():
                with contextlib.suppress(FolderError):
                    stack.enter_context(hold(one.cache.folder))
                    one.cache.open()
                    held.append(one)
            yield held


@dataclass(frozen=True)
class Repeated:
    """An `ImageSource` that repeats a few activations, to measure how fast a network trains."""

    rows: NDArray[Any]
    count: int

    @property
    def shape(self) -> tuple[int, ...]:
        return self.rows.shape[1:]

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.rows.dtype

    @property
    def array(self) -> None:
        return None

    def __len__(self) -> int:
        return self.count

    def read(self, indices: NDArray[np.integer]) -> NDArray[Any]:
        return self.rows[indices % len(self.rows)]

    def take(self, indices: NDArray[np.integer]) -> "Repeated":
        return Repeated(self.rows[indices % len(self.rows)], len(indices))

    def fingerprint(self) -> str:
        return hashlib.sha256(self.rows.tobytes()).hexdigest()
