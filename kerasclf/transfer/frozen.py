"""The frozen part of a network: computes activations of images, or takes those that were kept."""

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
from kerasclf.transfer.extraction import BATCH, CachePoint, Change, Compute, Views, extract

# How long another process may take to extract the same activations.
_PATIENCE_S = 24 * 3600


class Source(Protocol):
    """A network that computes activations at its cuts, and knows where they are cached."""

    @property
    def name(self) -> str:
        """The name of the network."""

    def cache_point(self, cut: int) -> CachePoint:
        """Returns the cache of a cut, for the weights that the network has now."""

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
        """What is computed."""
        return f"{self.source.name} up to {self.point.name}"

    def after_training(self) -> "Frozen":
        """Returns it for the time when what lies above has learnt, and is no longer what others begin with."""
        return replace(self, also_cache=tuple(cut for cut in self.also_cache if cut < self.point.cut))

    def training_set(self, subset: Subset, log: Log) -> Subset:
        """Returns the training images' activations: `views` versions, one after the other, or each image's own."""
        if not self.views:
            return self.subset(subset, log)
        keys = self._extract(self._versions(subset, self.views), log)
        return Subset(self.point.cache.source(keys), np.tile(subset.labels, self.views), subset.names * self.views)

    def subset(self, subset: Subset, log: Log) -> Subset:
        """Returns a part whose "images" are the activations of its images, which are computed where they are missing.

        Raises:
            FolderError: The disk has no room.
        """
        return Subset(self.point.cache.source(self._extract(self._versions(subset), log)), subset.labels, subset.names)

    def missing(self, subset: Subset, views: int = 0) -> int:
        """Returns how many activations are still to be computed."""
        known = self.point.cache.known()
        return sum(key not in known for key in self._versions(subset, views).keys)

    def sample(self, sets: Sequence[Subset], count: int) -> tuple[list[Subset], float]:
        """Computes activations of the first part's first images alone and keeps nothing.

        Returns:
            For each part one as large, in which these few stand again and again; and the seconds an image took.
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
        """Returns a part's images as they are, or so many views of them."""
        return Views(subset, range(1, views + 1) if views else range(1), self.change)

    def _extract(self, views: Views, log: Log) -> list[str]:
        missing = self.point.cache.missing(views.keys)
        if not missing:
            return views.keys
        self.point.cache.check_room(len(missing))
        with self._held(log):
            self.point.cache.open()
            missing = self.point.cache.missing(views.keys)  # another process may have computed them meanwhile
            if missing:
                wanted = [views.keys[i] for i in missing]
                with self._hold_others(wanted) as others:
                    points = [self.point, *others]
                    log(self._announced(points, wanted))
                    extract(points, self.source.compute([one.cut for one in points]), views, missing, log)
        return views.keys

    def _announced(self, points: list[CachePoint], wanted: list[str]) -> str:
        size = sum(len(one.cache.missing(wanted)) * one.cache.row_bytes for one in points) / 1e6
        if len(points) == 1:
            return f"computing {self.name} of {len(wanted):,} images, once: {size:,.0f} MB in {self.point.cache.folder}"
        names = ", ".join(one.name for one in points)
        return (
            f"computing {self.source.name} up to {names} of {len(wanted):,} images, in one pass: {size:,.0f} MB in "
            f"{self.point.cache.folder.parent}"
        )

    @contextlib.contextmanager
    def _held(self, log: Log) -> Iterator[None]:
        """Holds the cache, and says so where another process must be waited for."""
        folder = self.point.cache.folder
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(hold(folder))
            except FolderError as error:
                log(f"another run computes {self.name}; waiting for it ({str(error).partition('. ')[0]})")
                stack.enter_context(hold(folder, _PATIENCE_S))
            yield

    @contextlib.contextmanager
    def _hold_others(self, wanted: list[str]) -> Iterator[list[CachePoint]]:
        """Holds the caches of other points that lack some of these images.

        Those that another process fills just now are left to it: nobody waits here while others wait for them.
        Where the disk has no room for all, they are left to the runs that will want them.
        """
        others = [self.source.cache_point(cut) for cut in self.also_cache if cut != self.point.cut]
        lacking = [one for one in others if one.cache.missing(wanted)]
        needed = sum(len(one.cache.missing(wanted)) * one.cache.row_bytes for one in [self.point, *lacking])
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
    """A few activations that stand for many, as an `ImageSource`: enough to measure how fast a network trains."""

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
