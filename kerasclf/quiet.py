"""Hides TensorFlow's start-up messages."""

import logging
import os
import sys


def quiet_tensorflow(devices: bool = True) -> None:
    """Imports TensorFlow and Keras without their messages on builds, drivers and retracing. Errors still show.

    C++ code writes these messages to the process's standard error before it reads any setting.

    Args:
        devices: Whether to list the devices too, which starts drivers and threads.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    sys.stderr.flush()
    stderr = os.dup(2)
    null = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(null, 2)
        import keras  # noqa: F401
        import tensorflow as tf

        if devices:
            tf.config.list_physical_devices()
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)
        os.close(null)
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
