"""Turns a set of an ImageDataset into a tf.data.Dataset of batches. One pass is one epoch."""

import contextlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import tensorflow as tf

from kerasclf.data import FileImages, Subset
from kerasclf.errors import rebuild
from kerasclf.machine.resources import usable_cores
from kerasclf.pipeline.apply_augmentation import make_augment
from kerasclf.pipeline.augmentation_settings import AugmentationSettings
from kerasclf.pipeline.epoch_order import Kind, make_order
from kerasclf.pipeline.file_reader import make_file_reader
from kerasclf.pipeline.mixing import make_mix
from kerasclf.pipeline.shares import WHOLE, Share

# Small images are read and augmented in chunks of several batches. A call costs about a millisecond in itself, as much
# as augmenting sixty 32×32 images (docs/explanation/what-was-tried.md).
_CHUNK_PIXELS = 512 * 32 * 32
# Fixed: tf.data's tuning starts from 1, and an epoch of small images ends before it finds a better number.
_PARALLEL = usable_cores()
_PREFETCHED = 4
# TensorFlow reports an error of a Python function in its own words, which contain those of the error.
_READ_ERROR = re.compile(r"\b(DataError|FolderError): (.+?)\nTraceback \(most recent call last\)", re.DOTALL)


@dataclass
class Epoch:
    """The number of the next pass over a training set. A callback sets it at the start of each epoch.

    Args:
        number: Number of the epoch, counted over all phases of a training.
        first: First epoch of the current phase.
    """

    number: int = 0
    first: int = 0


def training_batches(
    subset: Subset,
    num_classes: int,
    batch_size: int,
    augmentation: AugmentationSettings,
    seed: int,
    epoch: Epoch,
    order: Kind = "shuffled",
    views: int = 1,
    share: Share = WHOLE,
) -> tf.data.Dataset:
    """Returns the batches (images, labels) of one epoch: in order, augmented, mixed.

    The order of the images and the change of each image are functions of (seed, epoch, index). Any epoch can thus be
    reproduced.

    Args:
        subset: The images.
        num_classes: Width of the one-hot labels.
        batch_size: Images per batch over all replicas; the last batch may be smaller.
        augmentation: The random changes. The model itself normalises.
        seed: The run's seed.
        epoch: Current epoch, read at the start of every pass.
        order: `"shuffled"` anew in each epoch; `"fixed"` for augmented validation images; or `"balanced"`, which also
            repeats images until all classes are equally large.
        views: Number of versions of every image that `subset` holds: all first versions, then all second ones, and so
            on. An image appears in one version, chosen in turn by epoch, index and repetition.
        share: The share of each batch to return. It alone is read, unless images are mixed, which takes whole batches.

    Returns:
        A dataset of batches: uint8 images of shape (batch, height, width, channels), pixels 0–255, and one-hot float32
        labels of shape (batch, num_classes). If `subset` holds activations, they replace the images.
    """
    # Activations have other shapes, but they are neither augmented nor mixed.
    image_shape = cast("tuple[int, int, int]", subset.images.shape)
    augment = make_augment(augmentation, seed, image_shape)
    mix = make_mix(augmentation, seed, image_shape)
    read = _reader(subset)
    labels = _in_main_memory(tf.one_hot(subset.labels, num_classes))
    count = len(subset) // views
    places, order_of = make_order(order, subset.labels[:count], seed)
    read_share = share if mix is None else WHOLE
    size, positions = read_share.size(batch_size), read_share.positions(places, batch_size)
    chunk = _chunk_size(subset, size)

    def in_order(number: tf.Tensor) -> tf.data.Dataset:
        appearances = order_of(number) if read_share == WHOLE else tf.gather(order_of(number), positions)
        return tf.data.Dataset.from_tensor_slices((appearances, tf.fill([len(positions)], number))).batch(chunk)

    def load(appearances: tf.Tensor, numbers: tf.Tensor) -> tuple[tf.Tensor, ...]:
        indices, repetitions = appearances % count, appearances // count
        images = read(indices if views == 1 else indices + count * ((indices + repetitions + numbers) % views))
        if augment is not None:
            images = augment(images, numbers[0], appearances)
        loaded = images, tf.gather(labels, indices)
        return loaded if mix is None else (*loaded, numbers, appearances)

    # The generator runs anew at every pass and passes the epoch's number to the graph. Compiled functions stay outside
    # flat_map, which would compile them again for every epoch.
    numbers = tf.data.Dataset.from_generator(lambda: iter([epoch.number]), output_signature=tf.TensorSpec((), tf.int64))
    batches = numbers.flat_map(without_autograph(in_order)).map(without_autograph(load), _PARALLEL)
    if chunk > size:
        batches = batches.rebatch(size)
    if mix is not None:
        batches = batches.map(
            without_autograph(lambda images, targets, numbers, which: mix(images, targets, numbers[0], which))
        )
        if share != WHOLE:
            batches = batches.map(without_autograph(lambda images, targets: (share.of(images), share.of(targets))))
    return _finish(batches, places, batch_size)


def evaluation_batches(subset: Subset, num_classes: int, batch_size: int, share: Share = WHOLE) -> tf.data.Dataset:
    """Returns batches (images, labels) in the original order, unchanged, in the form of `training_batches`.

    Args:
        subset: The images.
        num_classes: Width of the one-hot labels.
        batch_size: Images per batch; the last batch may be smaller.
        share: The share of each batch to return.
    """
    read = _reader(subset)
    labels = _in_main_memory(tf.one_hot(subset.labels, num_classes))
    positions = share.positions(len(subset), batch_size)
    indices = tf.data.Dataset.from_tensor_slices(positions).batch(share.size(batch_size))
    batches = indices.map(without_autograph(lambda i: (read(i), tf.gather(labels, i))), _PARALLEL)
    return _finish(batches, len(subset), batch_size)


def without_autograph(function: Callable[..., Any]) -> Callable[..., Any]:
    """Returns a function that tf.data traces as it is.

    By default, TensorFlow first translates a function from Python to Python, for conditions and loops on tensors. There
    are none here, and the translation took a fifth of the CPU time of a run of two quick epochs
    (docs/explanation/what-was-tried.md).

    Args:
        function: A function of tensors, without `if` or `for` on tensors.
    """
    return cast("Callable[..., Any]", tf.autograph.experimental.do_not_convert(function))


@contextlib.contextmanager
def read_errors() -> Iterator[None]:
    """Raises the error of an image or activation that cannot be read as itself, not as TensorFlow reports it.

    Raises:
        DataError: If an image cannot be read any more.
        FolderError: If a cached activation cannot be read any more.
    """
    try:
        yield
    except tf.errors.OpError as error:
        if found := _READ_ERROR.search(str(error)):
            raise rebuild(found[1], found[2]) from None
        raise


def steps_per_epoch(count: int, batch_size: int) -> int:
    """Returns the number of batches for `count` images."""
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
        array = _in_main_memory(source.array)
        return lambda indices: tf.gather(array, indices)
    if isinstance(source, FileImages) and (read := make_file_reader(source)):
        return read

    def read_files(indices: np.ndarray) -> np.ndarray:
        return source.read(indices)

    def read_with_python(indices: tf.Tensor) -> tf.Tensor:
        images = tf.numpy_function(read_files, [indices], source.dtype, stateful=False)
        return tf.ensure_shape(images, (None, *source.shape))

    return read_with_python


def _in_main_memory(values: Any) -> tf.Tensor:
    """Returns a tensor in main memory, where tf.data computes. With a GPU, TensorFlow would store it there."""
    with tf.device("CPU:0"):
        return tf.identity(values)


def _finish(batches: tf.data.Dataset, count: int, batch_size: int) -> tf.data.Dataset:
    options = tf.data.Options()
    options.deterministic = True
    # All settings are fixed, so tuning is useless. With all cores busy, the end of most passes waits for the tuner: 0.5
    # to 0.7 s in 8 of 11 epochs of BaseNet on one core (docs/explanation/what-was-tried.md).
    options.autotune.enabled = False
    # Replicas divide each batch. Sharding by file or element would change the images of a batch.
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.OFF
    known = batches.apply(tf.data.experimental.assert_cardinality(steps_per_epoch(count, batch_size)))
    return known.prefetch(_PREFETCHED).with_options(options)
