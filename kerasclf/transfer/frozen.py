"""The frozen part of a network: computes activations of images, or takes those that were kept."""

import contextlib
import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kerasclf.data import Part
from kerasclf.data.dataset import key_of
from kerasclf.errors import FolderError
from kerasclf.locks import hold
from kerasclf.transfer.cache import ActivationCache

if TYPE_CHECKING:
    from kerasclf.transfer.engines import Compute

# Images that are computed at once: many enough for every engine, few enough for the memory of a laptop.
_BATCH = 16
# Rows are written when so many bytes of them have come together, and progress is told at most so often.
_WRITE_BYTES, _TELL_S = 32 << 20, 5.0
# How long another process may take to extract the same activations.
_PATIENCE_S = 24 * 3600

# Turns (images, their own random numbers' keys, number of the view) into the view that is computed.
Change = Callable[[NDArray[np.uint8], NDArray[np.int64], int], NDArray[np.uint8]]
Said = Callable[[str], None]


@dataclass(frozen=True)
class Frozen:
    """What lies below a cut.

    Args:
        name: What to call it when progress is told.
        compute: Makes the engine that computes it; called when something is missing in the cache.
        cache: Where its results are kept.
        views: Versions of each training image; 0 for the image as it is.
        change: Makes a version.
    """

    name: str
    compute: Callable[[], "Compute"]
    cache: ActivationCache
    views: int = 0
    change: Change | None = None

    def training_part(self, part: Part, said: Said) -> Part:
        """Returns the training images' activations: `views` versions, one after the other, or each image's own."""
        if not self.views:
            return self.part(part, said)
        keys = self._extract(part, said, _numbers(self.views))
        return Part(self.cache.source(keys), np.tile(part.labels, self.views), part.names * self.views)

    def part(self, part: Part, said: Said) -> Part:
        """Returns a part whose "images" are the activations of its images, which are computed where they are missing.

        Raises:
            FolderError: The disk has no room.
        """
        return Part(self.cache.source(self._extract(part, said, _numbers(0))), part.labels, part.names)

    def missing(self, part: Part, views: int = 0) -> int:
        """Returns how many activations are still to be computed."""
        known = self.cache.known()
        return sum(key not in known for view in _numbers(views) for key in _keys(part, view))

    def sample(self, parts: Sequence[Part], count: int) -> tuple[list[Part], float]:
        """Computes activations of the first part's first images alone and keeps nothing.

        Returns:
            For each part one as large, in which these few stand again and again; and the seconds an image took.
        """
        part = parts[0]
        images = part.images.read(np.arange(min(count, len(part))))
        compute = self.compute()
        chunks = [images[i : i + _BATCH] for i in range(0, len(images), _BATCH)]
        list(compute(chunks[:1]))  # traces or compiles
        began = time.perf_counter()
        rows = np.concatenate(list(compute(chunks))).astype(self.cache.dtype)
        seconds = (time.perf_counter() - began) / len(images)
        return [Part(Repeated(rows, len(part)), part.labels, part.names) for part in parts], seconds

    def _extract(self, part: Part, said: Said, views: range) -> list[str]:
        keys = [key for view in views for key in _keys(part, view)]
        missing = self._missing(keys)
        if not missing:
            return keys
        self.cache.check_room(len(missing))
        with self._held(said):
            self.cache.open()
            missing = self._missing(keys)  # another process may have computed them meanwhile
            if missing:
                size = len(missing) * self.cache.row_bytes / 1e6
                said(f"computing {self.name} of {len(missing):,} images, once: {size:,.0f} MB in {self.cache.folder}")
                self._compute(part, keys, missing, views, said)
        return keys

    @contextlib.contextmanager
    def _held(self, said: Said) -> Iterator[None]:
        """Holds the cache, and says so where another process must be waited for."""
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(hold(self.cache.folder))
            except FolderError as error:
                said(f"another run computes {self.name}; waiting for it ({str(error).partition('. ')[0]})")
                stack.enter_context(hold(self.cache.folder, _PATIENCE_S))
            yield

    def _missing(self, keys: list[str]) -> list[int]:
        known = self.cache.known()
        seen: set[str] = set()
        return [i for i, key in enumerate(keys) if key not in known and not (key in seen or seen.add(key))]  # type: ignore[func-returns-value]

    def _compute(self, part: Part, keys: list[str], missing: list[int], views: range, said: Said) -> None:
        chunks = [missing[i : i + _BATCH] for i in range(0, len(missing), _BATCH)]
        batches = (self._view(part, places, keys, views) for places in chunks)
        done, held, began = 0, [], time.perf_counter()
        told = began
        for places, rows in zip(chunks, self.compute()(batches), strict=True):
            held.append((places, rows))
            done += len(places)
            if sum(len(rows) for _, rows in held) * self.cache.row_bytes >= _WRITE_BYTES or done == len(missing):
                written = [keys[i] for places, _ in held for i in places]
                self.cache.append(written, np.concatenate([rows for _, rows in held]))
                held = []
            now = time.perf_counter()
            if now - told > _TELL_S or done == len(missing):
                told, pace = now, done / (now - began)
                left = (len(missing) - done) / pace
                said(f"computed {done:,} of {len(missing):,}, {pace:,.0f} images/s, {left:,.0f} s left")

    def _view(self, part: Part, places: list[int], keys: list[str], views: range) -> NDArray[np.uint8]:
        """Returns the images at these places of the list of keys, which holds one view after the other."""
        indices = np.array([place % len(part) for place in places])
        images = part.images.read(indices)
        if self.change is None or views.start == 0:
            return images
        changed = np.empty_like(images)
        numbers = np.array([views[place // len(part)] for place in places])
        own = np.array([int(keys[place][:15], 16) for place in places], np.int64)
        for view in np.unique(numbers):
            chosen = numbers == view
            changed[chosen] = self.change(images[chosen], own[chosen], int(view))
        return changed


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


def _numbers(views: int) -> range:
    """Returns the numbers of the views; 0 is the image as it is."""
    return range(1, views + 1) if views else range(1)


def _keys(part: Part, view: int) -> list[str]:
    """Returns the keys of one view of each image; view 0 is the image as it is."""
    if view == 0:
        return list(part.keys)
    return [key_of(f"{key} {view}".encode()) for key in part.keys]
