"""The frozen part of a network: computes the activations of images that are not cached yet."""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from kerasclf.data import Subset
from kerasclf.errors import FolderError, FolderInUseError
from kerasclf.files.cache_folders import ANOTHER_CACHE
from kerasclf.files.locks import hold
from kerasclf.log import Log
from kerasclf.transfer.extraction import CachePoint, Change, Compute, Views, extract
from kerasclf.transfer.shared_extraction import ALONE, Workers
from kerasclf.wording import counted, format_bytes

# Maximum time to wait for another process that computes the same activations.
_PATIENCE_S = 24 * 3600


class Source(Protocol):
    """A network that computes activations at its cuts, and names their caches."""

    @property
    def name(self) -> str:
        """The name of the network."""

    def cache_point(self, cut: int) -> CachePoint:
        """Returns the cache of a cut for the current weights of the network."""

    def compute(self, points: Sequence[CachePoint]) -> Compute:
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
        workers: The workers that compute the activations together. All of them then ask for the same sets, in order.
    """

    source: Source
    point: CachePoint
    views: int = 0
    change: Change | None = None
    also_cache: tuple[int, ...] = ()
    workers: Workers = ALONE

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
            FolderError: If the disk has too little room, or the cache cannot be written to.
        """
        return Subset(self.point.cache.source(self._extract(self._versions(subset), log)), subset.labels, subset.names)

    def missing(self, subset: Subset, views: int = 0) -> int:
        """Returns the number of activations that are not cached yet."""
        known = self.point.cache.known()
        return sum(key not in known for key in self._versions(subset, views).keys)

    def _versions(self, subset: Subset, views: int = 0) -> Views:
        """Returns the images of a set, or a number of views of them."""
        return Views(subset, range(1, views + 1) if views else range(1), self.change)

    def _extract(self, views: Views, log: Log) -> list[str]:
        """Computes the missing and the damaged activations of some images, and returns the keys of all."""
        cache, keys, workers = self.point.cache, views.keys, self._alike(log)
        damaged, missing = cache.damaged(keys), cache.missing(keys)
        if not workers.any([bool(damaged or missing)])[0]:
            return keys
        cache.check_room(len(damaged) + len(missing))
        writes = workers.writes(cache.folder)
        with contextlib.ExitStack() as stack:
            lacks = np.zeros(len(keys), bool)
            if writes:
                stack.enter_context(self._hold_cache(log))
                cache.open()
                if damaged:
                    self._forget(damaged, log)
                lacks[cache.missing(keys)] = True  # another process may have computed some meanwhile
            missing = np.flatnonzero(workers.any(lacks)).tolist()
            if missing:
                needed = [keys[i] for i in missing]
                points = [self.point, *stack.enter_context(self._hold_others(needed, workers, writes))]
                log(self._announcement(points, needed, workers))
                compute = self.source.compute(points)
                extract(points, compute, views, missing, log, workers=workers, writes=writes)
        workers.wait()  # The cache is complete before those that do not write it read it.
        return keys

    def _alike(self, log: Log) -> Workers:
        """Returns the workers; this process alone if their activations would differ, as on processors of two kinds."""
        if self.workers.agree(self.point.cache.folder.name):
            return self.workers
        log(f"each worker computes all of {self.name}: the workers differ in hardware or engine")
        return ALONE

    def _forget(self, damaged: list[str], log: Log) -> None:
        """Removes damaged activations, except for those that another process has computed anew meanwhile."""
        cache = self.point.cache
        still = cache.damaged(damaged)
        cache.forget(still)
        log(f"{len(still):,} damaged activations in {cache.folder}; computing them anew")

    def _announcement(self, points: list[CachePoint], keys: list[str], workers: Workers) -> str:
        size = sum(len(one.cache.missing(keys)) * one.cache.row_bytes for one in points)
        images, disk = counted(len(keys), "image"), format_bytes(size)
        if workers.count > 1:
            images += f" by {workers.count} workers"
        if len(points) == 1:
            return f"computing {self.name} of {images}, once: {disk} in {self.point.cache.folder}"
        names = ", ".join(one.name for one in points)
        return (
            f"computing {self.source.name} up to {names} of {images}, in one pass: {disk} in "
            f"{self.point.cache.folder.parent}"
        )

    @contextlib.contextmanager
    def _hold_cache(self, log: Log) -> Iterator[None]:
        """Holds the cache. Logs a message before it waits for another process that holds it."""
        folder = self.point.cache.folder
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(hold(folder, remedy=ANOTHER_CACHE))
            except FolderInUseError as error:
                log(f"another run computes {self.name}; waiting for it ({str(error).partition('. ')[0]})")
                stack.enter_context(hold(folder, _PATIENCE_S, ANOTHER_CACHE))
            yield

    @contextlib.contextmanager
    def _hold_others(self, keys: list[str], workers: Workers, writes: bool) -> Iterator[list[CachePoint]]:
        """Holds the caches of other cuts that lack some of these images, if this worker writes them.

        It skips a cache that another process holds: waiting here could block processes that wait for this one. If the
        disk has no room for all caches, it holds none, and later runs compute these activations. Workers skip alike.
        """
        others = [self.source.cache_point(cut) for cut in self.also_cache if cut != self.point.cut]
        if not others:
            yield []
            return
        lacking = workers.any([writes and bool(one.cache.missing(keys)) for one in others])
        wanted = [one for one, lacks in zip(others, lacking, strict=True) if lacks]
        needed = sum(len(one.cache.missing(keys)) * one.cache.row_bytes for one in [self.point, *wanted])
        has_room = needed <= self.point.cache.free_bytes()
        with contextlib.ExitStack() as stack:
            held = [not writes or (has_room and _hold_now(one, stack)) for one in wanted]
            yield [one for one, by_all in zip(wanted, workers.all(held), strict=True) if by_all] if wanted else []


def _hold_now(point: CachePoint, stack: contextlib.ExitStack) -> bool:
    """Holds and opens a cache until a stack is closed, unless another process holds it. Returns whether it does."""
    with contextlib.suppress(FolderError):
        stack.enter_context(hold(point.cache.folder))
        point.cache.open()
        return True
    return False
