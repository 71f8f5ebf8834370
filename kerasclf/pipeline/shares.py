"""The share of each batch that one of several workers reads."""

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

Size = TypeVar("Size", int, tf.Tensor)


@dataclass(frozen=True)
class Share:
    """The share of each batch that one of several workers reads. The shares of all workers make up the batch.

    The first workers take one image more if a batch does not divide.

    Args:
        index: Number of the worker, from 0.
        workers: Number of workers; 1 reads whole batches.

    Example:
        >>> from kerasclf.pipeline.shares import Share
        >>> [Share(index, 2).positions(5, batch_size=3).tolist() for index in (0, 1)]
        [[0, 1, 3], [2, 4]]
    """

    index: int = 0
    workers: int = 1

    def size(self, batch: int) -> int:
        """Returns the number of images that it has of a batch. A larger batch never has fewer."""
        start, end = self._bounds(batch)
        return end - start

    def of(self, values: tf.Tensor) -> tf.Tensor:
        """Returns the share of a whole batch."""
        start, end = self._bounds(tf.shape(values)[0])
        return values[start:end]

    def positions(self, count: int, batch_size: int) -> NDArray[np.int64]:
        """Returns the positions in an epoch that it has. Batches of `size(batch_size)` of them are its shares.

        Args:
            count: Images per epoch.
            batch_size: Images per batch, all workers together.
        """
        found = []
        for first in range(0, count, batch_size):
            start, end = self._bounds(min(batch_size, count - first))
            found.append(np.arange(first + start, first + end))
        return np.concatenate(found) if found else np.empty(0, np.int64)

    def _bounds(self, batch: Size) -> tuple[Size, Size]:
        return self._start(self.index, batch), self._start(self.index + 1, batch)

    def _start(self, index: int, batch: Size) -> Size:
        smaller = tf.minimum if isinstance(batch, tf.Tensor) else min
        return index * (batch // self.workers) + smaller(index, batch % self.workers)


WHOLE = Share()
