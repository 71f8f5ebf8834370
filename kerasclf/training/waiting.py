"""Measures the share of the training time in which the network waits for its next batch.

Keras fetches batches inside a compiled function, with one or several steps per call, and a GPU computes steps after the
function has started them. The time between the request for a batch and its delivery may therefore overlap with a step.
Two more moments are certain: when a call began, and when its results were there. The rest follows: a step starts when
its batch is there and the step before has ended.
"""

import time
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

Moments = Sequence[float] | NDArray[np.float64]


class MeasureWaiting(keras.callbacks.Callback):
    """Measures how long the training steps of each epoch wait for data.

    Add it after a callback that reads the loss of each call. A GPU has computed the steps only then.

    Args:
        steps: Training batches per epoch.
    """

    def __init__(self, steps: int) -> None:
        super().__init__()
        self._requested, self._delivered = np.full((2, steps), np.nan)  # by batch of the epoch
        self._first, self._is_first_call = 0, True
        self._start = self._waited = self._measured = 0.0

    def watch(self, batches: tf.data.Dataset) -> tf.data.Dataset:
        """Returns the same batches. The moments at which each of them is requested and delivered are recorded."""

        def requested(number: tf.Tensor) -> tf.Tensor:
            return _note_time(self._requested, number)

        def delivered(number: tf.Tensor, batch: Any) -> Any:
            with tf.control_dependencies([_note_time(self._delivered, number)]):
                return tf.nest.map_structure(tf.identity, batch)

        # The last stages, after prefetching: they run when the training function asks for a batch, one after the other.
        numbers = tf.data.Dataset.range(len(self._requested)).map(requested)
        options = tf.data.Options()
        options.experimental_optimization.inject_prefetch = False
        return tf.data.Dataset.zip(numbers, batches).map(delivered).with_options(options)

    @property
    def share(self) -> float:
        """The share of the epoch's steps so far in which the network waited for data, from 0 to 1.

        It leaves out the first call of a training, which traces and compiles.
        """
        return self._waited / self._measured if self._measured else 0.0

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self._is_first_call = True

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._requested[:] = self._delivered[:] = np.nan
        self._waited = self._measured = 0.0

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self._first, self._start = batch, time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        end = time.perf_counter()
        if self._is_first_call:
            self._is_first_call = False
            return
        steps = slice(self._first, batch + 1)
        if np.isfinite(self._delivered[steps]).all():
            self._waited += waited(self._start, self._requested[steps], self._delivered[steps], end)
            self._measured += end - self._start


def _note_time(times: NDArray[np.float64], number: tf.Tensor) -> tf.Tensor:
    def note(index: np.int64) -> np.int64:
        times[index] = time.perf_counter()
        return index

    return tf.ensure_shape(tf.numpy_function(note, [number], tf.int64), ())


def waited(start: float, requested: Moments, delivered: Moments, end: float) -> float:
    """Returns the seconds that some steps in a row waited for data.

    All steps take one time c. A step starts when its batch is there and the step before has ended. So `end` is at least
    c · n after the delivery of the batch that n steps need, and c is the largest time that all of them allow. The steps
    never waited longer than the time from the requests to the deliveries.

    Args:
        start: When the first step could start, in seconds.
        requested: When the batch of each step was requested.
        delivered: When it was there.
        end: When all steps had ended.

    Example:
        >>> from kerasclf.training.waiting import waited
        >>> waited(0.0, [0.0], [1.0], 3.0)  # one step that waited one second and computed for two
        1.0
        >>> waited(0.0, [0.0, 0.1, 1.0], [0.1, 1.0, 2.0], 3.1)  # steps of one second; two batches came meanwhile
        0.1
    """
    asked, ready = np.maximum(requested, start), np.maximum(delivered, start)
    left = np.arange(len(ready), 0, -1)
    step = max(0.0, float(((end - ready) / left).min()))
    return round(min(float((ready - asked).sum()), end - start - len(ready) * step), 9)
