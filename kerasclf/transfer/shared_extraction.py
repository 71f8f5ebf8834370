"""Workers that extract activations together: each computes a share of the batches, and receives those of the others."""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kerasclf.errors import FolderError
from kerasclf.files.cache_folders import ANOTHER_CACHE

Words = NDArray[np.float32]
_WORD_BYTES = 4


def _of_one(own: Words) -> Words:
    return own[None]


@dataclass(frozen=True)
class Workers:
    """The workers that extract activations together; by default this process alone.

    All of them call the same methods in the same order: each call waits for all.

    Args:
        index: Number of this worker, from 0.
        count: Number of workers.
        exchange: From the values of this worker, shape (n,), to those of all, shape (count, n), bit for bit.
    """

    index: int = 0
    count: int = 1
    exchange: Callable[[Words], Words] = _of_one

    def gather(self, values: NDArray[Any]) -> NDArray[Any]:
        """Returns the arrays of all workers, shape (count, *values.shape). All arrays have one shape and type."""
        if self.count == 1:
            return values[None]
        own = np.ascontiguousarray(values)
        words = np.zeros(-(-own.nbytes // _WORD_BYTES), np.float32)
        words.view(np.uint8)[: own.nbytes] = own.reshape(-1).view(np.uint8)
        found = np.ascontiguousarray(self.exchange(words)).view(np.uint8)[:, : own.nbytes]
        return found.reshape(-1).view(own.dtype).reshape(self.count, *own.shape)

    def any(self, flags: ArrayLike) -> NDArray[np.bool_]:
        """Returns for each flag whether it is set on any worker."""
        return np.asarray(self.gather(np.asarray(flags, bool)).any(axis=0), bool)

    def all(self, flags: ArrayLike) -> NDArray[np.bool_]:
        """Returns for each flag whether it is set on all workers."""
        return np.asarray(self.gather(np.asarray(flags, bool)).all(axis=0), bool)

    def wait(self) -> None:
        """Waits until all workers are here."""
        self.gather(np.zeros(1, bool))

    def agree(self, name: str) -> bool:
        """Returns whether a name, of the same length on all workers, is the same on all of them."""
        found = self.gather(np.frombuffer(name.encode(), np.uint8))
        return bool((found == found[0]).all())

    def writes(self, folder: Path) -> bool:
        """Returns whether this worker is the one that writes a folder: the first of those that have it on their disk.

        Each worker leaves a file in its own folder, and looks for those of the others.

        Raises:
            FolderError: If this worker cannot write to the folder.
        """
        if self.count == 1:
            return True
        own = folder / f".worker-{uuid.uuid4().hex}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            own.touch()
        except OSError as error:
            raise FolderError(f"{folder} cannot be written to: {error.strerror}. {ANOTHER_CACHE}") from error
        try:
            names = [bytes(name).decode() for name in self.gather(np.frombuffer(own.name.encode(), np.uint8))]
            writer = next(index for index, name in enumerate(names) if (folder / name).exists())
            self.wait()  # Nobody removes its file before all have looked.
        finally:
            own.unlink(missing_ok=True)
        return writer == self.index

    def share(self, batches: Sequence[Any]) -> Sequence[Any]:
        """Returns the batches that this worker computes: each `count`-th one."""
        return batches[self.index :: self.count]


ALONE = Workers()
