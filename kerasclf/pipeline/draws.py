"""Random numbers as functions of (seed, epoch, image), independent of batches, threads and earlier draws."""

import numpy as np
import tensorflow as tf

# SplitMix64 (Steele, Lea, Flood 2014): the golden-ratio increment and the two multipliers of its mixer.
_INCREMENT = 0x9E3779B97F4A7C15
_MULTIPLIERS = ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB))
_LAST_SHIFT = 31

# One stream per stage: switching a stage on does not alter the numbers of the others.
AUGMENT, RAND_AUGMENT, MIX, NOISE, OVERSAMPLE = 1, 2, 3, 4, 5


def uniform(stream: int, seed: int, epoch: tf.Tensor, indices: tf.Tensor, count: int) -> tf.Tensor:
    """Returns `count` numbers in [0, 1) for each image, float32 of shape (len(indices), count).

    Args:
        stream: Number of the stage.
        seed: The run's seed.
        epoch: Number of the epoch, a scalar.
        indices: Indices of the images in the training set.
        count: Numbers per image; number j is the same for every `count` above j.
    """
    key = _mix(_u64(stream) + _mix(_u64(seed) + _mix(_u64(epoch))))
    rows = _mix(key + _u64(indices) * _u64(_INCREMENT))
    columns = tf.constant((np.arange(1, count + 1, dtype=np.uint64) * np.uint64(_INCREMENT)), tf.uint64)
    bits = _mix(rows[:, None] + columns[None, :])
    # The upper 24 bits fill a float32's mantissa exactly.
    return tf.cast(tf.bitwise.right_shift(bits, _u64(40)), tf.float32) * 2.0**-24


def permutation(seed: int, epoch: tf.Tensor, count: int) -> tf.Tensor:
    """Returns the order of `count` images in an epoch, int64 of shape (count,)."""
    key = tf.stack([tf.cast(seed, tf.int64), tf.cast(epoch, tf.int64)])
    return tf.random.experimental.stateless_shuffle(tf.range(count, dtype=tf.int64), key)


def _u64(value: tf.Tensor | int) -> tf.Tensor:
    return tf.cast(value, tf.uint64) if tf.is_tensor(value) else tf.constant(value, tf.uint64)


def _mix(bits: tf.Tensor) -> tf.Tensor:
    for shift, multiplier in _MULTIPLIERS:
        bits = tf.bitwise.bitwise_xor(bits, tf.bitwise.right_shift(bits, _u64(shift))) * _u64(multiplier)
    return tf.bitwise.bitwise_xor(bits, tf.bitwise.right_shift(bits, _u64(_LAST_SHIFT)))
