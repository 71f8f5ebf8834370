"""Where a quicker way was measured."""

import sys

import tensorflow as tf


def only_cpus() -> bool:
    """Whether TensorFlow computes on CPUs alone."""
    return not tf.config.list_logical_devices("GPU")


def only_cpus_with_xla() -> bool:
    """Whether it does, and can compile: TensorFlow's builds for Windows come without XLA."""
    return only_cpus() and sys.platform != "win32"
