"""The devices on which the faster computations were measured."""

import sys

import tensorflow as tf


def only_cpus() -> bool:
    """Returns whether TensorFlow has no GPU."""
    return not tf.config.list_logical_devices("GPU")


def only_cpus_with_xla() -> bool:
    """Returns whether TensorFlow has no GPU and includes XLA. Its Windows builds do not include XLA."""
    return only_cpus() and sys.platform != "win32"
