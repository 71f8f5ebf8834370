"""Keeps TensorFlow's start-up messages off a user's screen."""

import logging
import os
import sys


def quiet_tensorflow(devices: bool = True) -> None:
    """Imports TensorFlow and Keras without their notes on builds, drivers and retracing; errors still show.

    The notes are written by C++ before any setting is read, straight to the process's standard error.

    Args:
        devices: Whether to ask for the devices, too, which starts drivers and threads.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    sys.stderr.flush()
    screen = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        import keras  # noqa: F401
        import tensorflow as tf

        if devices:
            tf.config.list_physical_devices()
    finally:
        os.dup2(screen, 2)
        os.close(screen)
        os.close(nowhere)
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
