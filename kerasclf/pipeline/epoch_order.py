"""The order of the images in an epoch: as they are, shuffled, or oversampled so that all classes have equally many."""

from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from kerasclf.pipeline import draws

Kind = Literal["fixed", "shuffled", "balanced"]
Labels = NDArray[np.int64]


class EpochOrder(NamedTuple):
    """The order of the images in each epoch.

    Args:
        places: Number of images per epoch, each as often as it appears.
        of_epoch: Returns the images of the epoch with a number, int64 of shape (places,). Image i of n that appears
            for the k-th time (from 0) is i + k·n. Random changes thus differ between the appearances of an image.
    """

    places: int
    of_epoch: Callable[[tf.Tensor], tf.Tensor]


def make_order(kind: Kind, labels: Labels, seed: int) -> EpochOrder:
    """Returns the order of a set of images, a function of (seed, epoch).

    Args:
        kind: `"fixed"`, `"shuffled"`, or `"balanced"`, in which each class appears as often as the largest one. Every
            image appears, and those of one class appear equally often, or once more.
        labels: Class of each image.
        seed: The run's seed.
    """
    count = len(labels)
    if kind == "fixed":
        return EpochOrder(count, lambda number: tf.range(count, dtype=tf.int64))
    if kind == "shuffled":
        return EpochOrder(count, lambda number: draws.permutation(seed, number, count))
    sources, repetitions = _balanced_places(labels)
    places = len(sources)

    def of_epoch(number: tf.Tensor) -> tf.Tensor:
        at_random = draws.uniform(draws.OVERSAMPLE, seed, number, tf.range(count, dtype=tf.int64), 1)[:, 0]
        # Grouped by class, and at random within: which images appear once more differs between epochs.
        grouped = tf.argsort(tf.cast(labels, tf.float64) + tf.cast(at_random, tf.float64), stable=True)
        chosen = tf.cast(tf.gather(grouped, sources), tf.int64) + count * repetitions
        return tf.gather(chosen, draws.permutation(seed, number, places))

    return EpochOrder(places, of_epoch)


def balanced_length(labels: Labels) -> int:
    """Returns the number of images per epoch if each class appears as often as the largest one."""
    counts = np.bincount(labels)
    return int(counts.max() * np.count_nonzero(counts))


def _balanced_places(labels: Labels) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Returns for each place the position of its image, when images are grouped by class, and its repetition."""
    counts = np.bincount(labels)
    starts, place = np.cumsum(counts) - counts, np.arange(counts.max())
    present = np.flatnonzero(counts)
    sources = np.concatenate([starts[label] + place % counts[label] for label in present])
    return sources, np.concatenate([place // counts[label] for label in present])
