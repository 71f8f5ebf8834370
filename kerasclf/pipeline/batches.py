"""From a part of an ImageDataset to a tf.data.Dataset of batches: one pass is one epoch."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import numpy as np
import tensorflow as tf

from kerasclf.data import Subset
from kerasclf.pipeline import draws
from kerasclf.pipeline.augment import make_augment
from kerasclf.pipeline.augmentation import Augmentation
from kerasclf.pipeline.mixing import make_mix

# Small images are read and augmented in chunks of several batches: a call costs about a millisecond whatever it
# does, as much as augmenting sixty 32×32 images. Measured in benchmarks/.
_CHUNK_PIXELS = 512 * 32 * 32
# Fixed, since tf.data's own tuning begins with one and an epoch of small images is over before it has learnt more.
_PARALLEL = os.cpu_count() or 1
_PREFETCHED = 4


@dataclass
class Epoch:
    """The epoch that the next pass over a training set will be; set at each epoch's begin.

    Args:
        number: The epoch, counted over all phases of a training.
        first: The first epoch of the present phase.
    """

    number: int = 0
    first: int = 0


def training_batches(
    subset: Subset,
    num_classes: int,
    batch_size: int,
    augmentation: Augmentation,
    seed: int,
    epoch: Epoch,
    shuffle: bool = True,
    views: int = 1,
) -> tf.data.Dataset:
    """Returns batches (images, labels) of one epoch: shuffled, augmented, mixed.

    The order and each image's change are functions of (seed, epoch, index), so that any epoch can be made again.

    Args:
        subset: The images.
        num_classes: Width of the one-hot labels.
        batch_size: Images a batch over all replicas; the last batch may be smaller.
        augmentation: The random changes; its normalisation is the model's affair.
        seed: The run's seed.
        epoch: Read at the beginning of every pass.
        shuffle: Whether the order changes by epoch; False for validation images that are to be augmented.
        views: How many versions of every image the part holds: all of the first, then all of the second, and so on.
            An epoch has one version of each; which, goes round by epoch and index.

    Returns:
        What the part holds: images uint8 (batch, height, width, channels), pixels 0–255; labels one-hot float32
        (batch, classes).
    """
    # Activations have other shapes; nothing is changed or mixed of them.
    image_shape = cast("tuple[int, int, int]", subset.images.shape)
    augment = make_augment(augmentation, seed, image_shape)
    mix = make_mix(augmentation, seed, image_shape)
    chunk = _chunk_size(subset, batch_size)
    read = _reader(subset)
    labels = tf.one_hot(subset.labels, num_classes)
    count = len(subset) // views

    def in_order(number: tf.Tensor) -> tf.data.Dataset:
        order = draws.permutation(seed, number, count) if shuffle else tf.range(count, dtype=tf.int64)
        return tf.data.Dataset.from_tensor_slices((order, tf.fill([count], number))).batch(chunk)

    def load(indices: tf.Tensor, numbers: tf.Tensor) -> tuple[tf.Tensor, ...]:
        images = read(indices if views == 1 else indices + count * ((indices + numbers) % views))
        if augment is not None:
            images = augment(images, numbers[0], indices)
        loaded = images, tf.gather(labels, indices)
        return loaded if mix is None else (*loaded, numbers, indices)

    # A generator is asked anew at every pass, which makes the epoch's number known to the graph. What is compiled
    # stays outside flat_map, which would compile it again for every epoch.
    numbers = tf.data.Dataset.from_generator(lambda: iter([epoch.number]), output_signature=tf.TensorSpec((), tf.int64))
    batches = numbers.flat_map(in_order).map(load, _PARALLEL)
    if chunk > batch_size:
        batches = batches.rebatch(batch_size)
    if mix is not None:
        batches = batches.map(lambda images, targets, numbers, indices: mix(images, targets, numbers[0], indices))
    return _finished(batches, count, batch_size)


def evaluation_batches(subset: Subset, num_classes: int, batch_size: int) -> tf.data.Dataset:
    """Returns batches (images, labels) in the part's own order, untouched, in the form of `training_batches`."""
    read = _reader(subset)
    labels = tf.one_hot(subset.labels, num_classes)
    indices = tf.data.Dataset.range(len(subset)).batch(batch_size)
    batches = indices.map(lambda i: (read(i), tf.gather(labels, i)), _PARALLEL)
    return _finished(batches, len(subset), batch_size)


def steps_per_epoch(count: int, batch_size: int) -> int:
    """Returns how many batches hold `count` images."""
    return -(-count // batch_size)


def _chunk_size(subset: Subset, batch_size: int) -> int:
    if subset.images.array is None:
        return batch_size
    pixels = int(np.prod(subset.images.shape[:2]))
    return batch_size * max(1, _CHUNK_PIXELS // (pixels * batch_size))


def _reader(subset: Subset) -> Callable[[tf.Tensor], tf.Tensor]:
    """Returns a function from indices to images: a gather from memory, or a call that reads files."""
    source = subset.images
    if source.array is not None:
        array = tf.constant(source.array)
        return lambda indices: tf.gather(array, indices)

    def read_files(indices: np.ndarray) -> np.ndarray:
        return source.read(indices)

    def read(indices: tf.Tensor) -> tf.Tensor:
        images = tf.numpy_function(read_files, [indices], source.dtype, stateful=False)
        return tf.ensure_shape(images, (None, *source.shape))

    return read


def _finished(batches: tf.data.Dataset, count: int, batch_size: int) -> tf.data.Dataset:
    options = tf.data.Options()
    options.deterministic = True
    # There is nothing left to tune, and where all cores are busy the end of most passes waits for the tuner: 0.5 to
    # 0.7 s in 8 of 11 epochs of BaseNet on one core (benchmarks/README.md).
    options.autotune.enabled = False
    # Each batch is complete in itself; sharding by file or element would change which images meet.
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.OFF
    known = batches.apply(tf.data.experimental.assert_cardinality(steps_per_epoch(count, batch_size)))
    return known.prefetch(_PREFETCHED).with_options(options)
