"""Where and how precisely to compute: tf.distribute strategy and Keras' precision policy."""

import contextlib
import functools
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
    return _mirrored(tuple(device.name for device in gpus or tf.config.list_logical_devices("CPU")))


# Each strategy numbers its sums over the devices from 100 on, and a process has one place where they meet: those of two
# strategies would be taken for one another ("Shape mismatch in the collective instance 100").
@functools.cache
def _mirrored(devices: tuple[str, ...]) -> tf.distribute.Strategy:
    return tf.distribute.MirroredStrategy(list(devices))


@contextlib.contextmanager
def precision(policy: str) -> Iterator[None]:
    """Makes a precision Keras' policy for the models built inside the block."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
