"""Measures the share of the training time in which the network waits for its next batch.

Keras fetches batches inside a compiled function, with one or several steps per call, and a GPU computes steps after the
function has started them. Timing the calls of the iterator would therefore count waiting that overlaps with computing.
The measurement needs only two moments that are certain: when each batch left the input pipeline, and when the results
of a call were there. The rest follows: a step starts when its batch is there and the step before has ended.
"""

import time
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf


class MeasureWaiting(keras.callbacks.Callback):
    """Measures how long the training steps of each epoch wait for data.

    Add it after a callback that reads the loss of each call. A GPU has computed the steps only then.

    Args:
        steps: Training batches per epoch.
    """

    def __init__(self, steps: int) -> None:
        super().__init__()
        self._delivered = np.full(steps, np.nan)  # by batch of the epoch
        self._first, self._is_first_call = 0, True
        self._start = self._waited = self._measured = 0.0

    def watch(self, batches: tf.data.Dataset) -> tf.data.Dataset:
        """Returns the same batches. The moment at which each of them leaves the pipeline is recorded."""

        def record(number: np.int64) -> np.int64:
            if number < len(self._delivered):
                self._delivered[number] = time.perf_counter()
            return number

        def pass_on(number: tf.Tensor, batch: Any) -> Any:
            done = tf.numpy_function(record, [number], tf.int64)
            with tf.control_dependencies([done]):
                return tf.nest.map_structure(tf.identity, batch)

        # The last stage, after prefetching: it runs when the training function asks for a batch.
        options = tf.data.Options()
        options.experimental_optimization.inject_prefetch = False
        return batches.enumerate().map(pass_on).with_options(options)

    @property
    def share(self) -> float:
        """The share of the epoch's steps so far in which the network waited for data, from 0 to 1.

        It leaves out the first call of a training, which traces and compiles.
        """
        return self._waited / self._measured if self._measured else 0.0

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self._is_first_call = True

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._delivered[:] = np.nan
        self._waited = self._measured = 0.0

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self._first, self._start = batch, time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        end = time.perf_counter()
        if self._is_first_call:
            self._is_first_call = False
            return
        delivered = self._delivered[self._first : batch + 1]
        if np.isfinite(delivered).all():
            self._waited += waited(self._start, delivered, end)
            self._measured += end - self._start


def waited(start: float, delivered: Sequence[float] | np.ndarray, end: float) -> float:
    """Returns the seconds that some steps in a row waited for data.

    All steps take one time c. A step starts when its batch is there and the step before has ended. So `end` is at least
    c · n after the delivery of the batch that n steps need, and c is the largest time that all of them allow.

    Args:
        start: When the steps could start.
        delivered: When the batch of each step was there.
        end: When all steps had ended.

    Example:
        >>> from kerasclf.training.waiting import waited
        >>> waited(0.0, [1.0], 3.0)  # one step that waited one second and computed for two
        1.0
        >>> waited(0.0, [0.0, 0.1, 0.2], 3.0)  # steps of one second, whose batches were early
        0.0
    """
    ready = np.maximum(np.asarray(delivered), start)
    left = np.arange(len(ready), 0, -1)
    step = max(0.0, float(((end - ready) / left).min()))
    return end - start - len(ready) * step
