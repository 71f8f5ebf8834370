"""Where and how precisely to compute: tf.distribute strategy and Keras' precision policy."""

import contextlib
from collections.abc import Iterator

import keras
import tensorflow as tf


def make_strategy(name: str) -> tf.distribute.Strategy:
    """Returns the tf.distribute strategy for `"auto"`, `"none"` or `"mirrored"`.

    `"auto"` mirrors over the GPUs where there are several. `"mirrored"` mirrors over all GPUs, or over all
    logical CPU devices where there is no GPU.
    """
    gpus = tf.config.list_logical_devices("GPU")
    if name == "none" or (name == "auto" and len(gpus) < 2):
        return tf.distribute.get_strategy()
    return tf.distribute.MirroredStrategy([device.name for device in gpus or tf.config.list_logical_devices("CPU")])


@contextlib.contextmanager
def precision(policy: str) -> Iterator[str]:
    """Makes a precision Keras' policy for the models built inside the block."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        yield policy
    finally:
        keras.config.set_dtype_policy(before)
